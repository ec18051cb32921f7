import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TsigKey } from '../../../spec/dns-zone.ts';
import { DnsFault } from '../../provider.ts';
import { CLASS, HEADER_BYTES, type IncomingMessage, TYPE, encodeRecord } from './message.ts';
import { type WireRecord, encodeName, malformed, readName, uint16, uint32 } from './wire.ts';

/** How far clocks may be apart, in seconds (RFC 8945 advises 300). */
const FUDGE_S = 300;
const ADDITIONAL_COUNT_AT = 10;

const ERRORS = new Map([
  [16, 'the secret is not the one that the name server has (BADSIG)'],
  [17, 'the name server does not know a TSIG key of that name and algorithm (BADKEY)'],
  [18, 'the clocks of this host and of the name server are too far apart (BADTIME)'],
  [22, 'the name server does not accept so short a signature (BADTRUNC)'],
]);

/** A message with its signature (RFC 8945), and the signature alone, which the answer's depends on. */
export function signMessage(message: Buffer, key: TsigKey, seconds: number): { signed: Buffer; mac: Buffer } {
  const time = uint48(seconds);
  const mac = digest(key, [
    message,
    variables(key, { time, fudge: FUDGE_S, error: 0, other: Buffer.alloc(0) }),
  ]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    time,
    uint16(FUDGE_S, mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0, 0),
  ]);
  const record = encodeRecord({ name: key.name, type: TYPE.TSIG, class: CLASS.ANY, ttl: 0, data });
  return { signed: Buffer.concat([withAdditionalCount(message, 1), record]), mac };
}

/** Refuses an answer that whoever has the key did not sign. */
export function verifyAnswer(
  message: Buffer,
  { tsig, rcode }: Pick<IncomingMessage, 'tsig' | 'rcode'>,
  { key, requestMac, seconds }: { key: TsigKey; requestMac: Buffer; seconds: number },
): void {
  if (!tsig) throw unsigned(rcode);
  if (tsig.class !== CLASS.ANY || tsig.ttl !== 0) throw malformed();
  const { algorithm, time, fudge, mac, originalId, error, other } = readTsig(message, tsig);
  const reason = ERRORS.get(error);
  if (error !== 0)
    throw new DnsFault('refused', reason ?? `the name server refused the signature (${error})`);
  const bare = withAdditionalCount(message.subarray(0, tsig.start), -1);
  originalId.copy(bare);
  const parts = [uint16(requestMac.length), requestMac, bare];
  const expected = digest(key, [...parts, variables(key, { time, fudge, error, other })]);
  const isOurs = tsig.name === key.name && algorithm === key.algorithm;
  if (!isOurs || mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
    throw new DnsFault('failed', 'the answer does not carry the signature of the TSIG key; it was not used');
  }
  if (Math.abs(seconds - time.readUIntBE(0, 6)) > fudge) {
    throw new DnsFault('refused', ERRORS.get(18) ?? 'BADTIME');
  }
}

interface TsigData {
  algorithm: string;
  time: Buffer;
  fudge: number;
  mac: Buffer;
  originalId: Buffer;
  error: number;
  other: Buffer;
}

/** The signature is the last of a message, and nothing comes after it. */
function readTsig(message: Buffer, { dataStart, data: { length } }: WireRecord): TsigData {
  const { name: algorithm, next } = readName(message, dataStart);
  let position = next;
  const take = (length: number): Buffer => {
    const bytes = message.subarray(position, position + length);
    if (bytes.length < length) throw malformed();
    position += length;
    return bytes;
  };
  const time = take(6);
  const fudge = take(2).readUInt16BE();
  const mac = take(take(2).readUInt16BE());
  const originalId = take(2);
  const error = take(2).readUInt16BE();
  const other = take(take(2).readUInt16BE());
  if (position !== dataStart + length || position !== message.length) throw malformed();
  return { algorithm, time, fudge, mac, originalId, error, other };
}

function digest({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithm.replace('hmac-', ''), Buffer.from(secret, 'base64'));
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function variables(
  { name, algorithm }: TsigKey,
  { time, fudge, error, other }: Pick<TsigData, 'time' | 'fudge' | 'error' | 'other'>,
): Buffer {
  return Buffer.concat([
    encodeName(name),
    uint16(CLASS.ANY),
    uint32(0),
    encodeName(algorithm),
    time,
    uint16(fudge, error, other.length),
    other,
  ]);
}

function withAdditionalCount(message: Buffer, more: number): Buffer {
  if (message.length < HEADER_BYTES) throw malformed();
  const copy = Buffer.from(message);
  copy.writeUInt16BE(copy.readUInt16BE(ADDITIONAL_COUNT_AT) + more, ADDITIONAL_COUNT_AT);
  return copy;
}

function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** Servers refuse without a signature what they do not know the key of. */
function unsigned(rcode: number): DnsFault {
  if (rcode === 5)
    return new DnsFault(
      'refused',
      'the name server refused it (REFUSED): it does not let this TSIG key do that',
    );
  if (rcode === 9) return new DnsFault('refused', 'the name server did not accept the TSIG key (NOTAUTH)');
  return new DnsFault('failed', 'the answer is not signed with the TSIG key; it was not used');
}
