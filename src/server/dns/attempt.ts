import type { Lookup } from '../../dns/lookup.ts';
import type { Owner } from '../../dns/ownership.ts';
import { namesToRead, planRecords, planRemoval } from '../../dns/plan.ts';
import { DnsFault, type DnsProvider, type RecordSet, type ZoneChange } from '../../dns/provider.ts';
import { findSet } from '../../dns/records.ts';
import type { DnsRecordRow, DnsRecordState, SeenDns, WantedDns } from '../../store/dns-records.ts';
import { elsewhereText, missingText, presentText, takenText, unknownText } from './words.ts';

/** What became of one look at the records of a domain. */
export type Outcome =
  | {
      kind: 'is';
      state: DnsRecordState;
      message: string;
      /** What is there now; absent where nobody was asked. */
      seen?: SeenDns;
      /** What was done to the records. */
      did?: 'created' | 'updated';
    }
  /** It is gone; `did` says whether anything was there. */
  | { kind: 'removed'; did: boolean }
  /** It could not be done now. Unreachable is whoever serves the zone, so that nothing else of it can be done. */
  | { kind: 'fault'; message: string; isUnreachable: boolean };

/** Brings the records of a domain in a zone of ours to what is wanted. */
export async function attemptInZone(
  provider: DnsProvider,
  row: DnsRecordRow,
  { controlPlane, describeOwner }: { controlPlane: string; describeOwner(owner: Owner): Promise<string> },
): Promise<Outcome> {
  const { domain, wanted, loadBalancerId: loadBalancer } = row;
  const owner = { controlPlane, loadBalancer };
  try {
    if (row.state !== 'removing' && hasNoAddress(row)) return noAddress(domain);
    const seen = await provider.read(namesToRead(domain));
    if (row.state === 'removing') {
      const change = planRemoval(domain, owner, seen);
      if (change) await provider.change(change);
      return { kind: 'removed', did: change !== undefined };
    }
    const plan = planRecords({ domain, ...wanted }, owner, seen);
    switch (plan.kind) {
      case 'change':
        await provider.change(plan.change);
        return {
          ...is('present', presentText(domain, wanted), asSeen(wanted)),
          ...whatWasDone(plan.change),
        };
      case 'done':
        return is('present', presentText(domain, wanted), asSeen(wanted));
      case 'as-wanted':
        return is(
          'present',
          `${presentText(domain, wanted)}; somebody else made that, so it is not kept up to date`,
          asSeen(wanted),
        );
      case 'claimed':
        return is(
          'taken',
          `the records of ${domain} belong to ${await describeOwner(plan.owner)}`,
          seenOf(domain, seen),
        );
      case 'taken':
        return is('taken', takenText(domain, wanted, plan.records), seenOf(domain, seen));
    }
  } catch (error) {
    return faultOf(error, (message) => `${domain}: ${message}`);
  }
}

/** Looks whether somebody has made the records of a domain that no zone of ours covers. */
export async function attemptWithoutZone(lookup: Lookup, row: DnsRecordRow): Promise<Outcome> {
  const { domain, wanted } = row;
  try {
    if (hasNoAddress(row)) return noAddress(domain);
    const found = await lookup(domain);
    const seen = { ...found, cname: [] };
    if (seen.ipv4.length + seen.ipv6.length === 0) return is('missing', missingText(domain, wanted), seen);
    const isAll = seen.ipv4.join() === wanted.ipv4.join() && seen.ipv6.join() === wanted.ipv6.join();
    return isAll
      ? is('present', presentText(domain, wanted), seen)
      : is('elsewhere', elsewhereText(domain, wanted, seen), seen);
  } catch (error) {
    return faultOf(error, (message) => unknownText(domain, wanted, message));
  }
}

function is(state: DnsRecordState, message: string, seen?: SeenDns): Extract<Outcome, { kind: 'is' }> {
  return { kind: 'is', state, message, ...(seen ? { seen } : {}) };
}

function asSeen({ ipv4, ipv6 }: WantedDns): SeenDns {
  return { ipv4, ipv6, cname: [] };
}

function seenOf(domain: string, sets: readonly RecordSet[]): SeenDns {
  const values = (type: RecordSet['type']) => findSet(sets, { name: domain, type })?.values ?? [];
  return { ipv4: values('A'), ipv6: values('AAAA'), cname: values('CNAME') };
}

/** The ownership's own record is not worth the mention. */
function whatWasDone({ edits }: ZoneChange): { did?: 'created' | 'updated' } {
  const addresses = edits.filter(({ from, to }) => (from ?? to)?.type !== 'TXT');
  if (addresses.length === 0) return {};
  return { did: addresses.every(({ from }) => from === undefined) ? 'created' : 'updated' };
}

function hasNoAddress({ wanted }: DnsRecordRow): boolean {
  return wanted.ipv4.length + wanted.ipv6.length === 0;
}

function noAddress(domain: string): Outcome {
  return is('pending', `${domain} gets its records when the load balancer has an address`);
}

function faultOf(error: unknown, text: (message: string) => string): Outcome {
  if (!(error instanceof DnsFault)) throw error;
  return { kind: 'fault', message: text(error.message), isUnreachable: error.kind === 'unreachable' };
}
