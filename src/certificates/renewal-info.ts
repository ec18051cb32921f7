import { leafOf } from './issued.ts';
import type { SuggestedWindow } from './renewal-policy.ts';

const AUTHORITY_KEY_IDENTIFIER = Buffer.from('0603551d23', 'hex');
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
const BOOLEAN = 0x01;
const KEY_IDENTIFIER = 0x80;

/**
 * The name by which a CA knows a certificate in questions after its renewal (RFC 9773, 4.1).
 * @returns undefined when the certificate does not say which key has signed it.
 */
export function certificateId(pem: string): string | undefined {
  const certificate = leafOf(pem);
  const signer = certificate && authorityKey(certificate.raw);
  if (!certificate || !signer) return undefined;
  const hex = certificate.serialNumber;
  const serial = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  // DER integers have a sign: a first bit of one gets a zero before it.
  const signed = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${signer.toString('base64url')}.${signed.toString('base64url')}`;
}

function authorityKey(der: Buffer): Buffer | undefined {
  const at = der.indexOf(AUTHORITY_KEY_IDENTIFIER);
  if (at < 0) return undefined;
  let rest = der.subarray(at + AUTHORITY_KEY_IDENTIFIER.length);
  if (rest[0] === BOOLEAN) rest = rest.subarray(3);
  const sequence = content(content(rest, OCTET_STRING), SEQUENCE);
  return content(sequence, KEY_IDENTIFIER);
}

/** What an element of the tag holds; none of these is longer than one byte can say. */
function content(der: Buffer | undefined, tag: number): Buffer | undefined {
  const length = der?.[1] ?? 0x80;
  if (!der || der[0] !== tag || length >= 0x80 || der.length < 2 + length) return undefined;
  return der.subarray(2, 2 + length);
}

/** The window of an answer after RFC 9773, 4.2; undefined when there is none to go by. */
export function suggestedWindow(body: unknown): SuggestedWindow | undefined {
  if (typeof body !== 'object' || body === null || !('suggestedWindow' in body)) return undefined;
  const { suggestedWindow: window } = body;
  if (typeof window !== 'object' || window === null || !('start' in window) || !('end' in window))
    return undefined;
  const start = Date.parse(String(window.start));
  const end = Date.parse(String(window.end));
  return start < end ? { start, end } : undefined;
}

const HOUR_MS = 3_600_000;

/** When to ask again: as the CA says, but not more often than every minute nor less often than once a day. */
export function nextLook(retryAt: number | undefined, now: number): number {
  const wanted = retryAt ?? now + 6 * HOUR_MS;
  return Math.min(Math.max(wanted, now + 60_000), now + 24 * HOUR_MS);
}
