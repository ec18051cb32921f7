import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { peerKeyDirectory, peerKeyPath } from '../haproxy/config/peers.ts';
import { readTextIfExists, writeFileAtomic } from '../host/files.ts';
import type { HostLayout } from '../spec/host-layout.ts';
import { ensureSelfSigned } from './placeholder.ts';

const RENEW_BEFORE_MS = 365 * 24 * 3_600_000;

/**
 * The certificate by which this machine's HAProxy is known to those of others. Its key is made here and never leaves. One
 * whose file is gone, or that ends within a year, is replaced by a new one; what the others know stays until they know that.
 * @throws when it cannot be made.
 */
export async function ensurePeerCertificate(
  layout: Pick<HostLayout, 'directory'>,
  now: number,
): Promise<string> {
  const directory = peerKeyDirectory(layout);
  const path = join(directory, 'newest.pem');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const before = await readTextIfExists(path);
  if (before !== undefined && endsSoon(before, now)) await rm(path);
  await ensureSelfSigned(path, 'agentmetal node');
  const pem = await readFile(path, 'utf8');
  const certificate = new X509Certificate(pem).toString();
  const keyFile = peerKeyPath(layout, certificate);
  if ((await readTextIfExists(keyFile)) === undefined) await writeFileAtomic(keyFile, pem, { mode: 0o600 });
  return certificate;
}

function endsSoon(pem: string, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(pem).validTo) < now + RENEW_BEFORE_MS;
  } catch {
    // What cannot be read is of no use to anybody.
    return true;
  }
}
