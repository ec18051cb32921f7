import { readFile, rm } from 'node:fs/promises';
import { exec } from '../host/exec.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';
import { ApplyError } from '../haproxy/process/apply-error.ts';

const TEN_YEARS_DAYS = '3650';

/**
 * Reads the self-signed certificate with which HTTPS answers until a real one is there, and makes it if need be. It vouches
 * for nothing, but port 443 is open from the start and a certificate can be put in its place without a reload.
 */
export function ensurePlaceholder(path: string): Promise<string> {
  return ensureSelfSigned(path, 'agentmetal placeholder');
}

/**
 * Makes a file with a self-signed certificate and its key, unless it is there. Answers what it holds.
 * @throws {ApplyError} when it cannot be made.
 */
export async function ensureSelfSigned(path: string, commonName: string): Promise<string> {
  const present = await readTextIfExists(path);
  if (present !== undefined) return present;
  const key = `${path}.key`;
  const certificate = `${path}.crt`;
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    TEN_YEARS_DAYS,
  ];
  const result = await exec('openssl', [
    ...request,
    '-subj',
    `/CN=${commonName}`,
    '-keyout',
    key,
    '-out',
    certificate,
  ]);
  if (result.missing)
    throw new ApplyError(
      'start_failed',
      'there is no openssl on this machine to make a certificate of its own',
      'apt-get install openssl',
    );
  if (result.code !== 0)
    throw new ApplyError('start_failed', `openssl could not make a certificate: ${result.stderr.trim()}`);
  const text = (await readFile(certificate, 'utf8')) + (await readFile(key, 'utf8'));
  await writeFileAtomic(path, text);
  await Promise.all([rm(key), rm(certificate)]);
  return text;
}
