import { z } from 'zod';

const BLOCK = (label: string) =>
  String.raw`-----BEGIN ${label}-----\r?\n[A-Za-z0-9+/=\r\n]+-----END ${label}-----\s*`;
const CERTIFICATES = new RegExp(String.raw`^\s*(${BLOCK('CERTIFICATE')})+$`);
const REVOCATION_LISTS = new RegExp(String.raw`^\s*(${BLOCK('X509 CRL')})+$`);

/** One or several PEM certificates (RFC 7468) and nothing else. */
export const PemCertificates = z
  .string()
  .max(65_536, { abort: true })
  .regex(CERTIFICATES, 'must be one or several certificates in PEM');

/** One or several PEM certificate revocation lists (RFC 7468) and nothing else. */
export const PemRevocationLists = z
  .string()
  .max(1_048_576, { abort: true })
  .regex(REVOCATION_LISTS, 'must be one or several certificate revocation lists (X509 CRL) in PEM');
