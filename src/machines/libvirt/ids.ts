import { createHash } from 'node:crypto';

/** A UUID that is the same each time (version 8 of RFC 9562). */
export function uuidOf(...parts: readonly string[]): string {
  const bytes = hash('uuid', parts).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A locally administered unicast address of a network card that is the same each time. */
export function macOf(...parts: readonly string[]): string {
  const bytes = hash('mac', parts).subarray(0, 6);
  // What begins with fe is what the host gives to its own end of a card.
  bytes[0] = 0x52;
  return bytes.toString('hex').match(/../g)?.join(':') ?? '';
}

/** 32 hexadecimal digits as of /etc/machine-id that are the same each time. */
export function machineIdOf(...parts: readonly string[]): string {
  return hash('machine-id', parts).subarray(0, 16).toString('hex');
}

function hash(what: string, parts: readonly string[]): Buffer {
  return createHash('sha256')
    .update([what, ...parts].join('\0'))
    .digest();
}
