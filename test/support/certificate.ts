import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Makes a self-signed certificate for a name in a folder. */
export function selfSigned(directory: string, name: string): { cert: string; key: string } {
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
  execFileSync('openssl', [...request, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.cert], {
    stdio: 'ignore',
  });
  return files;
}
