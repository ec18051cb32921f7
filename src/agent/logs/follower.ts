import { connect, type Socket } from 'node:net';
import type { LogLine } from '../../api/logs.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { ACCESS_RING } from '../../haproxy/config/log.ts';
import { parseLogLine } from './parse.ts';

/** Lines that are kept for those who follow; who is slower than this loses some and is told how many. */
const MAX_LINES = 5000;
/** Nobody has asked for so long: nobody follows any more. */
const IDLE_MS = 20_000;
/** The lines that a ring holds come at once; after such a pause all of them are there. */
const PAUSE_MS = 20;
const MAX_CATCH_UP_MS = 500;
/** The last line of a worker that ends is on its way for no longer. */
const LAST_LINE_MS = 100;

export interface LogRead {
  /** The answer's cursor before; one that is not known here begins anew. */
  cursor: string | undefined;
  matches(line: LogLine): boolean;
  limit: number;
  /** How long to wait for a line when there is none. */
  waitMs: number;
}

export interface LogPage {
  lines: LogLine[];
  cursor: string;
  missed: number;
}

/** Follows the access log of all workers while somebody reads, and costs nothing while nobody does. */
export interface LogFollower {
  /** Reads on from a cursor. The first reader has the connections opened. */
  read(read: LogRead): Promise<LogPage>;
  /** Names the worker that serves now; its lines are followed too while somebody reads. */
  serve(worker: string, socketPath: string): void;
  /** Lets a worker go that has served its last client. `rest` is what its ring holds, for one that was not followed. */
  release(worker: string, rest: readonly LogLine[]): void;
  /** Closes the connections when nobody has read for a while. */
  tend(): void;
  close(): void;
}

export interface LogFollowerOptions {
  clock: Clock;
  logger: Logger;
  /** What is known from workers that have ended, for who begins to read. */
  history(): LogLine[];
}

export function createLogFollower({ clock, logger, history }: LogFollowerOptions): LogFollower {
  const connections = new Map<string, Socket>();
  const wakers = new Set<() => void>();
  let serving: { worker: string; socketPath: string } | undefined;
  let buffer = createBuffer();
  let startedAt: number | undefined;
  let started: Promise<void> | undefined;
  let heardAt = 0;
  let readAt = 0;
  let reading = 0;

  const take = (lines: readonly LogLine[]) => {
    heardAt = performance.now();
    if (lines.length === 0) return;
    buffer.push(lines);
    for (const wake of wakers) wake();
  };
  const open = ({ worker, socketPath }: { worker: string; socketPath: string }) => {
    if (connections.has(worker)) return;
    const socket = connect(socketPath);
    connections.set(worker, socket);
    let rest = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      take(lines.map(parseLogLine).filter((line) => line !== undefined));
    });
    socket.on('error', (error) => logger.debug({ error: messageOf(error) }, 'cannot follow the access log'));
    socket.on('close', () => {
      if (connections.get(worker) === socket) connections.delete(worker);
    });
    // Without -n it begins with what the ring holds.
    socket.write(`show events ${ACCESS_RING} -w\n`);
  };
  const close = () => {
    for (const socket of connections.values()) socket.destroy();
    connections.clear();
    startedAt = undefined;
    started = undefined;
    buffer = createBuffer();
  };
  const begin = async () => {
    startedAt = clock.now();
    buffer.push(history());
    const begun = performance.now();
    heardAt = begun;
    if (serving) open(serving);
    while (performance.now() - heardAt < PAUSE_MS && performance.now() - begun < MAX_CATCH_UP_MS)
      await clock.sleep(PAUSE_MS / 2);
  };
  const nextLine = (ms: number) => {
    const woken = new AbortController();
    const wake = () => woken.abort();
    wakers.add(wake);
    return clock.sleep(ms, woken.signal).finally(() => wakers.delete(wake));
  };

  return {
    async read({ cursor, matches, limit, waitMs }) {
      reading += 1;
      try {
        await (started ??= begin());
        if (serving) open(serving);
        const deadline = performance.now() + waitMs;
        let at = buffer.positionOf(cursor);
        // The first page is what there is up to now, and only its newest lines.
        if (at === undefined) return buffer.tail(matches, limit);
        let page = buffer.page(at, matches, limit);
        while (page.lines.length === 0 && page.missed === 0 && performance.now() < deadline) {
          await nextLine(deadline - performance.now());
          at = buffer.positionOf(page.cursor);
          if (at === undefined) break;
          page = buffer.page(at, matches, limit);
        }
        return page;
      } finally {
        reading -= 1;
        readAt = performance.now();
      }
    },
    serve(worker, socketPath) {
      if (serving?.worker === worker) return;
      serving = { worker, socketPath };
      if (startedAt !== undefined) open(serving);
    },
    release(worker, rest) {
      const socket = connections.get(worker);
      const from = startedAt;
      if (socket) setTimeout(() => socket.destroy(), LAST_LINE_MS);
      else if (from !== undefined) take(rest.filter(({ time }) => Date.parse(time) >= from));
    },
    tend() {
      if (startedAt !== undefined && reading === 0 && performance.now() - readAt > IDLE_MS) close();
    },
    close() {
      close();
      for (const wake of wakers) wake();
    },
  };
}

let buffers = 0;

/** The newest lines with a number for each, counted from when following began. */
function createBuffer() {
  buffers += 1;
  const name = `${process.pid.toString(36)}-${buffers.toString(36)}`;
  let lines: LogLine[] = [];
  /** Number of the first line that is still there. */
  let first = 0;
  const cursorAt = (position: number) => `${name}.${position}`;
  return {
    push(more: readonly LogLine[]) {
      lines = lines.concat(more);
      // Dropped by halves: to move all lines for each that comes would cost more than to keep it.
      if (lines.length <= MAX_LINES * 2) return;
      first += lines.length - MAX_LINES;
      lines = lines.slice(-MAX_LINES);
    },
    positionOf(cursor: string | undefined): number | undefined {
      const [owner, position] = cursor?.split('.') ?? [];
      return owner === name ? Number(position) : undefined;
    },
    /** The newest of those that match. */
    tail(matches: (line: LogLine) => boolean, limit: number): LogPage {
      return {
        lines: lines.filter(matches).slice(-limit),
        cursor: cursorAt(first + lines.length),
        missed: 0,
      };
    },
    /** The oldest of those that match from a position on. */
    page(position: number, matches: (line: LogLine) => boolean, limit: number): LogPage {
      const missed = Math.max(0, first - position);
      const found: LogLine[] = [];
      let at = Math.max(position, first);
      for (; at < first + lines.length && found.length < limit; at++) {
        const line = lines[at - first];
        if (line && matches(line)) found.push(line);
      }
      return { lines: found, cursor: cursorAt(at), missed };
    },
  };
}
