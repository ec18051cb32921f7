import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../base/errors.ts';

/** The agent, packed for machines. */
export interface Bundle {
  path: string;
  /** What tells it from every other: the product's version and a hash of what is in it. */
  version: string;
  /** Of the processor that its Node runtime is for: `x64` or `arm64`. */
  architecture: string;
  sha256: string;
}

const NAME = /^agentmetal-agent-(?<version>[\w.-]+)-linux-(?<architecture>x64|arm64)\.tar\.gz$/;

export function bundleName(version: string, architecture: string): string {
  return `agentmetal-agent-${version}-linux-${architecture}.tar.gz`;
}

/** Reads what a bundle is from its name, and its checksum from its bytes. @throws AppError `bundle_failed` */
export async function readBundle(path: string): Promise<Bundle> {
  const { version = '', architecture = '' } = NAME.exec(basename(path))?.groups ?? {};
  if (version === '') {
    throw new AppError('bundle_failed', `${path} is not named as an agent's bundle is`, {
      hint: `A bundle is named such as ${bundleName('1.0.0-0123456789ab', 'x64')}.`,
    });
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { path, version, architecture, sha256: hash.digest('hex') };
}
