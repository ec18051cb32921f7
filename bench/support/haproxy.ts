import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { loopbackAddress, temporaryDirectory } from '../../test/support/temporary.ts';
import { waitFor } from '../../test/support/wait.ts';

/** A HAProxy with a configuration of our own, in the foreground: one process that ends when it is told to. */
export interface PlainProxy {
  pid: number;
  stop(): Promise<void>;
}

export interface Address {
  host: string;
  port: number;
}

export async function startPlainProxy(config: string, listensOn: Address): Promise<PlainProxy> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'haproxy.cfg');
  await writeFile(file, config);
  // In a session of its own, as any service is: where the scheduler shares out by session (autogroup), one that shared
  // it with the load generator would get up to a third more or less than one that does not.
  const child = spawn('haproxy', ['-db', '-f', file], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const stop = async () => {
    await endOf(child);
    await directory.remove();
  };
  try {
    await waitFor('HAProxy to listen', async () => child.exitCode !== null || (await answers(listensOn)));
    if (child.exitCode !== null) throw new Error(`HAProxy ended with ${child.exitCode}`);
  } catch (error) {
    await stop();
    throw new Error(`HAProxy did not start: ${errors}`, { cause: error });
  }
  return { pid: child.pid ?? 0, stop };
}

/** A fast HTTP server at many ports, which answers every request with its own `address:port`. */
export interface Origin {
  targets: string[];
  stop(): Promise<void>;
}

const FIRST_PORT = 21_000;

export async function startOrigin(count: number): Promise<Origin> {
  const host = loopbackAddress();
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend origin
  bind ${host}:${FIRST_PORT}-${FIRST_PORT + count - 1}
  http-request return status 200 content-type text/plain lf-string %[dst]:%[dst_port]
`;
  const proxy = await startPlainProxy(config, { host, port: FIRST_PORT });
  return {
    targets: Array.from({ length: count }, (_, index) => `${host}:${FIRST_PORT + index}`),
    stop: () => proxy.stop(),
  };
}

function answers({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    // Not SIGTERM's or SIGUSR1's way out: that would wait for connections which nobody needs any more.
    child.kill('SIGKILL');
  });
}
