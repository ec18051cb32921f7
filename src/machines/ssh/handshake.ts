import ssh2, { type Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { connectFault, stopped, unreachable } from './faults.ts';
import { fingerprint } from './keys.ts';
import type { SshTarget } from './target.ts';

const CONNECT_MS = 15_000;
/** A machine that is gone without a word is noticed after three of them. */
const KEEPALIVE_MS = 5000;

export interface Attempt {
  /** Present when the key was the pinned one and the login went well. */
  client?: Client;
  /** What the machine showed; absent when it has no key of these types. */
  hostKey?: string;
}

/** One try to connect, in which the machine may show a host key of the given types alone. */
export function tryConnect(
  target: SshTarget,
  types: readonly ServerHostKeyAlgorithm[],
  signal: AbortSignal,
): Promise<Attempt> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let hostKey: string | undefined;
    const abort = () => end(() => reject(stopped(target)));
    const end = (tell: () => void) => {
      signal.removeEventListener('abort', abort);
      tell();
      client.destroy();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    client.once('ready', () => {
      signal.removeEventListener('abort', abort);
      resolve({ client, ...(hostKey === undefined ? {} : { hostKey }) });
    });
    // A connection that fails may do so more than once; only the first time is news.
    client.on('error', (error: Error & { level?: string }) =>
      end(() => {
        if (hostKey !== undefined && hostKey !== target.hostKey) resolve({ hostKey });
        else if (error.level === 'handshake' && /no matching host key/i.test(error.message)) resolve({});
        else reject(connectFault(target, error));
      }),
    );
    client.once('close', () => end(() => reject(unreachable(target, 'it closed the connection'))));
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      ...(target.privateKey === '' ? {} : { privateKey: target.privateKey }),
      authHandler: ['publickey'],
      algorithms: { serverHostKey: [...types] },
      hostVerifier: (key: Buffer) => {
        hostKey = fingerprint(key);
        return hostKey === target.hostKey;
      },
      readyTimeout: CONNECT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: 3,
    });
  });
}
