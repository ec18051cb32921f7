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
readonly etc=/etc/agentmetal opt=/opt/agentmetal state=/var/lib/agentmetal-agent logs=/var/log/agentmetal
readonly unit=agentmetal-agent.service unit_file=/etc/systemd/system/agentmetal-agent.service upgrade=agentmetal-upgrade
fault() { printf 'agentmetal-fault %s %s\\n' "$1" "$2" >&2; exit 70; }
have() { command -v "$1" >/dev/null 2>&1; }
replace() { cat >"$1.new" && mv -f "$1.new" "$1"; }`;

/** How long a run waits for an earlier one that is still at it, as after a connection that broke off. */
const TURN_SECONDS = 300;

/** One script that does a step for the control plane, which reads its facts from stdout and its fault from stderr. */
export function compose(step: Step, values: Values): string {
  return assemble([step], values, { before: [], call: (name) => `${name} </dev/null` });
}

/**
 * One script that does the steps in order for somebody who reads what it says.
 * @param hints what to do about each fault
 */
export function composeForPeople(
  steps: readonly Step[],
  hints: Readonly<Record<string, string>>,
  values: Values,
): string {
  const cases = Object.entries(hints).map(([code, hint]) => `${code}) echo ${quote(code, hint)} ;;`);
  return assemble(steps, values, {
    before: [
      `[ "$(id -u)" = 0 ] || { echo 'agentmetal: this must be run as root: ... | sudo sh' >&2; exit 1; }`,
      `fault() { { printf 'agentmetal: %s\\n' "$2"; case $1 in`,
      ...cases,
      'esac; } >&2; exit 70; }',
    ],
    call: (name, step) => `echo 'agentmetal: ${step}' >&2; ${name} </dev/null >/dev/null`,
    after: [`echo 'agentmetal: the machine is ready' >&2`],
  });
}

interface Frame {
  before: readonly string[];
  call: (name: string, step: string) => string;
  after?: readonly string[];
}

/**
 * All of it is a function that is called in the last line, so that a script which arrives in part does nothing, and its
 * steps read nothing of what comes behind them.
 */
function assemble(steps: readonly Step[], values: Values, { before, call, after = [] }: Frame): string {
  return [
    PRELUDE,
    ...before,
    ...Object.entries(values).map(([name, value]) => `${name}=${quote(name, value)}`),
    ...steps.map(({ body }, index) => `step_${index}() {\n${body.trim()}\n}`),
    'main() {',
    'mkdir -p /run/lock',
    'exec 9>/run/lock/agentmetal-machine',
    `flock -w ${TURN_SECONDS} 9 || fault machine_busy 'an earlier run on this machine does not end'`,
    ...steps.map(({ name }, index) => call(`step_${index}`, name)),
    ...after,
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
