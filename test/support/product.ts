import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.ts';
import { createHttpSend } from '../../src/api/http-send.ts';
import type { LoadBalancer } from '../../src/api/load-balancer.ts';
import { type CommandResult, run } from './command.ts';
import { freePort, loopbackPool, temporaryDirectory } from './temporary.ts';
import { waitFor } from './wait.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** The whole product, as `agentmetal up` runs it, with its own folders, port and addresses. */
export interface Product {
  url: string;
  key: string;
  dataDir: string;
  client: ApiClient;
  /** What `up` has printed. */
  output(): string;
  /** Process ids of up, control plane and agent. */
  pids(): Promise<{ up: number; server: number; agent: number }>;
  /** Runs a line of shell, with `agentmetal` on the PATH, as a user of this machine would. */
  sh(line: string, stdin?: string): Promise<CommandResult>;
  loadBalancer(name: string): Promise<LoadBalancer>;
  /** Ends `up` and starts it again on the same state. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends `up`; load balancers go on. */
  end(): Promise<void>;
  /** Ends everything, load balancers too, and removes every file. */
  stop(): Promise<void>;
}

export interface ProductOptions {
  listen?: string;
  addressPool?: string;
  args?: string[];
  /** Files with which the API speaks TLS. */
  tls?: { cert: string; key: string };
  env?: Record<string, string>;
  allowLoopback?: boolean;
  dataDir?: string;
  /** A product whose `up` is ended first, on whose data this one goes on. */
  takeOver?: Product;
}

const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';

export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const directory = await temporaryDirectory();
  const listen = options.listen ?? `127.0.0.1:${await freePort()}`;
  const url = `${options.tls ? 'https' : 'http'}://${listen}`;
  const dataDir = options.dataDir ?? join(directory.path, 'data');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${join(ROOT, 'bin')}:${process.env['PATH']}`,
    XDG_CONFIG_HOME: join(directory.path, 'config'),
    XDG_CACHE_HOME: join(directory.path, 'cache'),
    AGENTMETAL_URL: url,
    AGENTMETAL_API_KEY: KEY,
    API_KEY: KEY,
    NO_COLOR: '1',
    // No test asks a CA of the world for anything.
    AGENTMETAL_ACME_SERVER: 'https://127.0.0.1:9/directory',
    ...(options.tls ? { AGENTMETAL_CA_FILE: options.tls.cert } : {}),
    ...options.env,
  };
  const args = [
    'up',
    '--listen',
    listen,
    '--data-dir',
    dataDir,
    '--address-pool',
    options.addressPool ?? loopbackPool(),
    ...((options.allowLoopback ?? true) ? ['--allow-loopback-backends'] : []),
    ...(options.tls ? ['--tls-cert', options.tls.cert, '--tls-key', options.tls.key] : []),
    ...(options.args ?? []),
  ];
  let output = '';
  let child: ChildProcess;
  const start = async () => {
    const started = spawn(join(ROOT, 'bin/agentmetal'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    started.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    started.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const isOver = () => started.exitCode !== null;
    await waitFor(
      'the product to be up',
      () => isOver() || output.includes('Next, in another terminal'),
      30_000,
    );
    if (isOver()) throw new Error(`up ended with ${started.exitCode}: ${output}`);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  };
  const sh = (line: string, stdin?: string) => run('sh', ['-c', line], env, stdin);
  if (options.takeOver) await options.takeOver.end();
  await start().catch(async (error: unknown) => {
    await directory.remove();
    throw error;
  });
  const certificate = options.tls ? await readFile(options.tls.cert, 'utf8') : undefined;
  const client = new ApiClient({ url, key: KEY, send: createHttpSend({ certificate }) });
  return {
    url,
    key: KEY,
    dataDir,
    client,
    output: () => output,
    sh,
    async pids() {
      const up = child.pid ?? 0;
      const children = (await readFile(`/proc/${up}/task/${up}/children`, 'utf8'))
        .trim()
        .split(' ')
        .map(Number);
      const lines = await Promise.all(
        children.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8') })),
      );
      const find = (part: string) => lines.find(({ line }) => line.split('\0').includes(part))?.pid ?? 0;
      return { up, server: find('server'), agent: find('agent') };
    },
    loadBalancer: async (name) =>
      (await client.request<LoadBalancer>({ method: 'GET', path: `/v1/load-balancers/${name}` })).body,
    async restart(signal = 'SIGTERM') {
      await end(signal);
      output = '';
      await start();
    },
    end: () => end('SIGTERM'),
    async stop() {
      await end('SIGTERM');
      await sh(`agentmetal down --data-dir '${dataDir}'`);
      await directory.remove();
    },
  };
}
