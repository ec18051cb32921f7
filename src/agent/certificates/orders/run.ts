import { spawn } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertbotEnd } from '../../../certificates/certbot-failure.ts';
import { readTextIfExists, writeFileAtomic } from '../../../host/files.ts';
import { isRunning, signal, startTicks } from '../../../host/processes.ts';
import { CHALLENGES, HOOK_FILE, HOOK_SCRIPT } from '../challenges/hook.ts';
import type { AcmeSettings } from '../settings.ts';

/** A run of certbot in a folder of its own. It outlives the agent, and is found again by the folder. */
export interface Run {
  /** How it ended. */
  end: Promise<CertbotEnd>;
  /** Ends it and all that it has started. */
  stop(): void;
}

export interface RunOptions {
  settings: AcmeSettings;
  /** certbot's command and its options. */
  args: readonly string[];
  /** Lines of certbot's configuration, for what is not for other users' eyes. */
  config?: string;
  limitSeconds: number;
}

interface RunFile {
  pid: number;
  /** When the process was started, by which it is told from a later one of the same number. */
  ticks: number;
}

const RUN_FILE = 'run.json';
const EXIT_FILE = 'exit';
const OUTPUT_FILE = 'output';
/** The exit code is left in a file, for an agent that is not the one that has started it. */
const SHELL = `timeout --foreground --kill-after=10 "$@" && code=0 || code=$?
echo "$code" >${EXIT_FILE}.tmp && mv ${EXIT_FILE}.tmp ${EXIT_FILE}`;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin';
/** coreutils' `timeout` ends with this when it has ended the command, and with the latter when it had to kill it. */
const LATE_CODES: readonly number[] = [124, 137];
const LOOK_MS = 100;

/** The configuration that certbot gets, in the folder of a run. */
export function configFile(directory: string): string {
  return join(directory, 'cli.ini');
}

/** The folders that certbot gets, in the folder of a run. */
const FOLDERS = ['config', 'work', 'logs', 'tmp', CHALLENGES] as const;

/** Makes the folder of a run, empty. */
export async function prepareRun(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  for (const folder of FOLDERS) await mkdir(join(directory, folder), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(directory, HOOK_FILE), HOOK_SCRIPT, { mode: 0o700, durable: false });
}

/** Starts certbot in a prepared folder, in a session and with an environment of its own. */
export async function startRun(directory: string, options: RunOptions): Promise<Run> {
  const { settings, args, config = '', limitSeconds } = options;
  await writeFileAtomic(configFile(directory), config, { durable: false });
  const output = await open(join(directory, OUTPUT_FILE), 'w', 0o600);
  try {
    const command = [String(limitSeconds), settings.certbot, ...args, ...standing(directory, settings)];
    const child = spawn('/bin/sh', ['-c', SHELL, 'agentmetal-order', ...command], {
      cwd: directory,
      env: environment(directory, settings),
      stdio: ['ignore', output.fd, output.fd],
      detached: true,
    });
    const ended = new Promise<void>((resolve, reject) => {
      child.once('exit', () => resolve());
      child.once('error', reject);
    });
    child.unref();
    const { pid } = child;
    if (pid === undefined) {
      await ended;
      throw new Error('certbot could not be started');
    }
    const file: RunFile = { pid, ticks: startTicks(pid) ?? 0 };
    await writeFileAtomic(join(directory, RUN_FILE), JSON.stringify(file));
    return runOf(directory, pid, ended);
  } finally {
    await output.close();
  }
}

/** The run that works in a folder, or has ended there with nobody to look at it; undefined when there was none. */
export async function findRun(directory: string): Promise<Run | undefined> {
  const text = await readTextIfExists(join(directory, RUN_FILE));
  if (text === undefined) return undefined;
  const { pid, ticks } = JSON.parse(text) as RunFile;
  return runOf(directory, pid, untilGone(pid, ticks));
}

/** Marks the run of a folder as looked at. */
export async function closeRun(directory: string): Promise<void> {
  await rm(join(directory, RUN_FILE), { force: true });
}

function runOf(directory: string, pid: number, ended: Promise<void>): Run {
  return {
    end: ended.then(() => readEnd(directory, pid)),
    stop: () => void signal(-pid, 'SIGKILL'),
  };
}

async function untilGone(pid: number, ticks: number): Promise<void> {
  while (isRunning(pid) && startTicks(pid) === ticks) await sleep(LOOK_MS, undefined, { ref: false });
}

async function readEnd(directory: string, pid: number): Promise<CertbotEnd> {
  // Hooks that certbot has left behind.
  signal(-pid, 'SIGKILL');
  const exit = await readTextIfExists(join(directory, EXIT_FILE));
  const code = exit === undefined ? undefined : Number(exit);
  return {
    code,
    isLate: code !== undefined && LATE_CODES.includes(code),
    output: (await readTextIfExists(join(directory, OUTPUT_FILE))) ?? '',
    log: (await readTextIfExists(join(directory, 'logs', 'letsencrypt.log'))) ?? '',
  };
}

/** Options of every run. An own configuration file keeps out the one that the machine may have for other uses. */
function standing(directory: string, { server }: AcmeSettings): string[] {
  const folder = (name: (typeof FOLDERS)[number]) => join(directory, name);
  return [
    '--non-interactive',
    '--config',
    configFile(directory),
    '--config-dir',
    folder('config'),
    '--work-dir',
    folder('work'),
    '--logs-dir',
    folder('logs'),
    '--max-log-backups',
    '0',
    '--server',
    server,
    '--agree-tos',
  ];
}

/** Nothing of the agent's: certbot obeys many variables, some of which change whom it trusts. */
function environment(directory: string, { caBundle }: AcmeSettings): Record<string, string> {
  return {
    PATH,
    HOME: directory,
    TMPDIR: join(directory, 'tmp'),
    LANG: 'C.UTF-8',
    ...(caBundle === undefined ? {} : { REQUESTS_CA_BUNDLE: caBundle }),
  };
}
