import { isDeepStrictEqual } from 'node:util';
import { type Owner, ownershipName, ownershipText, parseOwnership } from './ownership.ts';
import type { RecordEdit, RecordSet, RecordType, ZoneChange } from './provider.ts';
import { findSet } from './records.ts';

/** The records that a domain should have. */
export interface WantedRecords {
  domain: string;
  /** Seconds. */
  ttl: number;
  ipv4: readonly string[];
  ipv6: readonly string[];
}

/** What to do about the records of a domain. */
export type RecordPlan =
  /** They are there, and ours. */
  | { kind: 'done' }
  /** They are there as wanted, made by somebody else. */
  | { kind: 'as-wanted' }
  | { kind: 'change'; change: ZoneChange }
  /** Another control plane or another load balancer has them. */
  | { kind: 'claimed'; owner: Owner }
  /** Somebody else's records are in the way. */
  | { kind: 'taken'; records: readonly RecordSet[] };

const ADDRESS_TYPES = ['A', 'AAAA'] as const;
const POINTING_TYPES: readonly RecordType[] = ['A', 'AAAA', 'CNAME'];

/** The names that must be read before planning. */
export function namesToRead(domain: string): string[] {
  return [domain, ownershipName(domain)];
}

/** What to do so that a domain has the wanted records, given what is there. Pure. */
export function planRecords(wanted: WantedRecords, owner: Owner, seen: readonly RecordSet[]): RecordPlan {
  const pointing = pointingSets(wanted.domain, seen);
  const claim = claimOf(wanted.domain, owner, seen);
  if (claim.kind === 'other') return { kind: 'claimed', owner: claim.owner };
  if (claim.kind === 'none' && pointing.length > 0) {
    return holds(wanted, pointing) ? { kind: 'as-wanted' } : { kind: 'taken', records: pointing };
  }
  const alias = pointing.filter(({ type }) => type === 'CNAME');
  if (alias.length > 0) return { kind: 'taken', records: alias };
  const edits = [
    claimEdit(seen, wanted, owner),
    ...ADDRESS_TYPES.map((type) => edit(seen, addressSet(wanted, type))),
  ].filter(({ from, to }) => !isDeepStrictEqual(from, to));
  if (edits.length === 0) return { kind: 'done' };
  const expect =
    claim.kind === 'ours'
      ? [{ name: claim.set.name, type: 'TXT' as const, values: claim.set.values }]
      : POINTING_TYPES.map((type) => ({ name: wanted.domain, type, values: [] }));
  return { kind: 'change', change: { expect, edits } };
}

/** What to do so that a domain has no records of ours. `undefined` when there are none. Pure. */
export function planRemoval(
  domain: string,
  owner: Owner,
  seen: readonly RecordSet[],
): ZoneChange | undefined {
  const claim = claimOf(domain, owner, seen);
  if (claim.kind !== 'ours') return undefined;
  const sets = ADDRESS_TYPES.flatMap((type) => findSet(seen, { name: domain, type }) ?? []);
  // The claim goes last: a removal that stops half-way still knows whose the rest is.
  return {
    expect: [{ name: claim.set.name, type: 'TXT', values: claim.set.values }],
    edits: [...sets.map((from) => ({ from, to: undefined })), release(claim.set)],
  };
}

type Claim = { kind: 'none' } | { kind: 'ours'; set: RecordSet } | { kind: 'other'; owner: Owner };

/** Whose the records are by the TXT record. With several of them, they are ours only if ours is the only one. */
function claimOf(domain: string, owner: Owner, seen: readonly RecordSet[]): Claim {
  const set = findSet(seen, { name: ownershipName(domain), type: 'TXT' });
  const owners = (set?.values ?? []).flatMap((value) => parseOwnership(value) ?? []);
  const other = owners.find((found) => !isDeepStrictEqual(found, owner));
  if (other) return { kind: 'other', owner: other };
  return set && owners.length > 0 ? { kind: 'ours', set } : { kind: 'none' };
}

function pointingSets(domain: string, seen: readonly RecordSet[]): RecordSet[] {
  return seen.filter(({ name, type }) => name === domain && POINTING_TYPES.includes(type));
}

function holds(wanted: WantedRecords, pointing: readonly RecordSet[]): boolean {
  const values = (type: RecordType) =>
    findSet(pointing, { name: wanted.domain, type })?.values ?? ([] as string[]);
  return (
    values('CNAME').length === 0 &&
    isDeepStrictEqual([...values('A')], [...wanted.ipv4].sort()) &&
    isDeepStrictEqual([...values('AAAA')], [...wanted.ipv6].sort())
  );
}

/** Texts under that name that say nothing of ownership stay. */
function claimEdit(seen: readonly RecordSet[], { domain, ttl }: WantedRecords, owner: Owner): RecordEdit {
  const name = ownershipName(domain);
  const from = findSet(seen, { name, type: 'TXT' });
  const values = [...new Set([...(from?.values ?? []), ownershipText(owner)])].sort();
  return { from, to: { name, type: 'TXT', ttl, values } };
}

function release(from: RecordSet): RecordEdit {
  const values = from.values.filter((value) => parseOwnership(value) === undefined);
  return { from, to: values.length === 0 ? undefined : { ...from, values } };
}

function addressSet({ domain, ttl, ipv4, ipv6 }: WantedRecords, type: 'A' | 'AAAA'): RecordSet | Gone {
  const values = [...(type === 'A' ? ipv4 : ipv6)].sort();
  return values.length === 0 ? { name: domain, type, gone: true } : { name: domain, type, ttl, values };
}

/** A set that should not be there. */
interface Gone {
  name: string;
  type: RecordType;
  gone: true;
}

function edit(seen: readonly RecordSet[], wanted: RecordSet | Gone): RecordEdit {
  return { from: findSet(seen, wanted), to: 'gone' in wanted ? undefined : wanted };
}
