import { writeCertificateLine } from '../../haproxy/config/certificates.ts';
import { isTerminated } from '../../haproxy/config/frontend.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import type { ServiceModel } from '../../haproxy/model.ts';
import {
  type SeenCertificate,
  addCertificate,
  addLine,
  deleteCertificate,
  deleteLine,
  readCertificates,
  replaceCertificate,
} from '../../haproxy/runtime/certificates.ts';
import type { RuntimeConnection } from '../../haproxy/runtime/connection.ts';
import { withRuntime } from '../../haproxy/runtime/connection.ts';
import { type CertificateFile, contentDigest, digestOnDisk } from './disk.ts';

/** A certificate as it is served, as far as the agent knows. */
export interface LiveCertificate {
  /** SHA-1 in upper-case hexadecimal. */
  fingerprint: string;
  /** Of its files: chain, key and what its CA says of it. */
  digest: string;
  hosts: readonly string[];
}

/** Certificates that are served, by path. */
export type LiveCertificates = ReadonlyMap<string, LiveCertificate>;

/** What is to be changed of the certificates. */
export interface CertificateChanges {
  /** Those that are new, have another content, or are for other names. */
  bring: readonly CertificateFile[];
  /** Paths of those that go. */
  clear: readonly string[];
}

export function certificateChanges(
  live: LiveCertificates,
  files: readonly CertificateFile[],
): CertificateChanges {
  const wanted = new Set(files.map(({ path }) => path));
  return {
    bring: files.filter((file) => !isAsWanted(live.get(file.path), file)),
    clear: [...live.keys()].filter((path) => !wanted.has(path)),
  };
}

function isAsWanted(live: LiveCertificate | undefined, file: CertificateFile): boolean {
  if (!live || live.fingerprint !== file.fingerprint || live.digest !== contentDigest(file)) return false;
  return hostsKey(live.hosts) === hostsKey(file.hosts);
}

export function hasChanges({ bring, clear }: CertificateChanges): boolean {
  return bring.length > 0 || clear.length > 0;
}

export function toLive(files: readonly CertificateFile[]): LiveCertificates {
  return new Map(
    files.map(({ path, fingerprint, pem, staple, hosts }) => [
      path,
      { fingerprint, digest: contentDigest({ pem, staple }), hosts },
    ]),
  );
}

/** Brings new certificates, and new contents and names of those there are. Each handshake finds the old or the new. */
export async function bringCertificates(
  runtime: RuntimeConnection,
  model: ServiceModel,
  { bring }: CertificateChanges,
): Promise<void> {
  if (bring.length === 0) return;
  const { certificateList: list } = servicePaths(model.id, model.layout);
  const seen = await readCertificates(runtime, list);
  for (const { path, pem, hosts, staple } of bring) {
    const present = seen.get(path);
    const content = { pem, staple };
    await (present ? replaceCertificate(runtime, path, content) : addCertificate(runtime, path, content));
    const lines = present?.lines ?? [];
    if (lines.length === 1 && hostsKey(lines[0]?.hosts ?? []) === hostsKey(hosts)) continue;
    const file = path.slice(path.lastIndexOf('/') + 1);
    await addLine(runtime, list, writeCertificateLine({ file, hosts }));
    for (const { number } of lines) await deleteLine(runtime, list, path, number);
  }
}

/** Takes certificates away, once nothing leads clients to them any more. */
export async function clearCertificates(
  runtime: RuntimeConnection,
  model: ServiceModel,
  { clear }: CertificateChanges,
): Promise<void> {
  if (clear.length === 0) return;
  const { certificateList: list } = servicePaths(model.id, model.layout);
  const seen = await readCertificates(runtime, list);
  for (const path of clear) {
    const present = seen.get(path);
    if (!present) continue;
    for (const { number } of present.lines) await deleteLine(runtime, list, path, number);
    await deleteCertificate(runtime, path);
  }
}

/** What HAProxy says it serves. */
export async function seenCertificates(model: ServiceModel): Promise<Map<string, SeenCertificate>> {
  if (!isTerminated(model.spec)) return new Map();
  const { workerSocket, certificateList } = servicePaths(model.id, model.layout);
  return withRuntime(workerSocket, (runtime) => readCertificates(runtime, certificateList));
}

/** What HAProxy says it serves, with what its files hold. */
export async function observedCertificates(model: ServiceModel): Promise<LiveCertificates> {
  const observed = new Map<string, LiveCertificate>();
  for (const [path, { fingerprint, lines }] of await seenCertificates(model)) {
    const digest = await digestOnDisk(path);
    // Of a certificate on several lines some change was cut short: it is brought anew.
    const hosts = lines.length === 1 ? (lines[0]?.hosts ?? []) : [];
    observed.set(path, { fingerprint, digest, hosts });
  }
  return observed;
}

function hostsKey(hosts: readonly string[]): string {
  return hosts.toSorted().join(' ');
}
