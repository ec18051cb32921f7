import { randomInt } from 'node:crypto';
import type { z } from 'zod';
import type { Rfc2136 } from '../../../spec/dns-zone.ts';
import {
  DnsFault,
  type DnsProvider,
  type Expectation,
  type ProviderContext,
  RECORD_TYPES,
  type RecordEdit,
  type RecordSet,
  type RecordType,
  type TextRecord,
  type ZoneChange,
} from '../../provider.ts';
import { expectationsOf, groupRecords } from '../../records.ts';
import { exchange } from './exchange.ts';
import {
  CLASS,
  type IncomingMessage,
  OPCODE,
  type OutgoingMessage,
  type OutgoingRecord,
  TYPE,
  decodeMessage,
  decodeRecord,
  encodeMessage,
  encodeValue,
} from './message.ts';
import { signMessage, verifyAnswer } from './tsig.ts';
import { malformed } from './wire.ts';

const RCODE = {
  ok: 0,
  nameError: 3,
  refused: 5,
  yxDomain: 6,
  yxRrset: 7,
  nxRrset: 8,
  notAuth: 9,
  notZone: 10,
};
const NO_DATA = Buffer.alloc(0);

export type Rfc2136Settings = z.output<typeof Rfc2136>;
type Answer = IncomingMessage & { bytes: Buffer };

/**
 * A zone on a name server that takes dynamic updates (RFC 2136) signed with TSIG. Each change is one message: the server
 * compares what must hold and changes all of it or nothing.
 */
export function createRfc2136Provider(
  zone: string,
  { server, port, tsig: key }: Rfc2136Settings,
  { clock, signal }: ProviderContext,
): DnsProvider {
  const ask = async (message: Omit<OutgoingMessage, 'id'>): Promise<Answer> => {
    const id = randomInt(0x1_0000);
    const seconds = Math.floor(clock.now() / 1000);
    const { signed, mac } = signMessage(encodeMessage({ ...message, id }), key, seconds);
    const bytes = await exchange({ host: server, port }, signed, signal);
    const answer = decodeMessage(bytes);
    if (answer.id !== id || answer.opcode !== message.opcode) throw malformed();
    verifyAnswer(bytes, answer, { key, requestMac: mac, seconds });
    return { ...answer, bytes };
  };
  const update = (prerequisites: readonly OutgoingRecord[], updates: readonly OutgoingRecord[]) =>
    ask({ opcode: OPCODE.update, question: { name: zone, type: TYPE.SOA }, prerequisites, updates });
  const changeZone = async (prerequisites: readonly OutgoingRecord[], updates: readonly OutgoingRecord[]) => {
    const { rcode } = await update(prerequisites, updates);
    if (rcode !== RCODE.ok) throw updateFault(rcode, zone);
  };
  /** Prerequisites look at what the zone holds: the one place where a wildcard does not answer for a name. */
  const exists = async ({ name, type }: RecordSet): Promise<boolean> => {
    const { rcode } = await update(prerequisitesOf({ name, type, values: [] }), []);
    if (rcode === RCODE.ok) return false;
    if (rcode === RCODE.yxRrset) return true;
    throw updateFault(rcode, zone);
  };
  const readSet = async (name: string, type: RecordType): Promise<RecordSet | undefined> => {
    const answer = await ask({ opcode: OPCODE.query, question: { name, type: TYPE[type] } });
    requireAuthority(answer, zone);
    const records = answer.answers.flatMap((record) => decodeRecord(answer.bytes, record) ?? []);
    const [set] = groupRecords(records.filter((record) => record.name === name && record.type === type));
    return set && (await exists(set)) ? set : undefined;
  };
  return {
    async check() {
      const question = { name: zone, type: TYPE.SOA };
      const answer = await ask({ opcode: OPCODE.query, question });
      requireAuthority(answer, zone);
      if (!answer.answers.some(({ name, type }) => name === zone && type === TYPE.SOA)) throw notServed(zone);
      await changeZone([], []);
    },
    async read(names) {
      const sets: RecordSet[] = [];
      for (const name of names) {
        for (const type of RECORD_TYPES) {
          const set = await readSet(name, type);
          if (set) sets.push(set);
        }
      }
      return sets;
    },
    change: (change: ZoneChange) =>
      changeZone(expectationsOf(change).flatMap(prerequisitesOf), change.edits.flatMap(updatesOf)),
    addText: ({ name, value, ttl }: TextRecord) => changeZone([], [addition('TXT', { name, ttl, value })]),
    removeText: ({ name, value }) =>
      changeZone([], [{ ...addition('TXT', { name, ttl: 0, value }), class: CLASS.NONE }]),
  };
}

/** RFC 2136, 2.4: that the set has exactly these values, or that there is none. */
function prerequisitesOf({ name, type, values }: Expectation): OutgoingRecord[] {
  if (values.length === 0) return [{ name, type: TYPE[type], class: CLASS.NONE, ttl: 0, data: NO_DATA }];
  return values.map((value) => addition(type, { name, ttl: 0, value }));
}

/** RFC 2136, 2.5: the old set goes as a whole, the new values come one by one. */
function updatesOf({ from, to }: RecordEdit): OutgoingRecord[] {
  const gone = from
    ? [{ name: from.name, type: TYPE[from.type], class: CLASS.ANY, ttl: 0, data: NO_DATA }]
    : [];
  const added = to ? to.values.map((value) => addition(to.type, { ...to, value })) : [];
  return [...gone, ...added];
}

function addition(
  type: RecordType,
  { name, ttl, value }: { name: string; ttl: number; value: string },
): OutgoingRecord {
  return { name, type: TYPE[type], class: CLASS.IN, ttl, data: encodeValue(type, value) };
}

function requireAuthority({ rcode, isAuthoritative }: Answer, zone: string): void {
  if (rcode === RCODE.refused || rcode === RCODE.notAuth) throw notServed(zone);
  if (rcode !== RCODE.ok && rcode !== RCODE.nameError) throw updateFault(rcode, zone);
  if (!isAuthoritative) throw notServed(zone);
}

function notServed(zone: string): DnsFault {
  return new DnsFault('no_zone', `the name server does not serve the zone ${zone}`);
}

function updateFault(rcode: number, zone: string): DnsFault {
  switch (rcode) {
    case RCODE.nameError:
    case RCODE.yxDomain:
    case RCODE.yxRrset:
    case RCODE.nxRrset:
      return new DnsFault('conflict', 'the records were changed by somebody else just now');
    case RCODE.refused:
      return new DnsFault(
        'refused',
        `the name server refused the update (REFUSED): let the TSIG key change A, AAAA and TXT records of ${zone}`,
      );
    case RCODE.notAuth:
    case RCODE.notZone:
      return new DnsFault('no_zone', `the name server is not the primary of ${zone} (NOTAUTH)`);
    default:
      return new DnsFault('failed', `the name server failed to do it (response code ${rcode})`);
  }
}
