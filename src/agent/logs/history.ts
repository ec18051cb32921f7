import type { LogLine } from '../../api/logs.ts';
import { ACCESS_RING } from '../../haproxy/config/log.ts';
import type { WorkerLink } from '../workers/link.ts';
import { parseLogLine } from './parse.ts';

/** Lines of workers that have ended; as many as a ring holds. */
const MAX_KEPT = 3000;
/** Rings of older workers are not read: each takes HAProxy some time. */
const MAX_RINGS = 4;

/** What the rings hold, and held: a ring ends with its worker. */
export interface LogHistory {
  /** Keeps the lines of a worker that is about to end. Answers them. */
  keep(link: WorkerLink): Promise<LogLine[]>;
  /** The lines of workers that have ended. */
  lines(): LogLine[];
  /** All lines there are, in the order of their times, by the workers' links. */
  read(links: readonly WorkerLink[]): Promise<LogLine[]>;
}

export function createLogHistory(): LogHistory {
  let kept: LogLine[] = [];
  return {
    async keep(link) {
      const lines = await readRing(link);
      kept = [...kept, ...lines].slice(-MAX_KEPT);
      return lines;
    },
    lines: () => kept,
    async read(links) {
      const rings = await Promise.allSettled(links.slice(0, MAX_RINGS).map(readRing));
      const present = rings.flatMap((ring) => (ring.status === 'fulfilled' ? ring.value : []));
      return [...kept, ...present].toSorted((left, right) => left.time.localeCompare(right.time));
    },
  };
}

async function readRing(link: WorkerLink): Promise<LogLine[]> {
  const text = await link.ask(`show events ${ACCESS_RING}`);
  return text
    .split('\n')
    .map(parseLogLine)
    .filter((line) => line !== undefined);
}
