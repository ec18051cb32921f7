import type { OldWorker } from '../../api/stats.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { startTicks } from '../../host/processes.ts';
import { poolOfBackend } from '../../haproxy/config/names.ts';
import {
  SHOW_ALL_STATS,
  SHOW_FRONTEND_STATS,
  parseStatTable,
  readStatTable,
} from '../../haproxy/runtime/stat.ts';
import { type Reading, clientConnections, readReadings, readingsOf } from '../counters/readings.ts';
import type { WorkerIdentity } from './identity.ts';
import type { WorkerLink } from './link.ts';

/** A worker that has been replaced. */
export interface Replaced {
  worker: WorkerIdentity;
  link: WorkerLink;
  /** When and by which revision; undefined when nobody saw it. */
  replacedAt?: number;
  replacedBy?: number;
}

export interface OldWorkersOptions {
  logger: Logger;
  /** What a worker has counted, all of it. */
  onCounted(worker: WorkerIdentity, readings: readonly Reading[]): void;
  /** It has served its last client and is about to be let go: what is wanted of it must be read now. */
  onLast(worker: WorkerIdentity, link: WorkerLink): Promise<void>;
  onEnd(worker: WorkerIdentity): void;
}

/** The workers from before reloads, until they end: each is read to its last connection and then let go. */
export interface OldWorkers {
  add(replaced: Replaced): void;
  has(pid: number): boolean;
  /** Looks after each of them. The costly look at all that one has counted is made at one of them at a time. */
  tend(): Promise<void>;
  list(): OldWorker[];
  /** Those that can still be asked, the newest first. */
  links(): WorkerLink[];
  readings(): Reading[][];
  close(): void;
}

interface Entry extends Replaced {
  readings: readonly Reading[];
  connections: number;
  readAt: number;
  isReleased: boolean;
}

/** Members in which connections are held; more say nothing to a reader. */
const MAX_HELD = 100;

export function createOldWorkers({ logger, onCounted, onLast, onEnd }: OldWorkersOptions): OldWorkers {
  let entries: Entry[] = [];

  const readAll = async (entry: Entry) => {
    entry.readAt = performance.now();
    const table = await readStatTable(await entry.link.ask(SHOW_ALL_STATS));
    if (!table) return;
    entry.readings = await readReadings(table);
    onCounted(entry.worker, entry.readings);
  };
  const lookAt = async (entry: Entry) => {
    const table = parseStatTable(await entry.link.ask(SHOW_FRONTEND_STATS));
    if (!table) return;
    entry.connections = clientConnections(readingsOf(table));
    if (entry.connections > 0) return;
    await readAll(entry);
    await onLast(entry.worker, entry.link);
    release(entry);
  };
  const quietly = (entry: Entry, work: Promise<void>) =>
    work.catch((error: unknown) =>
      logger.debug({ pid: entry.worker.pid, error: messageOf(error) }, 'an old worker does not answer'),
    );
  const release = (entry: Entry) => {
    entry.isReleased = true;
    entry.link.close();
  };

  return {
    add(replaced) {
      entries.push({ ...replaced, readings: [], connections: 0, readAt: 0, isReleased: false });
    },
    has: (pid) => entries.some(({ worker }) => worker.pid === pid),
    async tend() {
      const ended = entries.filter((entry) => !lives(entry.worker));
      entries = entries.filter((entry) => !ended.includes(entry));
      for (const entry of ended) {
        release(entry);
        onEnd(entry.worker);
      }
      const asked = entries.filter(({ isReleased }) => !isReleased);
      for (const entry of asked) await quietly(entry, lookAt(entry));
      const next = asked
        .filter(({ isReleased }) => !isReleased)
        .toSorted((left, right) => left.readAt - right.readAt)[0];
      if (next) await quietly(next, readAll(next));
    },
    list: () => entries.map(describe),
    links: () =>
      entries
        .filter(({ isReleased }) => !isReleased)
        .map(({ link }) => link)
        .toReversed(),
    readings: () => entries.map(({ readings }) => [...readings]),
    close() {
      for (const entry of entries) release(entry);
    },
  };
}

function lives({ pid, id }: WorkerIdentity): boolean {
  const ticks = startTicks(pid);
  return ticks !== undefined && id === `${pid}-${ticks}`;
}

function describe({ worker, replacedAt, replacedBy, connections, readings }: Entry): OldWorker {
  return {
    pid: worker.pid,
    startedAt: new Date(worker.startedAt).toISOString(),
    ...(replacedAt === undefined ? {} : { replacedAt: new Date(replacedAt).toISOString() }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    connections,
    held: readings
      .filter((reading) => reading.key.startsWith('server/') && reading.connections > 0)
      .toSorted((left, right) => right.connections - left.connections)
      .slice(0, MAX_HELD)
      .map(({ key, connections }) => {
        const [, backend = '', server = ''] = key.split('/');
        return { pool: poolOfBackend(backend), target: server, connections };
      }),
  };
}
