import type { Machine, MachineState } from '../../api/machines.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { type MachineHost, findMachineHost } from '../../store/machine-hosts.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { machineNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { findVpc } from '../../store/vpcs.ts';
import { isConnected } from '../status/nodes.ts';

/** The machine as the API answers it: without its private key, and without any token. */
export async function machineView(tx: Tx, machine: MachineRecord, now: number): Promise<Machine> {
  const { id, name, driver, os, lastReportAt, agentVersion, haproxyVersion, authority, createdAt } = machine;
  const host = await findMachineHost(tx, id);
  return {
    id,
    name,
    labels: host?.labels ?? {},
    driver,
    vpc: host ? ((await findVpc(tx, host.vpcId))?.name ?? null) : null,
    address: host?.address ?? null,
    publicAddress: host?.publicAddress ?? null,
    ssh: host?.ssh ? { port: host.ssh.port, user: host.ssh.user, hostKey: host.ssh.hostKey } : null,
    state: machineState(machine, host, now),
    fault: host?.fault ?? null,
    steps: [...(host?.steps ?? [])],
    loadBalancer: host ? ((await claimantOf(tx, id))?.name ?? null) : null,
    os,
    agentVersion,
    haproxyVersion,
    lastReportAt,
    ...(authority ? { authority } : {}),
    createdAt,
  };
}

/** The load balancer that has a machine for itself. */
export async function claimantOf(
  tx: Tx,
  machineId: string,
): Promise<{ id: string; name: string } | undefined> {
  const [id] = (await machineNodes(tx, machineId, 0)).ids;
  return id === undefined ? undefined : findLoadBalancer(tx, id);
}

function machineState(machine: MachineRecord, host: MachineHost | undefined, now: number): MachineState {
  if (host && host.phase !== 'ready') return host.phase;
  if (host?.isDraining) return 'draining';
  return isConnected(machine, now) ? 'online' : 'offline';
}
