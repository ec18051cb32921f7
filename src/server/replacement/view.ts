import { durationMs } from '../../base/duration.ts';
import { boundPort } from '../../spec/host-layout.ts';
import { listOwnLoadBalancers } from '../../store/load-balancers.ts';
import { type MachineHost, listMachineHosts } from '../../store/machine-hosts.ts';
import { type MachineRecord, listMachines } from '../../store/machines.ts';
import { listPlacements } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { type ReplacementRecord, listReplacements } from '../../store/replacements.ts';
import { listVpcs } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { placeableMachine } from '../placement/settle.ts';
import type { Evidence, FleetView, WatchedMachine } from './judge.ts';

/** A machine as it is watched, with where its load balancer should be served on it. */
export interface WatchedNode extends WatchedMachine {
  address: string;
  ports: readonly number[];
}

export interface Surroundings {
  now: number;
  /** Since when somebody has listened to the machines without a break, milliseconds since the epoch. */
  listeningSince: number;
  evidence: ReadonlyMap<string, Evidence>;
}

/** Collects what silence is judged by. */
export async function watchedFleet(
  context: Pick<ServerContext, 'taken'>,
  tx: Tx,
  surroundings: Surroundings,
): Promise<{ view: FleetView; nodes: WatchedNode[]; rows: ReplacementRecord[] }> {
  const { now } = surroundings;
  const rows = await listReplacements(tx);
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  const balancers = new Map((await listOwnLoadBalancers(tx)).map((balancer) => [balancer.id, balancer]));
  const placed = new Map((await listPlacements(tx)).map((node) => [node.machineId, node.loadBalancerId]));
  const vpcs = new Map((await listVpcs(tx, '', 100_000)).map((vpc) => [vpc.id, vpc]));
  const watch = (host: MachineHost): WatchedNode[] => {
    const machine = machines.get(host.machineId);
    if (!machine || machine.lastReportAt === null || host.phase !== 'ready' || host.address === null)
      return [];
    const balancer = balancers.get(placed.get(machine.id) ?? '');
    const vpc = vpcs.get(host.vpcId);
    const row = rows.find(({ machineId }) => machineId === machine.id);
    const { isUsable, isDraining } = placeableMachine(context, machine, host, now);
    return [
      {
        id: machine.id,
        name: machine.name,
        vpcId: host.vpcId,
        vpc: vpc?.name ?? '',
        vpcAfterMs: afterMsOf(vpc?.spec.replaceAfter),
        loadBalancer: balancer && { id: balancer.id, name: balancer.name },
        silentMs: silence(machine, surroundings),
        isReplaced: row?.state === 'replaced',
        isBeingReplaced: row?.state === 'lost' && row.replacedBy !== null,
        isDraining,
        isFree: isUsable && !isDraining && !placed.has(machine.id),
        evidence: surroundings.evidence.get(machine.id),
        address: host.address,
        ports: (balancer?.ports ?? []).map((port) => boundPort(port, machine.layout ?? { lowPortOffset: 0 })),
      },
    ];
  };
  const nodes = (await listMachineHosts(tx)).flatMap(watch);
  const last = rows.filter(({ state }) => state !== 'held').map(({ since }) => since);
  const sinceLastMs = last.length === 0 ? Number.POSITIVE_INFINITY : now - Math.max(...last);
  return { view: { machines: nodes, sinceLastMs }, nodes, rows };
}

function afterMsOf(replaceAfter: string | undefined): number | undefined {
  if (replaceAfter === undefined) return undefined;
  return replaceAfter === 'never' ? Number.POSITIVE_INFINITY : durationMs(replaceAfter);
}

/** What was not heard while nobody listened is no silence. */
function silence({ lastReportAt }: MachineRecord, { now, listeningSince }: Surroundings): number {
  return Math.max(0, now - Math.max(Date.parse(lastReportAt ?? ''), listeningSince));
}
