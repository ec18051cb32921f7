import { AppError, ERROR_CODES, type ErrorCode } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { CommandEnd } from '../ssh/commands.ts';

/** What a step may find wrong, and what to do about it. A machine can say nothing else. */
export const HINTS = {
  machine_os_unsupported:
    'Debian 12 and 13 and Ubuntu 24.04 and newer are supported, on the processor type of the control plane’s host.',
  machine_haproxy_too_old:
    'HAProxy 2.6 or newer is needed. Take a newer system, such as Ubuntu 24.04 or Debian 12, or install a newer HAProxy there, such as that of haproxy.debian.net. Then try again.',
  machine_without_systemd: 'Take a machine that systemd has booted; a plain container is not one.',
  machine_disk_full: 'Free some space on the machine, and try again.',
  machine_busy:
    'Wait until the machine’s own updates are done (on it: ps aux | grep -e apt -e dpkg), and try again.',
  machine_packages_unreachable:
    'On the machine, apt-get update says more; look at its name servers, its proxy and /etc/apt. Then try again.',
  machine_packages_failed:
    'On the machine, /var/log/agentmetal/packages.log says more. Mend it there, and try again.',
  machine_copy_failed: 'Try again; the agent is copied anew.',
  machine_service_failed: 'On the machine: journalctl -u agentmetal-agent. Then try again.',
  agent_not_enrolled:
    'Look whether the machine reaches the control plane’s address for agents; on the machine, journalctl -u agentmetal-agent says more. Then try again.',
} as const satisfies Partial<Record<ErrorCode, string>>;

const FAULT = /^agentmetal-fault (\w+) (.*)$/m;
const MOST_WORDS = 400;

/** The fault of a step by what its script has left. */
export function stepFault(host: string, step: string, { code, stderr }: CommandEnd): AppError {
  const [, given = '', words = ''] = FAULT.exec(stderr) ?? [];
  const fault = isKnown(given)
    ? given
    : /No space left on device/.test(stderr)
      ? 'machine_disk_full'
      : undefined;
  if (fault === undefined) {
    const said = printable(stderr.trim().split('\n').slice(-3).join('; '), MOST_WORDS);
    const end = code === undefined ? 'was ended by a signal' : `ended with ${code}`;
    return new AppError(
      'machine_script_failed',
      `${step} ${end} on ${host}: ${said || 'it gave no reason'}`,
      {
        hint: 'Mend it on the machine, and try again.',
      },
    );
  }
  const detail = printable((words || stderr).trim(), MOST_WORDS) || 'it gave no reason';
  return new AppError(fault, `${host}: ${ERROR_CODES[fault].title}: ${detail}`, { hint: HINTS[fault] });
}

function isKnown(code: string): code is keyof typeof HINTS {
  return Object.hasOwn(HINTS, code);
}
