import type { LoadBalancerRecord } from '../../store/load-balancers.ts';
import { type MachineHost, insertMachineHost, updateMachineHost } from '../../store/machine-hosts.ts';
import { type MachineRecord, findMachine, updateMachine } from '../../store/machines.ts';
import type { Tx } from '../../store/open.ts';
import type { VpcRecord } from '../../store/vpcs.ts';
import type { ServerContext } from '../context.ts';
import { insertNewMachine } from '../machines/new-machine.ts';
import { isConnected } from '../status/nodes.ts';
import { planMaking } from './making.ts';

type Context = Pick<ServerContext, 'clock' | 'changes' | 'taken' | 'newId' | 'randomBytes'>;

export interface MakingSurroundings {
  /** Load balancers that have machines for themselves. */
  balancers: readonly LoadBalancerRecord[];
  /** VPCs whose drivers make machines. */
  vpcs: ReadonlyMap<string, VpcRecord>;
  hosts: readonly MachineHost[];
  machines: ReadonlyMap<string, MachineRecord>;
  /** Machines that count as lost: another takes the place of each. */
  lost: ReadonlySet<string>;
  /** Nodes as they are after placing. */
  nodes: readonly { loadBalancerId: string; machineId: string }[];
}

/**
 * Has machines made and ended as {@link planMaking} says; the queue does it.
 */
export async function settleMaking(context: Context, tx: Tx, around: MakingSurroundings): Promise<void> {
  const { balancers, vpcs, lost, nodes } = around;
  const hosts = around.hosts.map((host) => (lost.has(host.machineId) ? { ...host, isDraining: true } : host));
  const own = new Set(hosts.map(({ machineId }) => machineId));
  const claimed = new Set(nodes.map(({ machineId }) => machineId));
  const draining = new Set(hosts.filter(isLeaving).map(({ machineId }) => machineId));
  const making = balancers
    .filter(({ vpcId }) => vpcs.get(vpcId)?.spec.driver)
    .map(({ id, spec }) => ({
      id,
      wanted: spec.nodes,
      staying: nodes.filter(
        (node) => node.loadBalancerId === id && own.has(node.machineId) && !draining.has(node.machineId),
      ).length,
    }));
  const spare = hosts
    .filter(({ machineId, phase }) => !claimed.has(machineId) && phase !== 'removing')
    .flatMap((host) => spareMachine(context, host, around.machines.get(host.machineId)));
  const { make, unmake } = planMaking(making, spare.sort(byReadiness));
  for (const { loadBalancerId, count } of make) {
    const balancer = balancers.find(({ id }) => id === loadBalancerId);
    for (let index = 0; balancer && index < count; index++) await begin(context, tx, balancer, vpcs);
  }
  for (const id of unmake) await end(context, tx, around.hosts, id);
  // It looks when this transaction is over: the store has one at a time.
  if (make.length + unmake.length > 0) context.changes.notify('machines');
}

function isLeaving({ isDraining, phase }: MachineHost): boolean {
  return isDraining || phase === 'removing';
}

function spareMachine(
  { clock, taken }: Context,
  { machineId: id, made, isDraining, phase }: MachineHost,
  machine: MachineRecord | undefined,
) {
  if (!made || !machine) return [];
  const hasDone = taken.of(id) >= machine.changeVersion || !isConnected(machine, clock.now());
  const isSettled = phase !== 'ready' || hasDone;
  return [{ id, loadBalancerId: made.loadBalancerId, isDraining, isSettled, isReady: phase === 'ready' }];
}

function byReadiness(
  left: { id: string; isReady: boolean },
  right: { id: string; isReady: boolean },
): number {
  return Number(right.isReady) - Number(left.isReady) || (left.id < right.id ? -1 : 1);
}

/** Writes a machine down that is to be made. Its addresses are chosen when it is, so that a lack of them is told of it. */
async function begin(
  context: Context,
  tx: Tx,
  { id: loadBalancerId, name, vpcId }: LoadBalancerRecord,
  vpcs: ReadonlyMap<string, VpcRecord>,
): Promise<void> {
  const driver = vpcs.get(vpcId)?.spec.driver;
  if (!driver) return;
  const machine = await insertNewMachine(context, tx, {
    name: await machineName(context, tx, name),
    driver: driver.type,
    tokenHash: null,
  });
  await insertMachineHost(tx, {
    machineId: machine.id,
    vpcId,
    labels: {},
    address: null,
    publicAddress: null,
    ssh: null,
    made: { loadBalancerId, release: driver.release },
    phase: 'provisioning',
    isDraining: false,
    steps: [],
    fault: null,
    attempts: 0,
    nextAt: context.clock.now(),
    enrolment: null,
  });
}

/** Its agent is nobody's any more at once; the queue ends the machine. */
async function end({ clock }: Context, tx: Tx, hosts: readonly MachineHost[], id: string): Promise<void> {
  const host = hosts.find(({ machineId }) => machineId === id);
  const machine = await findMachine(tx, id);
  if (!host || !machine) return;
  await updateMachine(tx, { ...machine, tokenHash: null });
  const removing = { phase: 'removing', attempts: 0, fault: null, enrolment: null } as const;
  await updateMachineHost(tx, { ...host, ...removing, nextAt: clock.now() });
}

const MAX_NAME = 63;
const SUFFIX = 5;
const LETTERS = 'bcdfghjkmnpqrstvwxz23456789';

/** After its load balancer, with letters that no machine of before had: names are in receipts, which outlive machines. */
async function machineName({ randomBytes }: Context, tx: Tx, loadBalancer: string): Promise<string> {
  const stem = loadBalancer.slice(0, MAX_NAME - SUFFIX - 1);
  for (;;) {
    const letters = [...randomBytes(SUFFIX)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
    const name = `${stem}-${letters}`;
    if (!(await findMachine(tx, name))) return name;
  }
}
