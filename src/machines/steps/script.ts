import { AppError } from '../../base/errors.ts';

/** Values that a script is given, each as a shell variable of that name. */
export type Values = Readonly<Record<string, string>>;

/** A piece of work on a machine: POSIX shell that may be run any number of times, and finishes what was interrupted. */
export interface Step {
  /** What users see. */
  name: string;
  /** The body of a shell function. It reports what is wrong by `fault CODE WORDS`. */
  body: string;
}

/** What stands before every step: the words that steps have in common. */
export const PRELUDE = `set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
readonly etc=/etc/agentmetal opt=/opt/agentmetal state=/var/lib/agentmetal logs=/var/log/agentmetal
readonly unit=agentmetal-agent.service unit_file=/etc/systemd/system/agentmetal-agent.service
fault() { printf 'agentmetal-fault %s %s\\n' "$1" "$2" >&2; exit 70; }
have() { command -v "$1" >/dev/null 2>&1; }
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }`;

/** How long a run waits for an earlier one that is still at it, as after a connection that broke off. */
const TURN_SECONDS = 300;

/**
 * One script that does the steps in order. It is a function that is called in the last line, so that a script which
 * arrives in part does nothing, and the steps read nothing of what comes behind them.
 */
export function compose(steps: readonly Step[], values: Values): string {
  const functions = steps.map(({ body }, index) => `step_${index}() {\n${body.trim()}\n}`);
  const calls = steps.map((_, index) => `step_${index} </dev/null`);
  return [
    PRELUDE,
    ...Object.entries(values).map(([name, value]) => `${name}=${quote(name, value)}`),
    ...functions,
    'main() {',
    'mkdir -p /run/lock',
    'exec 9>/run/lock/agentmetal-machine',
    `flock -w ${TURN_SECONDS} 9 || fault machine_busy 'an earlier run on this machine does not end'`,
    ...calls,
    '}',
    'main',
    '',
  ].join('\n');
}

/** A shell word that is the text, whatever it holds. */
export function quote(name: string, text: string): string {
  if (text.includes('\0')) throw new AppError('invalid_request', `${name} holds a NUL byte`);
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
