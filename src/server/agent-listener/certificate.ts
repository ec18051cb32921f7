import { mkdir, readFile, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { exec } from '../../host/exec.ts';
import { hostAddresses } from './addresses.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';

/** Machines know it by itself and not by who signed it, so that nothing is gained by making a new one now and then. */
const DAYS = '36500';
const NAME = 'agentmetal-control-plane';

export interface AgentCertificate {
  /** PEM. */
  certificate: string;
  /** PEM. */
  key: string;
}

/**
 * The certificate that the control plane shows to machines, made at the first start that listens for them. Machines keep a
 * copy of it and trust no other, under whatever name or address they call.
 * @param host the host of the address that machines call, which stands in it for those who check names all the same.
 */
export async function ensureAgentCertificate(
  dataDir: string,
  host: string | undefined,
): Promise<AgentCertificate> {
  const folder = join(dataDir, 'agent-tls');
  const file = join(folder, 'certificate-and-key.pem');
  const present = await readTextIfExists(file);
  if (present !== undefined) return split(present, file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [keyFile, certificateFile] = [join(folder, 'new.key'), join(folder, 'new.crt')];
  await makeCertificate(keyFile, certificateFile, host);
  // One file, so that a crash leaves both or none.
  const both = (await readFile(certificateFile, 'utf8')) + (await readFile(keyFile, 'utf8'));
  await writeFileAtomic(file, both);
  await Promise.all([rm(keyFile), rm(certificateFile)]);
  return split(both, file);
}

async function makeCertificate(keyFile: string, certificateFile: string, host: string | undefined) {
  const names = [
    ...new Set([NAME, 'localhost', '127.0.0.1', ...(host === undefined ? [] : [host]), ...hostAddresses()]),
  ];
  const alternatives = names.map(alternativeName).join(',');
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=${alternatives}`, '-days', DAYS];
  const result = await exec('openssl', [...request, ...subject, '-keyout', keyFile, '-out', certificateFile]);
  if (result.code === 0) return;
  const why = result.missing ? 'there is no openssl on this machine' : result.stderr.trim();
  throw new AppError('unavailable', `the certificate for machines cannot be made: ${why}`, {
    hint: result.missing ? 'apt-get install openssl' : 'Check that the data directory may be written to.',
  });
}

function alternativeName(name: string): string {
  return isIP(name) === 0 ? `DNS:${name}` : `IP:${name}`;
}

function split(text: string, file: string): AgentCertificate {
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text)?.[0];
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----\n/.exec(text)?.[0];
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  throw new AppError('unavailable', `the certificate for machines, ${file}, cannot be read`, {
    hint: 'Put the file back from a backup: with another certificate no machine would know the control plane.',
  });
}
