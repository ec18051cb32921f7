import type { Client, ServerHostKeyAlgorithm } from 'ssh2';
import { type CommandEnd, execute, put } from './commands.ts';
import { assertKey, connectionLost, hostKeyChanged, stopped, timedOut, unreachable } from './faults.ts';
import { tryConnect } from './handshake.ts';
import type { SshTarget } from './target.ts';

export interface SshConnection {
  /**
   * Runs a fixed command line, and gives it `stdin`. No value from elsewhere belongs into `command`: a shell reads it,
   * and everybody on the machine can.
   */
  run(command: string, stdin: string, timeoutMs: number): Promise<CommandEnd>;
  /** Copies a file there by SFTP. */
  upload(from: string, to: string, timeoutMs: number): Promise<void>;
  close(): void;
}

/** One host has a key of each type; a pinned one may be any of them. */
const KEY_TYPES: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
];

/**
 * Connects and logs in with the key alone. Nothing is sent to a machine whose host key is not the pinned one.
 * @throws AppError `machine_unreachable`, `host_key_changed`, `machine_key_refused`, `machine_key_unreadable`
 */
export async function connect(target: SshTarget, signal: AbortSignal): Promise<SshConnection> {
  assertKey(target);
  let seen: string | undefined;
  for (const types of KEY_TYPES) {
    const attempt = await tryConnect(target, types, signal);
    if (attempt.client) return createConnection(target, attempt.client, signal);
    seen ??= attempt.hostKey;
  }
  throw hostKeyChanged(target, seen);
}

/**
 * The fingerprint of the host key that a machine shows, before anybody trusts it.
 * @throws AppError `machine_unreachable`
 */
export async function hostKeyOf(
  host: string,
  port: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  const nobody = { host, port, user: 'root', privateKey: '', hostKey: '' };
  for (const types of KEY_TYPES) {
    const { hostKey } = await tryConnect(nobody, types, signal);
    if (hostKey !== undefined) return hostKey;
  }
  throw unreachable(nobody, 'it has no host key of a type that is known here');
}

function createConnection(target: SshTarget, client: Client, signal: AbortSignal): SshConnection {
  const lost = new Promise<never>((_, reject) => {
    client.once('close', () => reject(signal.aborted ? stopped(target) : connectionLost(target)));
  });
  // Whoever waits for something is told; when nobody does, it is no news.
  lost.catch(() => undefined);
  signal.addEventListener('abort', () => client.destroy(), { once: true });
  const limited = async <T>(what: string, limitMs: number, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timedOut(target, what, limitMs)), limitMs);
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, lost, limit]);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    run: (command, stdin, limitMs) => limited('a command', limitMs, execute(client, command, stdin)),
    upload: (from, to, limitMs) => limited('the copy of a file', limitMs, put(client, from, to)),
    close: () => client.destroy(),
  };
}
