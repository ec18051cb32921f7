import { X509Certificate, createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
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
import { type WriteOptions, readBytesIfExists, readTextIfExists, writeFileAtomic } from '../../host/files.ts';
import { ensurePlaceholder } from '../placeholder.ts';

/** A certificate file as it should be, with the names that it is for. */
export interface CertificateFile {
  path: string;
  pem: string;
  /** What its CA says of it (OCSP response in base64). */
  staple?: string | undefined;
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
    const pem = certificate?.pem ?? (await ensurePlaceholder(placeholder));
    const fingerprint = certificate?.fingerprint ?? fingerprintOf(pem);
    files.push({ path: certificatePath(model, file), pem, fingerprint, hosts, staple: certificate?.staple });
  }
  const isDefault = ({ path }: CertificateFile) => path.endsWith(`/${DEFAULT_FILE}`);
  return [...files.filter((file) => !isDefault(file)), ...files.filter(isDefault)];
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint.replaceAll(':', '').toUpperCase();
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Path of the response of the CA, which HAProxy reads along with the certificate. */
function staplePath(path: string): string {
  return `${path}.ocsp`;
}

/** Tells the contents of a certificate's files from others. */
export function contentDigest({ pem, staple = '' }: Pick<CertificateFile, 'pem' | 'staple'>): string {
  return digestOf(`${pem}\n${staple}`);
}

/** The same of what lies on the disk. */
export async function digestOnDisk(path: string): Promise<string> {
  const pem = (await readTextIfExists(path)) ?? '';
  return contentDigest({ pem, staple: (await readBytesIfExists(staplePath(path)))?.toString('base64') });
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
  const contents = [
    ...files.flatMap(({ path, pem, staple }) => [
      { path, content: Buffer.from(pem) },
      { path: staplePath(path), content: staple === undefined ? undefined : Buffer.from(staple, 'base64') },
    ]),
    { path: certificateList, content: Buffer.from(writeCertificateList(model)) },
  ];
  const before = new Map<string, Buffer | undefined>();
  const put = (path: string, content: Buffer | undefined, isDurable = true) =>
    content ? writeFileAtomic(path, content, { durable: isDurable }) : rm(path, { force: true });
  const undo = async () => {
    for (const [path, content] of before) await put(path, content);
  };
  try {
    for (const { path, content } of contents) {
      const present = await readBytesIfExists(path);
      if (content === undefined ? present === undefined : present?.equals(content)) continue;
      before.set(path, present);
      await put(path, content, durable);
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
  const kept = new Set([
    basename(certificateList),
    ...certificateLines(model).flatMap(({ file }) => [file, staplePath(file)]),
  ]);
  for (const name of await readdir(certificates))
    if (!kept.has(name)) await rm(certificatePath(model, name), { force: true });
}
