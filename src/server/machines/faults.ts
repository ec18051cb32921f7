import { AppError } from '../../base/errors.ts';
import type { MachineFault } from '../../spec/machine.ts';
import type { MachineHost } from '../../store/machine-hosts.ts';

const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 5 * 60_000;
const MAX_ATTEMPTS = 6;

/** What no further attempt mends: somebody must do something first. */
const NEEDS_SOMEBODY: ReadonlySet<string> = new Set([
  'invalid_request',
  'agent_listener_off',
  'host_key_changed',
  'machine_key_refused',
  'machine_key_unreadable',
  'sudo_needed',
  'machine_os_unsupported',
  'machine_haproxy_too_old',
  'machine_without_systemd',
  'machine_clock_wrong',
  'machine_disk_full',
]);

/** What becomes of a machine after a failed attempt. */
export interface Failure {
  fault: MachineFault;
  attempts: number;
  nextAt: number;
  isFinal: boolean;
}

/** Judges a failed attempt: whether it is tried again by itself, and when. */
export function judgeFailure(
  error: unknown,
  { attempts: before, phase, made }: Pick<MachineHost, 'attempts' | 'phase' | 'made'>,
  { now, random }: { now: number; random: () => number },
): Failure {
  const attempts = before + 1;
  const code: string = error instanceof AppError ? error.code : 'internal';
  // A machine that is to go is tried for ever: nobody would come back to it. One that is made has nobody at all.
  const isFinal = phase !== 'removing' && !made && (NEEDS_SOMEBODY.has(code) || attempts >= MAX_ATTEMPTS);
  const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
  const nextAt = now + Math.round(ceiling / 2 + (random() * ceiling) / 2);
  const detail =
    error instanceof AppError ? error.message : 'the control plane failed; its log has the reason';
  const hint = error instanceof AppError ? (error.hint ?? null) : null;
  const retryAt = isFinal ? null : new Date(nextAt).toISOString();
  return { fault: { code, detail, hint, retryAt }, attempts, nextAt, isFinal };
}
