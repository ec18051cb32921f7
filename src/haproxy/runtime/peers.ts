import { readFile } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '../../base/clock.ts';
import { PEERS } from '../config/names.ts';
import type { PeerEndpoint } from '../config/peers.ts';
import { withRuntime } from './connection.ts';

/** Messages of the peers protocol 2.1 (HAProxy's doc/peers-v2.0.txt), class and type: those that end a lesson. */
const RESYNC_REQUEST = Buffer.from([0, 0]);
const RESYNC_FINISHED = Buffer.from([0, 1]);
const RESYNC_CONFIRM = Buffer.from([0, 3]);
const WELCOME = Buffer.from('200\n');
/** It answers at once or, when it has nothing to ask, never. */
const TIMEOUT_MS = 200;
/** HAProxy fills the name of an abstract socket up to the length of `sun_path`. */
const SUN_PATH = 107;

/**
 * As whom a worker is told: one that began without any before it asks the other peers, one that followed a worker
 * without stick tables waits for that worker, in whose name it is told then.
 */
export type Teacher = 'agent' | 'local';

/**
 * Tells a worker that there is nothing to learn. It would wait 5 s for stick tables otherwise, and hand nothing on to the
 * next worker if a reload came in this time.
 */
export async function endResync(endpoint: PeerEndpoint, teacher: Teacher): Promise<void> {
  const { local, agent } = endpoint;
  const socket = await callWorker(endpoint);
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let isTold = false;
    const end = () => {
      socket.destroy();
      resolve();
    };
    const tell = () => {
      if (!isTold) socket.write(RESYNC_FINISHED);
      isTold = true;
    };
    socket.setTimeout(TIMEOUT_MS, end).once('error', end).once('close', end);
    socket.once(endpoint.tls ? 'secureConnect' : 'connect', () =>
      socket.write(`HAProxyS 2.1\n${local}\n${teacher === 'local' ? local : agent} 1 1\n`),
    );
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes(RESYNC_CONFIRM)) end();
      // The worker before is not asked: it teaches as soon as it has been let in.
      else if (teacher === 'local' ? received.includes(WELCOME) : received.includes(RESYNC_REQUEST)) tell();
    });
  });
}

/** The agent is let in by its own node's key, as which it speaks. */
async function callWorker({ at, tls }: PeerEndpoint): Promise<Socket> {
  if ('abstract' in at) return connect({ path: `\0${at.abstract}`.padEnd(SUN_PATH + 1, '\0') });
  if (!tls) return connect(at);
  const key = await readFile(tls.keyFile);
  // Whoever has one of these keys is a node, whatever it is called.
  return connectTls({
    ...at,
    key,
    cert: key,
    ca: [...tls.certificates],
    checkServerIdentity: () => undefined,
  });
}

/** Bits of the section's flags: it waits neither for the worker before nor for other nodes (`peers.h`). */
const LEARNT = 0x3;
const LESSON_POLL_MS = 10;

/** Waits until a worker has learnt the stick tables of another node. @returns false when that takes longer. */
export async function awaitLesson(socketPath: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const text = await withRuntime(socketPath, (runtime) => runtime.send(`show peers ${PEERS}`));
    const flags = Number(/ id=\S+ disabled=\d+ flags=(0x[0-9a-f]+) /.exec(text)?.[1] ?? 0);
    if ((flags & LEARNT) === LEARNT) return true;
    await systemClock.sleep(LESSON_POLL_MS);
  }
  return false;
}
