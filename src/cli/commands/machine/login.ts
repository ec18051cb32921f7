import { homedir } from 'node:os';
import { join } from 'node:path';
import type { HostKeyAnswer } from '../../../api/machines.ts';
import { readText } from '../../documents.ts';
import { usageError } from '../../failure.ts';
import { confirm } from '../../prompt.ts';
import { MACHINES } from '../../resources.ts';
import type { CliContext } from '../../session.ts';

/** The private key of a file. It goes to the control plane, which keeps it encrypted. */
export async function readPrivateKey({ io }: CliContext, file: string | undefined): Promise<string> {
  const path = file ?? join(io.env['HOME'] || homedir(), '.ssh', 'id_ed25519');
  const text = await readText(path, io);
  if (/PRIVATE KEY-----/.test(text)) return text;
  throw usageError(`${path} is no private key`, 'Give the file without .pub: --key ~/.ssh/id_ed25519');
}

export interface HostKeyChoice {
  address: string;
  port: number | undefined;
  /** What the user says that it must be. */
  hostKey: string | undefined;
  /** Takes what it shows. */
  yes: boolean;
}

/** The host key that a machine must show: what was given, or what it shows and somebody has agreed to. */
export async function agreeOnHostKey(
  ctx: CliContext,
  { address, port, hostKey, yes }: HostKeyChoice,
): Promise<string> {
  if (hostKey !== undefined) return hostKey;
  const api = await ctx.api();
  const body = { address, ...(port === undefined ? {} : { port }) };
  const answer = await api.request<HostKeyAnswer>({ method: 'POST', path: `${MACHINES}/host-key`, body });
  const shown = answer.body.hostKey;
  ctx.progress.step(`${address} shows the host key ${shown}`);
  if (yes) return shown;
  await confirm(ctx, {
    question: 'Is that what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says there?',
    refusal: 'nothing was changed: the host key was not agreed to',
    hint: `Without a terminal: --host-key ${shown}, or --yes to take whatever it shows`,
  });
  return shown;
}
