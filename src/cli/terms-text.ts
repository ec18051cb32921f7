import type { CertificateAuthority } from '../api/certificates.ts';

const LETS_ENCRYPT_HOST = /(^|\.)letsencrypt\.org$/;

/** Let’s Encrypt, with where its terms are read. */
export const LETS_ENCRYPT = 'Let’s Encrypt (https://letsencrypt.org/repository/)';

/** A CA with its terms, as far as they are known. */
export function termsText({
  directory,
  termsOfService,
}: Partial<CertificateAuthority> & Pick<CertificateAuthority, 'directory'>): string {
  const host = URL.canParse(directory) ? new URL(directory).hostname : directory;
  const isLetsEncrypt = LETS_ENCRYPT_HOST.test(host);
  if (termsOfService !== undefined) return `${isLetsEncrypt ? 'Let’s Encrypt' : host} (${termsOfService})`;
  return isLetsEncrypt ? LETS_ENCRYPT : `${host}, which has named none so far`;
}
