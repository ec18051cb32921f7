import { isDeepStrictEqual } from 'node:util';
import { formatIp, parseIp } from '../spec/address.ts';
import { DnsFault, type Expectation, type RecordSet, type RecordType, type ZoneChange } from './provider.ts';

/** A name in lower case without the dot at its end. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The name as providers write it inside a zone: `app`, or `@` for the zone's own name. */
export function relativeName(name: string, zone: string): string {
  return name === zone ? '@' : name.slice(0, -zone.length - 1);
}

/** The other way round. */
export function absoluteName(relative: string, zone: string): string {
  return relative === '@' || relative === '' ? zone : `${relative.toLowerCase()}.${zone}`;
}

/** A value in the one form in which it is compared. */
export function canonicalValue(type: RecordType, value: string): string {
  if (type === 'TXT') return value;
  if (type === 'CNAME') return canonicalName(value);
  const ip = parseIp(value);
  return ip ? formatIp(ip) : value;
}

/** A record set in the form in which it is compared. */
export function recordSet(
  type: RecordType,
  { name, ttl, values }: { name: string; ttl: number; values: readonly string[] },
): RecordSet {
  return {
    name: canonicalName(name),
    type,
    ttl,
    values: [...new Set(values.map((value) => canonicalValue(type, value)))].sort(),
  };
}

/** Records told one by one as record sets; the TTL is that of the first. */
export function groupRecords(
  records: readonly { name: string; type: RecordType; ttl: number; value: string }[],
): RecordSet[] {
  const groups = Map.groupBy(records, ({ name, type }) => `${canonicalName(name)} ${type}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first ? [recordSet(first.type, { ...first, values: group.map(({ value }) => value) })] : [];
  });
}

/** The set of a name and type among those that were read. */
export function findSet(
  sets: readonly RecordSet[],
  { name, type }: Pick<RecordSet, 'name' | 'type'>,
): RecordSet | undefined {
  return sets.find((set) => set.name === name && set.type === type);
}

/** All that must hold for a change, the sets that it edits included; each set once. */
export function expectationsOf({ expect, edits }: ZoneChange): Expectation[] {
  const edited = edits.flatMap(({ from, to }) => {
    const set = from ?? to;
    return set ? [{ name: set.name, type: set.type, values: from?.values ?? [] }] : [];
  });
  return [...new Map([...expect, ...edited].map((set) => [`${set.name} ${set.type}`, set])).values()];
}

/** The names that a change has to do with. */
export function namesOf(change: ZoneChange): string[] {
  return [...new Set(expectationsOf(change).map(({ name }) => name))];
}

/** Refuses a change of records that are not as they were read. For providers that cannot do so themselves. */
export function requireAsRead(seen: readonly RecordSet[], change: ZoneChange): void {
  for (const expected of expectationsOf(change)) {
    const values = findSet(seen, expected)?.values ?? [];
    if (!isDeepStrictEqual([...values], [...expected.values])) throw conflict(expected);
  }
}

export function conflict({ name, type }: Pick<RecordSet, 'name' | 'type'>): DnsFault {
  return new DnsFault('conflict', `the ${type} records of ${name} were changed by somebody else just now`);
}

/** A text in quotes, as zone files and some APIs write it, cut into pieces of 255 bytes. */
export function quoteText(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  const pieces: string[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 255) {
    const piece = [...bytes.subarray(start, start + 255)].map(quotedByte).join('');
    pieces.push(`"${piece}"`);
  }
  return pieces.join(' ');
}

function quotedByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === '"' || character === '\\') return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\${String(byte).padStart(3, '0')}`;
}

const QUOTED = /"((?:[^"\\]|\\\d{3}|\\.)*)"/gs;
const ESCAPE = /\\(\d{3})|\\(.)|([^\\]+)/gs;

/** The text of {@link quoteText}; one without quotes is taken as it is. */
export function unquoteText(quoted: string): string {
  if (!quoted.startsWith('"')) return quoted;
  const parts = [...quoted.matchAll(QUOTED)].flatMap(([, piece = '']) =>
    [...piece.matchAll(ESCAPE)].map(([, code, escaped, plain]) =>
      code === undefined ? Buffer.from(escaped ?? plain ?? '', 'utf8') : Buffer.from([Number(code) & 0xff]),
    ),
  );
  return Buffer.concat(parts).toString('utf8');
}
