import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { UpgradeOrder, Upgrader } from '../../api/agent.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { readTextIfExists, writeFileAtomic } from '../../host/files.ts';

export interface UpgradeOptions {
  dataDir: string;
  /** The version that runs; undefined where nothing could switch to another. */
  version: string | undefined;
  /** The bundle that the control plane has for this machine. */
  fetchBundle(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  logger: Logger;
  /** Called when there is news for the control plane. */
  onChange(): void;
}

/** Brings the version of the agent that the control plane wants; switching to it is done by the machine. */
export interface Upgrade {
  /** Reads what became of the upgrade before. */
  load(): Promise<void>;
  /** What the control plane wants; undefined for nothing. */
  want(order: UpgradeOrder | undefined): void;
  /** What to tell of it; undefined where nothing could switch. */
  report(): Upgrader | undefined;
  /** The control plane has taken a report of this agent: it does its work. */
  reported(): Promise<void>;
}

const FETCH_MS = 10 * 60_000;
const MOST_WORDS = 2000;

export function createUpgrade({ dataDir, version, fetchBundle, logger, onChange }: UpgradeOptions): Upgrade {
  const folder = join(dataDir, 'upgrade');
  const file = (name: string) => join(folder, name);
  let failed: Upgrader['failed'];
  /** What is being brought, or was put there and is waited for. */
  let bringing: string | undefined;
  let isNoted = false;

  const readFailure = async () => {
    const [, tried, reason] =
      /^(\S+) (.*)$/s.exec((await readTextIfExists(file('failed')))?.trim() ?? '') ?? [];
    failed = tried && reason ? { version: tried, reason: reason.slice(0, MOST_WORDS) } : undefined;
  };
  const bring = async ({ version: wanted, sha256 }: UpgradeOrder) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Of an attempt before nothing is told any more.
    await rm(file('failed'), { force: true });
    failed = undefined;
    const part = file('agent.tar.gz.part');
    const hash = createHash('sha256');
    await pipeline(
      await fetchBundle(AbortSignal.timeout(FETCH_MS)),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(part, { mode: 0o600 }),
    );
    const found = hash.digest('hex');
    if (found !== sha256) throw new Error(`what was fetched has the SHA-256 ${found} and not ${sha256}`);
    await rename(part, file('agent.tar.gz'));
    await writeFileAtomic(file('wanted'), `${wanted} ${sha256}\n`);
    logger.info({ version: wanted }, 'another version of the agent lies ready');
  };

  return {
    load: readFailure,
    want(order) {
      if (!order || version === undefined || order.version === version) bringing = undefined;
      else if (order.version !== bringing) {
        bringing = order.version;
        bring(order).catch((error: unknown) => {
          bringing = undefined;
          failed = {
            version: order.version,
            reason: `it could not be fetched: ${messageOf(error)}`.slice(0, MOST_WORDS),
          };
          onChange();
        });
      }
    },
    report: () => (version === undefined ? undefined : { version, ...(failed ? { failed } : {}) }),
    async reported() {
      if (isNoted || version === undefined) return;
      isNoted = true;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFileAtomic(file('reported'), `${version}\n`);
    },
  };
}
