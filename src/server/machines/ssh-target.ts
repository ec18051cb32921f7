import type { MachineHost } from '../../store/machine-hosts.ts';
import type { ServerContext } from '../context.ts';
import type { SshTarget } from './provisioner.ts';

/** How a machine is logged in to, with its private key opened. */
export function sshTarget(
  { sealer }: Pick<ServerContext, 'sealer'>,
  { machineId, address, ssh }: MachineHost,
): SshTarget {
  if (!ssh || address === null) throw new Error(`nobody logs in to machine ${machineId}`);
  const { port, user, hostKey, sealedKey } = ssh;
  return { host: address, port, user, hostKey, privateKey: sealer.open(sealedKey) };
}
