import { X509Certificate, createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  DEFAULT_FILE,
  certificateLines,
  certificatePath,
  writeCertificateList,
} from '../../haproxy/config/certificates.ts';
import { isTerminated } from '../../haproxy/config/frontend.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import { type WriteOptions, readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { ensurePlaceholder } from '../placeholder.ts';

/** A certificate file as it should be, with the names that it is for. */
export interface CertificateFile {
  path: string;
  pem: string;
  /** SHA-1 of the certificate in upper-case hexadecimal. */
  fingerprint: string;
  hosts: readonly string[];
}

/** The files of a load balancer's certificates as they should be, the default last. Makes the placeholder if need be. */
export async function certificateFiles(model: ServiceModel): Promise<CertificateFile[]> {
  if (!isTerminated(model.spec)) return [];
  const { placeholder } = servicePaths(model.id, model.layout);
  const files: CertificateFile[] = [];
  for (const { file, hosts, certificate } of certificateLines(model)) {
    const pem = certificate?.pem ?? (await readPlaceholder(placeholder));
    const fingerprint = certificate?.fingerprint ?? fingerprintOf(pem);
    files.push({ path: certificatePath(model, file), pem, fingerprint, hosts });
  }
  const isDefault = ({ path }: CertificateFile) => path.endsWith(`/${DEFAULT_FILE}`);
  return [...files.filter((file) => !isDefault(file)), ...files.filter(isDefault)];
}

async function readPlaceholder(path: string): Promise<string> {
  await ensurePlaceholder(path);
  return readFile(path, 'utf8');
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint.replaceAll(':', '').toUpperCase();
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What became of the files of certificates. */
export interface WrittenCertificates {
  /** Whether any of them is another than before. */
  isChanged: boolean;
  /** Puts back the files that were there before. */
  undo(): Promise<void>;
}

/** Writes the list and the files that a worker begins with: all of them, or none. */
export async function writeCertificates(
  model: ServiceModel,
  files: readonly CertificateFile[],
  { durable = true }: Pick<WriteOptions, 'durable'> = {},
): Promise<WrittenCertificates> {
  if (files.length === 0) return { isChanged: false, undo: async () => {} };
  const { certificates, certificateList } = servicePaths(model.id, model.layout);
  await mkdir(certificates, { recursive: true, mode: 0o700 });
  const texts = [
    ...files.map(({ path, pem }) => ({ path, text: pem })),
    { path: certificateList, text: writeCertificateList(model) },
  ];
  const before = new Map<string, string | undefined>();
  const undo = async () => {
    for (const [path, text] of before)
      await (text === undefined ? rm(path, { force: true }) : writeFileAtomic(path, text));
  };
  try {
    for (const { path, text } of texts) {
      const present = await readTextIfExists(path);
      if (present === text) continue;
      before.set(path, present);
      await writeFileAtomic(path, text, { durable });
    }
  } catch (error) {
    await undo();
    throw error;
  }
  return { isChanged: before.size > 0, undo };
}

/** Removes the files of certificates that are served no more: keys are not left lying about. */
export async function sweepCertificates(model: ServiceModel): Promise<void> {
  if (!isTerminated(model.spec)) return;
  const { certificates, certificateList } = servicePaths(model.id, model.layout);
  const kept = new Set([basename(certificateList), ...certificateLines(model).map(({ file }) => file)]);
  for (const name of await readdir(certificates))
    if (!kept.has(name)) await rm(certificatePath(model, name), { force: true });
}
