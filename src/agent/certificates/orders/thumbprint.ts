import { createHash } from 'node:crypto';

/** Thumbprint of an account's key (RFC 7638). @param text the key as certbot keeps it, a JWK */
export function thumbprintOf(text: string): string {
  const key = JSON.parse(text) as Record<string, string>;
  const required =
    key['kty'] === 'RSA'
      ? { e: key['e'], kty: key['kty'], n: key['n'] }
      : { crv: key['crv'], kty: key['kty'], x: key['x'], y: key['y'] };
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url');
}
