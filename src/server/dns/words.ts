import type { SeenAddresses } from '../../dns/lookup.ts';
import type { RecordSet } from '../../dns/provider.ts';
import { forbiddenRange, parseIp } from '../../spec/address.ts';
import type { WantedDns } from '../../store/dns-records.ts';

/** The records of a domain as a zone file has them: exactly what somebody has to make. */
export function zoneLines(domain: string, { ttl, ipv4, ipv6 }: WantedDns): string[] {
  return [
    ...ipv4.map((address) => `${domain}. ${ttl} IN A ${address}`),
    ...ipv6.map((address) => `${domain}. ${ttl} IN AAAA ${address}`),
  ];
}

export function presentText(domain: string, wanted: WantedDns): string {
  return `${domain} leads here: ${zoneLines(domain, wanted).join(', ')}`;
}

export function missingText(domain: string, wanted: WantedDns): string {
  return `${domain} has no address in DNS. ${makeText(domain, wanted)}`;
}

/** Nobody could be asked; what there should be is told all the same. */
export function unknownText(domain: string, wanted: WantedDns, fault: string): string {
  return `whether ${domain} leads here is not known: ${fault}. If not: ${makeText(domain, wanted)}`;
}

/** What to change so that a domain leads here and nowhere else. */
export function elsewhereText(domain: string, wanted: WantedDns, seen: SeenAddresses): string {
  const right = new Set([...wanted.ipv4, ...wanted.ipv6]);
  const lacking = lackingOf(wanted, seen);
  const wrong = [...seen.ipv4, ...seen.ipv6].filter((address) => !right.has(address));
  const lines = zoneLines(domain, lacking);
  return [
    wrong.length > 0
      ? `${domain} leads to ${wrong.join(', ')}, which is not this load balancer: remove that from its records.`
      : `${domain} leads here, but not by all addresses.`,
    ...(lines.length > 0 ? [makeText(domain, lacking)] : []),
  ].join(' ');
}

/** The lines that a zone file lacks. */
export function linesToMake(domain: string, wanted: WantedDns, seen: SeenAddresses): string[] {
  return zoneLines(domain, lackingOf(wanted, seen));
}

function lackingOf({ ttl, ipv4, ipv6 }: WantedDns, seen: SeenAddresses): WantedDns {
  return {
    ttl,
    ipv4: ipv4.filter((address) => !seen.ipv4.includes(address)),
    ipv6: ipv6.filter((address) => !seen.ipv6.includes(address)),
  };
}

export function takenText(domain: string, wanted: WantedDns, records: readonly RecordSet[]): string {
  const there = records.map(({ type, values }) => `${type} ${values.join(', ')}`).join(' and ');
  const instead = zoneLines(domain, wanted).join(', ');
  return `${domain} has records that AgentMetal did not make (${there}); they are left alone. Remove them and these are made: ${instead}`;
}

function makeText(domain: string, wanted: WantedDns): string {
  const lines = zoneLines(domain, wanted);
  const local = [...wanted.ipv4, ...wanted.ipv6].filter((address) => {
    const ip = parseIp(address);
    return ip !== undefined && forbiddenRange(ip) === 'a loopback address';
  });
  const remark =
    local.length === 0
      ? ''
      : ` (${local.join(', ')} leads every client to itself: it is of use on this machine alone)`;
  return `Make ${lines.length === 1 ? 'this record' : 'these records'}: ${lines.join(', ')}${remark}`;
}
