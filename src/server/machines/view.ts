import type { LostNode, Machine, MachineState } from '../../api/machines.ts';
import { findAgentUpgrade } from '../../store/agent-upgrades.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { type MachineHost, findMachineHost } from '../../store/machine-hosts.ts';
import { type MachineRecord, findMachine } from '../../store/machines.ts';
import { machineNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { replacementsOfMachine } from '../../store/replacements.ts';
import { findVpc } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { isConnected } from '../status/nodes.ts';

type Context = Pick<ServerContext, 'clock' | 'taken'>;

/** The machine as the API answers it: without its private key, and without any token. */
export async function machineView(context: Context, tx: Tx, machine: MachineRecord): Promise<Machine> {
  const { id, name, driver, os, lastReportAt, agentVersion, haproxyVersion, authority, createdAt } = machine;
  const host = await findMachineHost(tx, id);
  const loadBalancer = host ? ((await claimantOf(tx, id))?.name ?? null) : null;
  const lost = await lostNode(tx, id);
  const upgrade = await findAgentUpgrade(tx, id);
  return {
    id,
    name,
    labels: host?.labels ?? {},
    driver,
    vpc: host ? ((await findVpc(tx, host.vpcId))?.name ?? null) : null,
    address: host?.address ?? null,
    publicAddress: host?.publicAddress ?? null,
    ssh: host?.ssh ? { port: host.ssh.port, user: host.ssh.user, hostKey: host.ssh.hostKey } : null,
    state: machineState(context, { machine, host, isFree: loadBalancer === null }),
    fault: host?.fault ?? null,
    steps: [...(host?.steps ?? [])],
    loadBalancer,
    os,
    agentVersion: machine.upgrader?.version ?? agentVersion,
    haproxyVersion,
    lastReportAt,
    ...(authority ? { authority } : {}),
    ...(lost ? { lost } : {}),
    ...(upgrade
      ? { upgrade: { version: upgrade.version, state: upgrade.state, reason: upgrade.reason } }
      : {}),
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

function machineState(
  { clock, taken }: Context,
  { machine, host, isFree }: { machine: MachineRecord; host: MachineHost | undefined; isFree: boolean },
): MachineState {
  if (host && host.phase !== 'ready') return host.phase;
  if (host?.isDraining) return 'draining';
  if (!isConnected(machine, clock.now())) return 'offline';
  // Its agent has been heard to do what it was told before, and not yet that nothing is on the machine any more.
  const done = taken.of(machine.id);
  return host && isFree && done > 0 && done < machine.changeVersion ? 'releasing' : 'online';
}

/** How it stands with a node that is, or was, silent for long. */
async function lostNode(tx: Tx, machineId: string): Promise<LostNode | undefined> {
  const [row] = await replacementsOfMachine(tx, machineId);
  const loadBalancer = row && (await findLoadBalancer(tx, row.loadBalancerId))?.name;
  if (!row || loadBalancer === undefined) return undefined;
  const by = row.replacedBy === null ? undefined : await findMachine(tx, row.replacedBy);
  const { state, reason, since } = row;
  return { loadBalancer, state, reason, replacedBy: by?.name ?? null, since: new Date(since).toISOString() };
}
