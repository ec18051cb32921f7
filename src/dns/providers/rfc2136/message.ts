import { parseIp } from '../../../spec/address.ts';
import type { RecordType } from '../../provider.ts';
import { canonicalValue } from '../../records.ts';
import { WireReader, type WireRecord, encodeName, malformed, readName, uint16, uint32 } from './wire.ts';

export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const;
export const OPCODE = { query: 0, update: 5 } as const;
export const TYPE = { A: 1, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, TSIG: 250, ANY: 255 } as const;
export const HEADER_BYTES = 12;

const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TYPE_NAMES = new Map<number, RecordType>([
  [TYPE.A, 'A'],
  [TYPE.AAAA, 'AAAA'],
  [TYPE.CNAME, 'CNAME'],
  [TYPE.TXT, 'TXT'],
]);

/** A record to be written into a message. */
export interface OutgoingRecord {
  name: string;
  type: number;
  class: number;
  ttl: number;
  data: Buffer;
}

/** A query, or an update (RFC 2136): there the sections are zone, prerequisites and updates. */
export interface OutgoingMessage {
  id: number;
  opcode: number;
  question: { name: string; type: number };
  prerequisites?: readonly OutgoingRecord[];
  updates?: readonly OutgoingRecord[];
}

export function encodeMessage({
  id,
  opcode,
  question,
  prerequisites = [],
  updates = [],
}: OutgoingMessage): Buffer {
  return Buffer.concat([
    uint16(id, opcode << 11, 1, prerequisites.length, updates.length, 0),
    encodeName(question.name),
    uint16(question.type, CLASS.IN),
    ...[...prerequisites, ...updates].map(encodeRecord),
  ]);
}

export function encodeRecord({
  name,
  type,
  class: recordClass,
  ttl,
  data,
}: Omit<OutgoingRecord, 'start'>): Buffer {
  return Buffer.concat([encodeName(name), uint16(type, recordClass), uint32(ttl), uint16(data.length), data]);
}

/** An answer, its records unread. */
export interface IncomingMessage {
  id: number;
  opcode: number;
  rcode: number;
  isAuthoritative: boolean;
  answers: readonly WireRecord[];
  /** The last record of the message when it is a signature. */
  tsig: WireRecord | undefined;
}

export function decodeMessage(message: Buffer): IncomingMessage {
  const reader = new WireReader(message);
  const [id, flags, questions, ...counts] = Array.from({ length: 6 }, () => reader.uint16());
  if (id === undefined || flags === undefined || (flags & RESPONSE) === 0) throw malformed();
  for (let index = 0; index < (questions ?? 0); index++) {
    reader.name();
    reader.uint16();
    reader.uint16();
  }
  const sections = counts.map((count) => Array.from({ length: count }, () => reader.record()));
  const last = sections[2]?.at(-1);
  return {
    id,
    opcode: (flags >> 11) & 0xf,
    rcode: flags & 0xf,
    isAuthoritative: (flags & AUTHORITATIVE) !== 0,
    answers: sections[0] ?? [],
    tsig: last?.type === TYPE.TSIG ? last : undefined,
  };
}

/** A record's data on the wire. */
export function encodeValue(type: RecordType, value: string): Buffer {
  if (type === 'CNAME') return encodeName(value);
  if (type === 'TXT') return encodeText(value);
  return Buffer.from(parseIp(value)?.toByteArray() ?? []);
}

/** Name, type and value of an answer; `undefined` for a type that we have nothing to do with. */
export function decodeRecord(
  message: Buffer,
  { name, type, ttl, data, dataStart }: WireRecord,
): { name: string; type: RecordType; ttl: number; value: string } | undefined {
  const typeName = TYPE_NAMES.get(type);
  if (!typeName) return undefined;
  const value = decodeValue(typeName, data, () => readName(message, dataStart).name);
  return { name, type: typeName, ttl, value: canonicalValue(typeName, value) };
}

function decodeValue(type: RecordType, data: Buffer, nameHere: () => string): string {
  switch (type) {
    case 'A':
      if (data.length !== 4) throw malformed();
      return data.join('.');
    case 'AAAA':
      if (data.length !== 16) throw malformed();
      return (data.toString('hex').match(/.{4}/g) ?? []).join(':');
    case 'CNAME':
      return nameHere();
    case 'TXT':
      return decodeText(data);
  }
}

/** A text in pieces of at most 255 bytes, each after its length. */
function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const pieces: Buffer[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += 255) {
    const piece = bytes.subarray(start, start + 255);
    pieces.push(Buffer.from([piece.length]), piece);
  }
  return Buffer.concat(pieces);
}

function decodeText(data: Buffer): string {
  const pieces: Buffer[] = [];
  for (let start = 0; start < data.length;) {
    const length = data[start] ?? 0;
    if (start + 1 + length > data.length) throw malformed();
    pieces.push(data.subarray(start + 1, start + 1 + length));
    start += length + 1;
  }
  return Buffer.concat(pieces).toString('utf8');
}
