import { AppError, type FieldError } from '../../base/errors.ts';
import { coveringZone } from '../../spec/dns-zone.ts';
import { dnsDomains } from '../../spec/dns.ts';
import { shorten } from '../../spec/field-errors.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { type DnsZoneRecord, findDnsZone, listDnsZones } from '../../store/dns-zones.ts';
import type { Tx } from '../../store/open.ts';
import { validationError } from '../http/read-request.ts';

export async function requireDnsZone(tx: Tx, nameOrId: string): Promise<DnsZoneRecord> {
  const zone = await findDnsZone(tx, nameOrId);
  if (zone) return zone;
  const names = (await listDnsZones(tx, '', 20)).map(({ name }) => name);
  throw new AppError('not_found', `there is no DNS zone ${shorten(nameOrId)}`, {
    hint:
      names.length > 0
        ? `There are: ${names.join(', ')}. List them with \`agentmetal dns zone list\`.`
        : 'Add one with `agentmetal dns zone add ZONE --provider PROVIDER`.',
  });
}

/** Sees that the zone that a spec names is there and covers the domains. */
export async function requireZoneOf(
  tx: Tx,
  spec: LoadBalancerSpec,
  locate: (error: FieldError) => FieldError = (error) => error,
): Promise<void> {
  const zone = spec.dns?.zone;
  if (zone === undefined) return;
  const pointer = '/spec/dns/zone';
  if (!(await findDnsZone(tx, zone))) {
    const fault = { pointer, code: 'unknown_zone', detail: `there is no DNS zone ${zone}` };
    throw validationError([locate(fault)], `Add it: agentmetal dns zone add ${zone} --provider PROVIDER`);
  }
  const outside = dnsDomains(spec).filter((domain) => coveringZone(domain, [zone]) === undefined);
  if (outside.length === 0) return;
  const detail = `the zone ${zone} does not hold ${outside.join(', ')}`;
  throw validationError(
    [locate({ pointer, code: 'outside_zone', detail })],
    'Leave the zone out: each domain then goes into the zone that covers it.',
  );
}
