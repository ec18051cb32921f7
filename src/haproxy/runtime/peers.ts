import { connect } from 'node:net';
import { AGENT_PEER, LOCAL_PEER } from '../config/names.ts';

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
export type Teacher = typeof AGENT_PEER | typeof LOCAL_PEER;

/**
 * Tells a worker that there is nothing to learn. It would wait 5 s for stick tables otherwise, and hand nothing on to the
 * next worker if a reload came in this time.
 */
export function endResync(address: string, teacher: Teacher): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: `\0${address}`.padEnd(SUN_PATH + 1, '\0') });
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
    socket.once('connect', () => socket.write(`HAProxyS 2.1\n${LOCAL_PEER}\n${teacher} 1 1\n`));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes(RESYNC_CONFIRM)) end();
      // The worker before is not asked: it teaches as soon as it has been let in.
      else if (teacher === LOCAL_PEER ? received.includes(WELCOME) : received.includes(RESYNC_REQUEST))
        tell();
    });
  });
}
