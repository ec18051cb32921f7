import { join } from 'node:path';
import { formatDuration } from '../base/duration.ts';
import type { UpOptions } from '../cli/runners.ts';

/** What `up` starts with, worked out. */
export interface Launch extends UpOptions {
  /** Absolute. */
  dataDir: string;
  /** Where commands and the agent find the control plane. */
  url: string;
  /** The first admin key at a first start; undefined later. */
  firstKey: string | undefined;
}

/** Arguments of the control plane's process. No secret is among them: every user of the machine can read them. */
export function serverArguments(launch: Launch): string[] {
  return [
    'server',
    '--listen',
    launch.listen,
    '--data-dir',
    launch.dataDir,
    '--address-pool',
    launch.addressPool,
    ...(launch.allowLoopbackBackends ? ['--allow-loopback-backends'] : []),
    ...(launch.insecureListen ? ['--insecure-listen'] : []),
    ...(launch.resolver === undefined ? [] : ['--resolver', launch.resolver]),
    ...(launch.tlsCert ? ['--tls-cert', launch.tlsCert] : []),
    ...(launch.tlsKey ? ['--tls-key', launch.tlsKey] : []),
    ...(launch.agentListen ? ['--agent-listen', launch.agentListen] : []),
    ...(launch.agentUrl ? ['--agent-url', launch.agentUrl] : []),
    ...replacementArguments(launch),
    ...(launch.agentUpgrades ? ['--agent-upgrades', launch.agentUpgrades] : []),
  ];
}

function replacementArguments({ replacement }: Launch): string[] {
  if (replacement === undefined) return [];
  if (replacement === 'never') return ['--replace-after', 'never'];
  const { afterMs, atOnce } = replacement;
  return [
    ...(afterMs === undefined ? [] : ['--replace-after', formatDuration(afterMs)]),
    ...(atOnce === undefined ? [] : ['--replace-at-once', String(atOnce)]),
  ];
}

export function agentArguments({ url, dataDir, tlsCert, lowPortOffset }: Launch): string[] {
  return [
    'agent',
    '--url',
    url,
    '--token-file',
    join(dataDir, 'agent', 'token'),
    '--data-dir',
    join(dataDir, 'agent'),
    ...(tlsCert ? ['--ca-file', tlsCert] : []),
    ...(lowPortOffset === undefined ? [] : ['--low-port-offset', String(lowPortOffset)]),
  ];
}

/** The environment without the user's key, which none of the parts needs. */
export function withoutKey(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { AGENTMETAL_API_KEY: _, ...rest } = env;
  return rest;
}

/** The control plane's environment: the first key goes by it, and no other key does. */
export function serverEnvironment(env: NodeJS.ProcessEnv, { firstKey }: Launch): NodeJS.ProcessEnv {
  const rest = withoutKey(env);
  return firstKey === undefined ? rest : { ...rest, AGENTMETAL_API_KEY: firstKey };
}

/** Where a control plane that listens there is reached from this machine. */
export function localUrl({ listen, tlsCert }: Pick<UpOptions, 'listen' | 'tlsCert'>): string {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at);
  const reachable = ['0.0.0.0', '', '*'].includes(host) ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;
  return `${tlsCert ? 'https' : 'http'}://${reachable}:${listen.slice(at + 1)}`;
}
