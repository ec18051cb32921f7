import { AppError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { stepFault } from '../steps/fault.ts';
import { type Step, type Values, compose } from '../steps/script.ts';
import type { SshConnection } from './connection.ts';
import type { SshTarget } from './target.ts';

const SHORT_MS = 30_000;
const AS_ROOT = '/bin/sh -s';
const BY_SUDO = 'sudo -n -- /bin/sh -s';
const MOST_WORDS = 300;

/** Runs steps as root on a machine. */
export interface RootShell {
  /** Answers the `name=value` lines that the step has printed. */
  run(step: Step, values: Values, limitMs: number): Promise<Map<string, string>>;
}

/** Finds out how to become root there. @throws AppError `sudo_needed` */
export async function openRootShell(connection: SshConnection, target: SshTarget): Promise<RootShell> {
  const command = await rootCommand(connection, target);
  return {
    async run(step, values, limitMs) {
      const end = await connection.run(command, compose(step, values), limitMs);
      if (end.code !== 0) throw stepFault(target.host, step.name, end);
      return readFacts(end.stdout);
    },
  };
}

async function rootCommand(connection: SshConnection, { host, user }: SshTarget): Promise<string> {
  const who = await connection.run('id -u', '', SHORT_MS);
  if (who.stdout.trim() === '0') return AS_ROOT;
  const { code, stderr } = await connection.run(BY_SUDO, 'id -u\n', SHORT_MS);
  if (code === 0) return BY_SUDO;
  throw new AppError(
    'sudo_needed',
    `${user} may not become root on ${host} without a password: ${printable(stderr.trim() || 'sudo failed', MOST_WORDS)}`,
    {
      hint: `Log in as root (--user root), or allow it on the machine: echo '${user} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/agentmetal`,
    },
  );
}

function readFacts(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => /^([a-z]+)=(.*)$/.exec(line));
  return new Map(
    lines.flatMap((match) => (match ? [[match[1] ?? '', printable(match[2] ?? '', MOST_WORDS)]] : [])),
  );
}
