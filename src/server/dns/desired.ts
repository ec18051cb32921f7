import { parseIp } from '../../spec/address.ts';
import { coveringZone } from '../../spec/dns-zone.ts';
import { DEFAULT_DNS_TTL, dnsDomains } from '../../spec/dns.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { DnsRecordKey, DnsRecordRow, WantedDns } from '../../store/dns-records.ts';

/** A load balancer as far as DNS goes. */
export interface DnsBalancer {
  id: string;
  spec: Pick<LoadBalancerSpec, 'tls' | 'dns'>;
  /** Where clients reach it. */
  addresses: readonly string[];
}

export interface DesiredRecords extends DnsRecordKey {
  wanted: WantedDns;
}

/** The records that there should be for each domain, each in the zone that covers it. Pure. */
export function desiredRecords(
  balancers: readonly DnsBalancer[],
  zones: ReadonlyMap<string, { id: string }>,
): DesiredRecords[] {
  return balancers.flatMap(({ id, spec, addresses }) => {
    const wanted = wantedOf(spec, addresses);
    return dnsDomains(spec).map((domain) => {
      const zone = coveringZone(domain, spec.dns?.zone === undefined ? zones.keys() : [spec.dns.zone]);
      return { loadBalancerId: id, domain, zoneId: zones.get(zone ?? '')?.id ?? '', wanted };
    });
  });
}

function wantedOf({ dns }: DnsBalancer['spec'], own: readonly string[]): WantedDns {
  const addresses = [...new Set(dns?.addresses ?? own)].sort();
  const ofKind = (kind: 'ipv4' | 'ipv6') => addresses.filter((address) => parseIp(address)?.kind() === kind);
  return { ttl: dns?.ttl ?? DEFAULT_DNS_TTL, ipv4: ofKind('ipv4'), ipv6: ofKind('ipv6') };
}

/** What to write down so that the kept records are about what is desired. Pure. */
export function syncRecords(
  kept: readonly DnsRecordRow[],
  desired: readonly DesiredRecords[],
  now: number,
): { save: DnsRecordRow[]; forget: DnsRecordRow[] } {
  const since = new Date(now).toISOString();
  const byKey = new Map(kept.map((row) => [keyOf(row), row]));
  const wantedKeys = new Set(desired.map(keyOf));
  const save = desired.flatMap((record): DnsRecordRow[] => {
    const row = byKey.get(keyOf(record));
    const isSame = row !== undefined && row.state !== 'removing' && sameWanted(row.wanted, record.wanted);
    if (isSame) return [];
    const state = { state: 'pending', message: `${record.domain} is looked at now` } as const;
    return [{ ...record, ...state, seen: row?.seen ?? null, since, attempts: 0, nextAt: now }];
  });
  const gone = kept.filter((row) => !wantedKeys.has(keyOf(row)));
  const removing = gone
    .filter(({ zoneId, state }) => zoneId !== '' && state !== 'removing')
    .map((row): DnsRecordRow => {
      const message = `the records of ${row.domain} are removed`;
      return { ...row, state: 'removing', message, since, attempts: 0, nextAt: now };
    });
  // Where no zone is ours there is nothing to remove.
  return { save: [...save, ...removing], forget: gone.filter(({ zoneId }) => zoneId === '') };
}

export function keyOf({ loadBalancerId, domain, zoneId }: DnsRecordKey): string {
  return `${loadBalancerId} ${domain} ${zoneId}`;
}

function sameWanted(left: WantedDns, right: WantedDns): boolean {
  return (
    left.ttl === right.ttl && left.ipv4.join() === right.ipv4.join() && left.ipv6.join() === right.ipv6.join()
  );
}
