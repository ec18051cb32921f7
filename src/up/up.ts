import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ApiClient } from '../api/client.ts';
import { systemClock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { randomKey } from '../base/random-key.ts';
import { type Child, superviseChild } from './child.ts';
import { type Demo, startDemo } from './demo.ts';

export interface UpOptions {
  /** `host:port` of the API. */
  listen: string;
  dataDir: string;
  /** CIDR, list of addresses, or `*`. */
  addressPool: string;
  allowLoopbackBackends: boolean;
  /** Becomes the first admin key at first start; else one is made. */
  apiKey?: string;
  /** Makes the sample VPC, backends and load balancer. */
  demo: boolean;
  /** Listens beyond loopback without TLS. */
  insecureListen: boolean;
  tlsCert?: string;
  tlsKey?: string;
  /** Added to ports below 1024 where they may not be bound. */
  lowPortOffset?: number;
}

export interface UpSurroundings {
  env: NodeJS.ProcessEnv;
  /** Where people read what goes on. */
  print(line: string): void;
  /** Saves the control plane and its key so that the next command finds them. Answers where. */
  saveContext(url: string, key: string): Promise<string>;
  /** The key that the next command would use for this control plane; undefined when it would have none. */
  knownKey(url: string): Promise<string | undefined>;
  /** Ends everything but the load balancers. */
  signal: AbortSignal;
}

const READY_TIMEOUT_MS = 60_000;

/** Runs control plane and agent, each in a process of its own, until the signal. Answers the exit code. */
export async function runUp(options: UpOptions, surroundings: UpSurroundings): Promise<number> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const url = urlOf(options);
  const isFirstStart = !existsSync(join(dataDir, 'agentmetal.db'));
  const firstKey = isFirstStart ? (options.apiKey ?? randomKey()) : undefined;
  const allowLoopback = options.allowLoopbackBackends || options.demo;
  const { print } = surroundings;
  const onRestart = (name: string, cause: string) =>
    print(`${name} ended (${cause}); starting it again. Load balancers went on serving.`);

  const server = superviseChild({
    name: 'The control plane',
    args: serverArgs(options, dataDir, allowLoopback),
    env: serverEnv(surroundings.env, firstKey),
    onRestart,
  });
  const exitCode = await Promise.race([server.failed, waitUntilReady(url, options)]);
  if (exitCode !== 0) {
    await server.stop();
    return exitCode;
  }
  server.markReady();
  const agent = superviseChild({
    name: 'The agent',
    args: agentArgs(options, url, dataDir),
    env: surroundings.env,
    onRestart,
  });
  agent.markReady();
  await announce(url, dataDir, firstKey, allowLoopback, surroundings);
  const demo = options.demo ? await tryDemo(url, firstKey, surroundings) : undefined;
  await untilAborted(surroundings.signal);
  await stopAll([agent, server], demo);
  print(`Stopped. Load balancers go on serving; to end them too: agentmetal down${dataDirFlag(options)}`);
  return 0;
}

function serverArgs(options: UpOptions, dataDir: string, allowLoopback: boolean): string[] {
  return [
    'server',
    '--listen',
    options.listen,
    '--data-dir',
    dataDir,
    '--address-pool',
    options.addressPool,
    ...(allowLoopback ? ['--allow-loopback-backends'] : []),
    ...(options.insecureListen ? ['--insecure-listen'] : []),
    ...(options.tlsCert ? ['--tls-cert', options.tlsCert] : []),
    ...(options.tlsKey ? ['--tls-key', options.tlsKey] : []),
  ];
}

function serverEnv(env: NodeJS.ProcessEnv, firstKey: string | undefined): NodeJS.ProcessEnv {
  const { AGENTMETAL_API_KEY: _, ...rest } = env;
  return firstKey === undefined ? rest : { ...rest, AGENTMETAL_API_KEY: firstKey };
}

function agentArgs(options: UpOptions, url: string, dataDir: string): string[] {
  const offset =
    options.lowPortOffset === undefined ? [] : ['--low-port-offset', String(options.lowPortOffset)];
  return [
    'agent',
    '--url',
    url,
    '--token-file',
    join(dataDir, 'agent', 'token'),
    '--data-dir',
    join(dataDir, 'agent'),
    ...offset,
  ];
}

function urlOf({ listen, tlsCert }: UpOptions): string {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at);
  const reachable =
    host === '0.0.0.0' || host === '' || host === '*' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;
  return `${tlsCert ? 'https' : 'http'}://${reachable}:${listen.slice(at + 1)}`;
}

async function waitUntilReady(url: string, { listen }: UpOptions): Promise<number> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return 0;
    await systemClock.sleep(20);
  }
  throw new AppError(
    'unavailable',
    `the control plane did not answer on ${listen} within ${READY_TIMEOUT_MS / 1000} s`,
  );
}

async function announce(
  url: string,
  dataDir: string,
  firstKey: string | undefined,
  allowLoopback: boolean,
  { print, saveContext, knownKey }: UpSurroundings,
): Promise<void> {
  print(`AgentMetal is up at ${url} (state in ${dataDir}).`);
  if (firstKey !== undefined) {
    print(`API key (admin), shown this once: ${firstKey}`);
    print(`It is saved for the commands of this user in ${await saveContext(url, firstKey)}.`);
  } else if ((await knownKey(url)) === undefined) {
    print('Use your API key: export AGENTMETAL_API_KEY=…');
  }
  if (process.getuid?.() !== 0)
    print('Not root: ports below 1024 are served 8000 higher (80 on 8080, 443 on 8443).');
  if (allowLoopback) print('Backends on loopback are allowed (AGENTMETAL_ALLOW_LOOPBACK_BACKENDS).');
  print('Next, in another terminal: bin/agentmetal lb create --name web-lb --type http');
}

async function tryDemo(
  url: string,
  firstKey: string | undefined,
  { print, knownKey, env }: UpSurroundings,
): Promise<Demo | undefined> {
  const key = firstKey ?? env['AGENTMETAL_API_KEY'] ?? (await knownKey(url));
  if (key === undefined) {
    print('The demo needs an API key: export AGENTMETAL_API_KEY=…');
    return undefined;
  }
  try {
    return await startDemo(new ApiClient({ url, key }), print);
  } catch (error) {
    print(`The demo could not be set up: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function stopAll(children: readonly Child[], demo: Demo | undefined): Promise<void> {
  await demo?.stop();
  for (const child of children) await child.stop();
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
}

function dataDirFlag({ dataDir }: UpOptions): string {
  return ` --data-dir ${dataDir}`;
}
