import { X509Certificate, createHash } from 'node:crypto';

/** How machines reach the control plane. */
export interface AgentAccess {
  /** Where they find it. */
  url(): string;
  /** PEM of the certificate that it shows there. */
  certificate: string;
  /** The certificate's key as curl's --pinnedpubkey takes it. */
  pin: string;
}

/** The pin of a certificate's public key (RFC 7469). */
export function pinOf(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(key).digest('base64')}`;
}
