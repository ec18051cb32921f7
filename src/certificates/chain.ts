import type { KeyObject, X509Certificate } from 'node:crypto';
import type { BundleFault } from './bundle.ts';

/** The certificate of a key and its issuers, each the issuer of the one before. */
export type Chain = readonly [X509Certificate, ...X509Certificate[]];

/** Finds the certificate of the key and puts its issuers behind it, whatever the order that they came in. */
export function orderChain(
  certificates: readonly X509Certificate[],
  key: KeyObject,
): { chain: Chain; warnings: string[] } | { fault: BundleFault } {
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (!leaf)
    return {
      fault: {
        field: 'privateKey',
        code: 'key_mismatch',
        detail: 'is not the key of any certificate that was given',
      },
    };
  const chain: [X509Certificate, ...X509Certificate[]] = [leaf];
  const rest = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
  rest.delete(leaf.fingerprint256);
  let last = leaf;
  for (;;) {
    const subject = last;
    const issuer = isSelfSigned(subject)
      ? undefined
      : [...rest.values()].find((candidate) => hasIssued(candidate, subject));
    if (!issuer) break;
    rest.delete(issuer.fingerprint256);
    chain.push(issuer);
    last = issuer;
  }
  const [stranger] = rest.values();
  if (stranger)
    return {
      fault: {
        field: 'certificate',
        code: 'not_in_chain',
        detail: `holds a certificate that is not of the chain: ${stranger.subject.replaceAll('\n', ', ').slice(0, 200)}`,
      },
    };
  return { chain, warnings: isSelfSigned(last) ? [] : endWarning(last) };
}

function hasIssued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return hasIssued(certificate, certificate);
}

function endWarning({ issuer }: X509Certificate): string[] {
  const name = issuer.replaceAll('\n', ', ').slice(0, 200);
  return [`the chain ends with a certificate from ${name}; clients must know that CA by themselves`];
}
