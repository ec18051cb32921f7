import type { KeyObject, X509Certificate } from 'node:crypto';
import { keyText } from './facts.ts';

const MIN_RSA_BITS = 2048;
/** A handshake with a longer key takes so much time that few clients can keep a machine busy. */
const MAX_RSA_BITS = 8192;
/** The curves that browsers know (Mozilla's intermediate profile). */
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** Signatures by MD5 and SHA-1, which can be forged. */
const FORGEABLE = /md[245]|sha-?1(?![0-9])/i;

/** Why a key is not to be served; undefined when it may. */
export function weakKey(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  const text = keyText(key);
  if (type === 'rsa') {
    const bits = details.modulusLength ?? 0;
    if (bits < MIN_RSA_BITS) return `is too short (${text}): RSA needs at least ${MIN_RSA_BITS} bits`;
    return bits > MAX_RSA_BITS ? `is too long (${text}): RSA may have ${MAX_RSA_BITS} bits` : undefined;
  }
  if (type === 'ec' && CURVES.has(details.namedCurve ?? '')) return undefined;
  return `is of a kind that clients do not know (${text}): use RSA or a curve of NIST`;
}

/** Why the signature of a certificate is not to be trusted; undefined when it may, or when it vouches for itself. */
export function weakSignature(certificate: X509Certificate): string | undefined {
  if (certificate.checkIssued(certificate)) return undefined;
  const algorithm = certificate.signatureAlgorithm ?? '';
  return FORGEABLE.test(algorithm)
    ? `is signed by ${algorithm}, which can be forged: have it issued again with SHA-256`
    : undefined;
}
