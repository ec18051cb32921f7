import { createHash, timingSafeEqual } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const LENGTH = 40;

/** A new secret: a prefix that says what it is and 40 random characters (238 bits). */
export function newSecret(prefix: string, randomBytes: (size: number) => Buffer): string {
  let text = '';
  while (text.length < LENGTH) {
    // 248 is the largest multiple of 62 in a byte: what lies above would make the first characters likelier.
    for (const byte of randomBytes(LENGTH)) if (byte < 248 && text.length < LENGTH) text += BASE62[byte % 62];
  }
  return `${prefix}_${text}`;
}

/** How a secret is stored. It is random and long, so a fast hash is enough. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function equalHashes(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left, 'hex'), Buffer.from(right, 'hex')];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What a key may be recognised by: never more than a quarter of it. */
export function secretPrefix(secret: string): string {
  return secret.slice(0, Math.min(8, Math.floor(secret.length / 4)));
}
