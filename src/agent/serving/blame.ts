import { ApplyError } from '../../haproxy/process/apply-error.ts';
import { CertificateRefused } from '../../haproxy/runtime/certificates.ts';
import type { CertificateFile } from './disk.ts';

/** Makes the refusal of a configuration that of the certificate for which it was refused, if it was for one. */
export function blameCertificate(error: unknown, files: readonly CertificateFile[]): unknown {
  if (!(error instanceof ApplyError) || error.code !== 'config_rejected') return error;
  // The default stands last and is one of the others.
  const file = files.find(({ path }) => error.message.includes(path));
  return file ? new CertificateRefused(file.path, error.message.slice(0, 500)) : error;
}
