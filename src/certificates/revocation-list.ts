import type { X509Certificate } from 'node:crypto';
import { pemBlocks } from './pem.ts';
import { childrenOf } from './der.ts';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const EXPLICIT_0 = 0xa0;

/**
 * What keeps revocation lists from being used with those CAs; undefined when nothing does. OpenSSL wants a list of every
 * CA in a client's chain, and refuses every client where one is missing (X509_V_FLAG_CRL_CHECK_ALL).
 */
export function revocationFault(cas: readonly X509Certificate[], pem: string): string | undefined {
  const issuers: Buffer[] = [];
  for (const [index, { text }] of pemBlocks(pem).entries()) {
    const issuer = listIssuer(derOf(text));
    if (!issuer) return `its list number ${index + 1} cannot be read`;
    issuers.push(issuer);
  }
  const without = cas.find((ca) => {
    const subject = certificateSubject(ca.raw);
    return !subject || !issuers.some((issuer) => issuer.equals(subject));
  });
  return without
    ? `lacks the list of ${without.subject.replaceAll('\n', ', ').slice(0, 200)}: each of the CAs needs one`
    : undefined;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

/** Issuer of a revocation list (RFC 5280, section 5.1.2): after the version, if there is one, and the algorithm. */
function listIssuer(der: Buffer): Buffer | undefined {
  const parts = bodyOf(der);
  const first = parts?.[0]?.tag === INTEGER ? 1 : 0;
  const issuer = parts?.[first + 1];
  return issuer?.tag === SEQUENCE ? issuer.bytes : undefined;
}

/** Subject of a certificate (RFC 5280, section 4.1): after version, serial, algorithm, issuer and validity. */
function certificateSubject(der: Buffer): Buffer | undefined {
  const parts = bodyOf(der);
  const first = parts?.[0]?.tag === EXPLICIT_0 ? 1 : 0;
  const subject = parts?.[first + 4];
  return subject?.tag === SEQUENCE ? subject.bytes : undefined;
}

/** The parts of what is signed. */
function bodyOf(der: Buffer) {
  const body = childrenOf(der)?.[0];
  return body?.tag === SEQUENCE ? childrenOf(body.bytes) : undefined;
}
