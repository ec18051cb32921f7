import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Makes a self-signed certificate for a name in a folder.
 * @param alternatives further names, as `IP:127.0.0.1`; without any, the certificate has the common name alone
 */
export function selfSigned(
  directory: string,
  name: string,
  alternatives: readonly string[] = [],
): { cert: string; key: string } {
  const files = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
  ];
  if (alternatives.length > 0)
    request.push('-addext', `subjectAltName=${[`DNS:${name}`, ...alternatives].join(',')}`);
  execFileSync('openssl', [...request, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.cert], {
    stdio: 'ignore',
  });
  return files;
}
