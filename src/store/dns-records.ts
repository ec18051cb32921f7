import type { Selectable } from 'kysely';
import type { Tx } from './open.ts';
import type { Database } from './schema.ts';

/**
 * `pending`: not looked yet. `unknown`: no name server answers. `present`: they are there as wanted. `missing`,
 * `elsewhere`: without a zone of ours, somebody has to make or mend them. `taken`: somebody else's records are in the way.
 * `failed`: the provider did not do it. `removing`: nobody wants them any more.
 */
export type DnsRecordState =
  | 'pending'
  | 'unknown'
  | 'present'
  | 'missing'
  | 'elsewhere'
  | 'taken'
  | 'failed'
  | 'removing';

/** What the records of a domain should be. */
export interface WantedDns {
  /** Seconds. */
  ttl: number;
  ipv4: readonly string[];
  ipv6: readonly string[];
}

/** What was there: addresses, and names that the domain is an alias of. */
export interface SeenDns {
  ipv4: readonly string[];
  ipv6: readonly string[];
  cname: readonly string[];
}

/** Which records: those of one domain for one load balancer in one zone, or without a zone (`''`). */
export interface DnsRecordKey {
  loadBalancerId: string;
  domain: string;
  zoneId: string;
}

export interface DnsRecordRow extends DnsRecordKey {
  state: DnsRecordState;
  wanted: WantedDns;
  /** What was there at the last look that had an answer; null before. */
  seen: SeenDns | null;
  /** The state in words, with what to do. */
  message: string;
  since: string;
  /** Failed attempts in a row. */
  attempts: number;
  /** When to look again, milliseconds since the epoch. */
  nextAt: number;
}

export async function saveDnsRecord(tx: Tx, record: DnsRecordRow): Promise<void> {
  const { load_balancer_id, domain, zone_id, ...columns } = toRow(record);
  await tx
    .insertInto('dns_records')
    .values({ load_balancer_id, domain, zone_id, ...columns })
    .onConflict((conflict) =>
      conflict.columns(['load_balancer_id', 'domain', 'zone_id']).doUpdateSet(columns),
    )
    .execute();
}

/**
 * Changes one that is there and is still due when it was: one that was deleted, changed or hurried in the meantime stays
 * as it is, and is looked at again.
 * @returns whether it was changed
 */
export async function updateDnsRecord(tx: Tx, record: DnsRecordRow, wasDue: number): Promise<boolean> {
  const { load_balancer_id, domain, zone_id, ...columns } = toRow(record);
  const { numUpdatedRows } = await tx
    .updateTable('dns_records')
    .set(columns)
    .where('load_balancer_id', '=', load_balancer_id)
    .where('domain', '=', domain)
    .where('zone_id', '=', zone_id)
    .where('next_at', '=', wasDue)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function deleteDnsRecord(tx: Tx, key: DnsRecordKey): Promise<void> {
  await tx
    .deleteFrom('dns_records')
    .where('load_balancer_id', '=', key.loadBalancerId)
    .where('domain', '=', key.domain)
    .where('zone_id', '=', key.zoneId)
    .execute();
}

/** Forgets all records of a zone, without touching DNS. */
export async function forgetZoneRecords(tx: Tx, zoneId: string): Promise<void> {
  await tx.deleteFrom('dns_records').where('zone_id', '=', zoneId).execute();
}

/** Has everything in a zone looked at at once. */
export async function hurryZone(tx: Tx, zoneId: string, now: number): Promise<void> {
  await tx.updateTable('dns_records').set({ next_at: now }).where('zone_id', '=', zoneId).execute();
}

export async function listDnsRecords(tx: Tx): Promise<DnsRecordRow[]> {
  return (await tx.selectFrom('dns_records').selectAll().execute()).map(fromRow);
}

export async function dnsRecordsOf(tx: Tx, loadBalancerIds: readonly string[]): Promise<DnsRecordRow[]> {
  if (loadBalancerIds.length === 0) return [];
  const rows = await tx
    .selectFrom('dns_records')
    .selectAll()
    .where('load_balancer_id', 'in', loadBalancerIds)
    .execute();
  return rows.map(fromRow);
}

/** What is kept of the records in a zone. */
export async function dnsRecordsInZone(tx: Tx, zoneId: string): Promise<DnsRecordRow[]> {
  return (await tx.selectFrom('dns_records').selectAll().where('zone_id', '=', zoneId).execute()).map(
    fromRow,
  );
}

/** Has those who wait for a domain look at once: it may have become free. */
export async function hurryDomain(tx: Tx, domain: string, now: number): Promise<void> {
  await tx.updateTable('dns_records').set({ next_at: now }).where('domain', '=', domain).execute();
}

function toRow(record: DnsRecordRow): Selectable<Database['dns_records']> {
  const { loadBalancerId, domain, zoneId, state, wanted, seen, message, since, attempts, nextAt } = record;
  return {
    load_balancer_id: loadBalancerId,
    domain,
    zone_id: zoneId,
    state,
    wanted: JSON.stringify(wanted),
    seen: seen && JSON.stringify(seen),
    message,
    since,
    attempts,
    next_at: nextAt,
  };
}

function fromRow(row: Selectable<Database['dns_records']>): DnsRecordRow {
  return {
    loadBalancerId: row.load_balancer_id,
    domain: row.domain,
    zoneId: row.zone_id,
    state: row.state as DnsRecordState,
    wanted: JSON.parse(row.wanted) as WantedDns,
    seen: row.seen === null ? null : (JSON.parse(row.seen) as SeenDns),
    message: row.message,
    since: row.since,
    attempts: row.attempts,
    nextAt: Number(row.next_at),
  };
}
