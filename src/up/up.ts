import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ApiClient } from '../api/client.ts';
import { createHttpSend } from '../api/http-send.ts';
import { messageOf } from '../base/errors.ts';
import { randomKey } from '../base/random-key.ts';
import type { UpOptions } from '../cli/runners.ts';
import {
  type Launch,
  agentArguments,
  localUrl,
  serverArguments,
  serverEnvironment,
  withoutKey,
} from './arguments.ts';
import { superviseChild } from './child.ts';
import { type Demo, startDemo } from './demo.ts';

export interface UpSurroundings {
  env: NodeJS.ProcessEnv;
  /** Where people read what goes on. */
  print(line: string): void;
  /** Saves the control plane and its key so that the next command finds them. Answers where. */
  saveContext(url: string, key: string, caFile?: string): Promise<string>;
  /** The key that the next command would use for this control plane; undefined when it would have none. */
  knownKey(url: string): Promise<string | undefined>;
  /** Ends everything but the load balancers. */
  signal: AbortSignal;
}

const INTERRUPTED = 130;

/** Runs control plane and agent, each in a process of its own, until the signal. Answers the exit code. */
export async function runUp(options: UpOptions, surroundings: UpSurroundings): Promise<number> {
  const { env, print, signal } = surroundings;
  const launch = await prepare(options);
  const onRestart = (name: string, cause: string) =>
    print(`${name} ended (${cause}); starting it again. Load balancers went on serving.`);
  const server = superviseChild({
    name: 'The control plane',
    args: serverArguments(launch),
    env: serverEnvironment(env, launch),
    onRestart,
  });
  const start = await Promise.race([
    server.ready,
    server.failed,
    untilAborted(signal).then(() => INTERRUPTED),
  ]);
  if (start !== 'ready') {
    await server.stop();
    return start;
  }
  const agent = superviseChild({
    name: 'The agent',
    args: agentArguments(launch),
    env: withoutKey(env),
    onRestart,
  });
  await announce(launch, surroundings);
  const demo = launch.demo ? await tryDemo(launch, surroundings) : undefined;
  await Promise.race([untilAborted(signal), agent.failed]);
  if (demo)
    print(
      'The demo’s sample backends end with it; web-lb stays, and answers 503 until the next start with --demo.',
    );
  await demo?.stop();
  await agent.stop();
  await server.stop();
  if (!signal.aborted) return agent.failed;
  print(
    `Stopped. Load balancers go on serving; to end them too: bin/agentmetal down --data-dir ${launch.dataDir}`,
  );
  return 0;
}

async function prepare(options: UpOptions): Promise<Launch> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const isFirstStart = !existsSync(join(dataDir, 'agentmetal.db'));
  return {
    ...options,
    dataDir,
    ...(options.tlsCert ? { tlsCert: resolve(options.tlsCert) } : {}),
    ...(options.tlsKey ? { tlsKey: resolve(options.tlsKey) } : {}),
    allowLoopbackBackends: options.allowLoopbackBackends || options.demo,
    url: localUrl(options),
    firstKey: isFirstStart ? (options.apiKey ?? randomKey()) : undefined,
  };
}

async function announce(
  { url, dataDir, firstKey, tlsCert, allowLoopbackBackends, agentListen, demo }: Launch,
  surroundings: UpSurroundings,
): Promise<void> {
  const { print, saveContext, knownKey } = surroundings;
  print(`AgentMetal is up at ${url} (state in ${dataDir}).`);
  if (firstKey !== undefined) {
    print(`API key (admin), shown this once: ${firstKey}`);
    print(`It is saved for the commands of this user in ${await saveContext(url, firstKey, tlsCert)}.`);
  } else if ((await knownKey(url)) === undefined) {
    print('Commands need an API key: export AGENTMETAL_API_KEY=… (the one that the first start showed)');
  }
  if (process.getuid?.() !== 0)
    print('Not root: ports below 1024 are served 8000 higher (80 on 8080, 443 on 8443).');
  if (agentListen !== undefined)
    print(`Machines reach it on ${agentListen}: bin/agentmetal machine add ADDRESS`);
  if (allowLoopbackBackends) print('Backends on loopback are allowed (AGENTMETAL_ALLOW_LOOPBACK_BACKENDS).');
  const next = firstKey === undefined || demo ? 'lb list' : 'lb create --name web-lb --type http';
  print(`Next, in another terminal: bin/agentmetal ${next}`);
}

async function tryDemo(
  { url, firstKey, tlsCert }: Launch,
  { print, knownKey, env, signal }: UpSurroundings,
): Promise<Demo | undefined> {
  const key = firstKey ?? env['AGENTMETAL_API_KEY'] ?? (await knownKey(url));
  if (key === undefined) {
    print('The demo needs an API key: export AGENTMETAL_API_KEY=…');
    return undefined;
  }
  const certificate = tlsCert === undefined ? undefined : readFileSync(tlsCert, 'utf8');
  try {
    return await startDemo(new ApiClient({ url, key, send: createHttpSend({ certificate }) }), print, signal);
  } catch (error) {
    if (!signal.aborted) print(`The demo could not be set up: ${messageOf(error)}`);
    return undefined;
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
}
