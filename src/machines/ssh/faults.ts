import ssh2 from 'ssh2';
import { AppError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { SshTarget } from './target.ts';

/** What makes every fault of a connection name its machine. */
type Where = Pick<SshTarget, 'host' | 'port' | 'user' | 'hostKey'>;

const MOST_WORDS = 300;

export function unreachable({ host, port }: Where, why: string, cause?: unknown): AppError {
  return new AppError(
    'machine_unreachable',
    `the machine at ${host} port ${port} cannot be reached by SSH: ${printable(why, MOST_WORDS)}`,
    {
      hint: `Look whether it runs, its SSH server listens on port ${port}, and no firewall is between.`,
      cause,
    },
  );
}

export function hostKeyChanged({ host, port, hostKey }: Where, seen: string | undefined): AppError {
  return new AppError(
    'host_key_changed',
    `the machine at ${host} port ${port} shows the host key ${seen ?? '(none)'}, and ${hostKey} is the one that is trusted`,
    {
      hint: 'If the machine was installed anew, remove it and add it with its new host key. If not, something else answers at its address.',
    },
  );
}

export function connectionLost({ host }: Where): AppError {
  return new AppError('machine_connection_lost', `the connection to ${host} broke off`, {
    hint: 'Look whether the machine runs and its network holds. Trying again goes on where it stopped.',
  });
}

export function stopped({ host }: Where): AppError {
  return new AppError('machine_connection_lost', `the work on ${host} was stopped before it was done`, {
    hint: 'Trying again goes on where it stopped.',
  });
}

export function timedOut({ host }: Where, what: string, limitMs: number): AppError {
  return new AppError(
    'machine_connection_lost',
    `${what} on ${host} did not end within ${limitMs / 1000} s`,
    {
      hint: 'Look what the machine is busy with. Trying again goes on where it stopped.',
    },
  );
}

/** Gives whatever the SSH library says while it connects the words that an operator needs. */
export function connectFault(target: Where, error: Error & { level?: string }): AppError {
  if (error.level !== 'client-authentication') return unreachable(target, error.message, error);
  return new AppError('machine_key_refused', `${target.host} does not let ${target.user} in with this key`, {
    hint: `Put the key's public half into ~${target.user}/.ssh/authorized_keys on the machine, and look whether its sshd_config lets ${target.user} log in by key.`,
    cause: error,
  });
}

/** @throws AppError `machine_key_unreadable`, which never holds anything of the key */
export function assertKey({ privateKey }: Pick<SshTarget, 'privateKey'>): void {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) return;
  const encrypted = parsed instanceof Error && /passphrase|encrypted/i.test(parsed.message);
  throw new AppError(
    'machine_key_unreadable',
    encrypted
      ? 'the SSH key has a passphrase, and nobody is there to type it'
      : 'the SSH key is no private key that can be read',
    { hint: "Make one for this alone: ssh-keygen -t ed25519 -N '' -f agentmetal-key" },
  );
}
