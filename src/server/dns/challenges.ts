import type { Challenge } from '../../api/dns-zones.ts';
import { AppError } from '../../base/errors.ts';
import type { DnsProvider } from '../../dns/provider.ts';
import { coveringZone } from '../../spec/dns-zone.ts';
import { domainsOf } from '../../spec/dns.ts';
import { type DnsZoneRecord, listDnsZones } from '../../store/dns-zones.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { machineNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { orProviderFailed } from './zone-providers.ts';

const PREFIX = '_acme-challenge.';
const CHALLENGE_TTL = 60;

type Context = Pick<ServerContext, 'store' | 'zones'>;

/** Adds a challenge of a machine's certificate order to DNS. Two at a time on one name stand beside each other. */
export function publishChallenge(context: Context, machineId: string, challenge: Challenge): Promise<void> {
  return inZone(context, machineId, challenge, (provider) =>
    provider.addText({ ...challenge, ttl: CHALLENGE_TTL }),
  );
}

export function removeChallenge(context: Context, machineId: string, challenge: Challenge): Promise<void> {
  return inZone(context, machineId, challenge, (provider) => provider.removeText(challenge));
}

async function inZone(
  { store, zones }: Context,
  machineId: string,
  { name }: Challenge,
  work: (provider: DnsProvider) => Promise<void>,
): Promise<void> {
  const zone = await store.transaction((tx) => requireZoneFor(tx, machineId, name));
  await orProviderFailed(zone.name, async () => work(await zones.of(zone)));
}

async function requireZoneFor(tx: Tx, machineId: string, name: string): Promise<DnsZoneRecord> {
  const domain = name.slice(PREFIX.length);
  const named = await zoneNamed(tx, machineId, domain);
  const all = new Map((await listDnsZones(tx)).map((zone) => [zone.name, zone]));
  const zone = all.get(coveringZone(domain, named === undefined ? all.keys() : [named]) ?? '');
  if (zone) return zone;
  throw new AppError('not_found', `no DNS zone covers ${domain}`, {
    hint: 'Add it: agentmetal dns zone add ZONE --provider PROVIDER',
  });
}

/** The zone that the load balancer with the domain names. A machine speaks for the domains of its own alone. */
async function zoneNamed(tx: Tx, machineId: string, domain: string): Promise<string | undefined> {
  const { ids } = await machineNodes(tx, machineId, 0);
  for (const id of ids) {
    const record = await findLoadBalancer(tx, id);
    if (record && domainsOf(record.spec).some((own) => own.replace(/^\*\./, '') === domain))
      return record.spec.dns?.zone;
  }
  throw new AppError('forbidden', `${domain} is no domain of a load balancer on this machine`);
}
