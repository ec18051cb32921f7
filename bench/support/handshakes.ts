import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sum } from './statistics.ts';

const run = promisify(execFile);

export interface HandshakeOptions {
  /** `address:port` */
  at: string;
  version: '1.2' | '1.3';
  /** Whether the session of the first handshake is taken up again, which spares the signature. */
  isResumed: boolean;
  seconds: number;
  /** Processes that shake hands, each one after another. */
  clients: number;
}

export interface Handshakes {
  count: number;
  perSecond: number;
}

/**
 * Has openssl shake hands, each time on a connection of its own. With each resumed session comes a request, by whose answer
 * a client of TLS 1.3 gets what it resumes with.
 * @throws when a handshake fails, or is not of the kind that was asked for
 */
export async function shakeHands(options: HandshakeOptions): Promise<Handshakes> {
  const runs = await Promise.all(Array.from({ length: options.clients }, () => oneClient(options)));
  return {
    count: sum(runs.map(({ count }) => count)),
    perSecond: sum(runs.map(({ perSecond }) => perSecond)),
  };
}

async function oneClient({ at, version, isResumed, seconds }: HandshakeOptions): Promise<Handshakes> {
  const kind = isResumed ? ['-reuse', '-www', '/'] : ['-new'];
  const args = ['s_time', '-connect', at, `-tls1_${version.slice(2)}`, ...kind, '-time', String(seconds)];
  const { stdout, stderr } = await run('openssl', args, { maxBuffer: 64 * 1024 * 1024 });
  const counted = /(\d+) connections in (\d+) real seconds/.exec(stdout);
  // A letter for each connection: `r` for one that was resumed.
  const [letters] = /^[rt3*]+$/m.exec(stdout) ?? [''];
  const resumed = letters.replaceAll(/[^r]/g, '').length;
  const count = Number(counted?.[1]);
  if (!(count > 0) || resumed !== (isResumed ? count : 0))
    throw new Error(`openssl ${args.join(' ')}: ${resumed} resumed; ${stdout.slice(-500)}${stderr}`);
  return { count, perSecond: count / seconds };
}
