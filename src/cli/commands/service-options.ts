import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseDuration } from '../../base/duration.ts';
import type { Options } from '../command.ts';
import { usageError } from '../failure.ts';
import type { Environment } from '../io.ts';

/** Where all state is; every long-running command takes it. */
export const DATA_DIR_OPTION = {
  dataDir: {
    value: 'DIR',
    env: 'AGENTMETAL_DATA_DIR',
    completes: 'file',
    summary: 'All state; without it /var/lib/agentmetal as root, else ~/.local/share/agentmetal',
  },
} as const satisfies Options;

export const LOW_PORT_OPTION = {
  lowPortOffset: {
    value: 'N',
    integer: true,
    env: 'AGENTMETAL_LOW_PORT_OFFSET',
    summary: 'Added to ports below 1024, where those may not be bound; without it, found out',
  },
} as const satisfies Options;

/** What `up` and `server` have in common. */
export const CONTROL_PLANE_OPTIONS = {
  listen: {
    value: 'HOST:PORT',
    env: 'AGENTMETAL_LISTEN',
    summary: 'Where the API listens; without it, 127.0.0.1:8080',
  },
  ...DATA_DIR_OPTION,
  addressPool: {
    value: 'POOL',
    env: 'AGENTMETAL_ADDRESS_POOL',
    summary:
      'Addresses for load balancers: a CIDR, a list, or * for all of the host; without it, 127.80.0.0/24',
  },
  allowLoopbackBackends: {
    env: 'AGENTMETAL_ALLOW_LOOPBACK_BACKENDS',
    summary: 'Allow backends on loopback, for demonstrations and tests',
  },
  resolver: {
    value: 'ADDRESS:PORT',
    env: 'AGENTMETAL_RESOLVER',
    summary: 'Name server that is asked what clients see of domains; without it, the system’s',
  },
  tlsCert: {
    value: 'FILE',
    env: 'AGENTMETAL_TLS_CERT',
    completes: 'file',
    summary: 'Certificate chain of the API, PEM',
  },
  tlsKey: { value: 'FILE', env: 'AGENTMETAL_TLS_KEY', completes: 'file', summary: 'Its private key, PEM' },
  agentListen: {
    value: 'HOST:PORT',
    env: 'AGENTMETAL_AGENT_LISTEN',
    summary:
      'Where machines reach the control plane, over TLS with a certificate of its own; without it, nowhere',
  },
  agentUrl: {
    value: 'URL',
    env: 'AGENTMETAL_AGENT_URL',
    summary: 'What machines call; without it, the address of --agent-listen',
  },
  agentUpgrades: {
    value: 'WHEN',
    env: 'AGENTMETAL_AGENT_UPGRADES',
    summary:
      'Whether agents get the version of the control plane by themselves: auto or manual; without it, auto',
  },
  replaceAfter: {
    value: 'DURATION',
    env: 'AGENTMETAL_REPLACE_AFTER',
    summary:
      'How long a machine may be silent, and serve nothing, before another takes its place, or `never`; without it, 5m',
  },
  replaceAtOnce: {
    value: 'N',
    integer: true,
    env: 'AGENTMETAL_REPLACE_AT_ONCE',
    summary: 'How many machines may be replaced at the same time; without it, 1',
  },
  insecureListen: {
    env: 'AGENTMETAL_INSECURE_LISTEN',
    summary: 'Listen beyond loopback without TLS: keys can be read on the way',
  },
} as const satisfies Options;

interface Given {
  listen: string | undefined;
  dataDir: string | undefined;
  addressPool: string | undefined;
  allowLoopbackBackends: boolean;
  insecureListen: boolean;
  resolver: string | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  agentListen: string | undefined;
  agentUrl: string | undefined;
  replaceAfter: string | undefined;
  replaceAtOnce: number | undefined;
  agentUpgrades: string | undefined;
}

/** The settings of a control plane with every default filled in. */
export function controlPlaneSettings(given: Given, env: Environment) {
  const { tlsCert, tlsKey, resolver, agentListen, agentUrl } = given;
  if (agentUrl !== undefined && agentListen === undefined)
    throw usageError(
      '--agent-url says what machines call, and --agent-listen, where they are heard, is missing',
    );
  const apiKey = env['AGENTMETAL_API_KEY'];
  return {
    listen: given.listen ?? '127.0.0.1:8080',
    dataDir: given.dataDir ?? defaultDataDir(env),
    addressPool: given.addressPool ?? '127.80.0.0/24',
    allowLoopbackBackends: given.allowLoopbackBackends,
    insecureListen: given.insecureListen,
    ...(apiKey ? { apiKey } : {}),
    ...(resolver === undefined ? {} : { resolver }),
    ...(tlsCert === undefined ? {} : { tlsCert }),
    ...(tlsKey === undefined ? {} : { tlsKey }),
    ...(agentListen === undefined ? {} : { agentListen }),
    ...(agentUrl === undefined ? {} : { agentUrl }),
    ...replacementSettings(given),
    ...upgradeSettings(given),
  };
}

function upgradeSettings({ agentUpgrades }: Given) {
  if (agentUpgrades === undefined) return {};
  if (agentUpgrades === 'auto' || agentUpgrades === 'manual') return { agentUpgrades } as const;
  throw usageError(`--agent-upgrades must be auto or manual; it is ${agentUpgrades}`);
}

/** Three heartbeats may go missing before an agent counts as silent at all. */
const LEAST_SILENCE_MS = 30_000;

function replacementSettings({ replaceAfter, replaceAtOnce }: Given) {
  if (replaceAtOnce !== undefined && replaceAtOnce < 1)
    throw usageError('--replace-at-once must be 1 or more', 'To replace none: --replace-after never');
  if (replaceAfter === 'never') return { replacement: 'never' } as const;
  const afterMs = replaceAfter === undefined ? undefined : parseDuration(replaceAfter);
  if (replaceAfter !== undefined && (afterMs === undefined || afterMs < LEAST_SILENCE_MS))
    throw usageError(`--replace-after must be a duration of 30s or more, or never; it is ${replaceAfter}`);
  if (afterMs === undefined && replaceAtOnce === undefined) return {};
  return {
    replacement: {
      ...(afterMs === undefined ? {} : { afterMs }),
      ...(replaceAtOnce === undefined ? {} : { atOnce: replaceAtOnce }),
    },
  };
}

export function defaultDataDir(env: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/agentmetal';
  return join(env['HOME'] || homedir(), '.local', 'share', 'agentmetal');
}
