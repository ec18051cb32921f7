import { messageOf } from '../../base/errors.ts';
import { findAgentUpgrade, listAgentUpgrades, saveAgentUpgrade } from '../../store/agent-upgrades.ts';
import { listVersions } from '../../store/load-balancers.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { findMachine, listMachines, touchMachine } from '../../store/machines.ts';
import { nextChangeVersion, readMeta } from '../../store/meta.ts';
import { listPlacements } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { isConnected } from '../status/nodes.ts';
import { type RolloutStep, type UpgradableMachine, nextUpgrade } from './decide.ts';
import { failUpgrade } from './note.ts';

const LOOK_EVERY_MS = 5000;
/** Fetching, unpacking, a minute's trial, and going back. An agent that has told nothing by then is gone. */
const GIVEN_UP_MS = 15 * 60_000;

type Context = Pick<
  ServerContext,
  'store' | 'clock' | 'changes' | 'wantedAgent' | 'agentAccess' | 'agentUpgrades' | 'log' | 'closing'
>;

/** How it stands with the agents of all machines. */
export async function rolloutStep(context: Context, tx: Tx, wanted: string): Promise<RolloutStep> {
  const isPaused = (await readMeta(tx, 'agent_upgrades')) === 'paused';
  const isAutomatic = context.agentUpgrades === 'auto';
  return nextUpgrade(await upgradableMachines(context, tx), { wanted, isPaused, isAutomatic });
}

async function upgradableMachines({ clock }: Context, tx: Tx): Promise<UpgradableMachine[]> {
  const now = clock.now();
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  const upgrades = new Map((await listAgentUpgrades(tx)).map((row) => [row.machineId, row]));
  const revisions = new Map((await listVersions(tx)).map(({ id, revision }) => [id, revision]));
  const nodes = new Map((await listPlacements(tx)).map((node) => [node.machineId, node]));
  return (await listMachineHosts(tx)).flatMap((host): UpgradableMachine[] => {
    const machine = machines.get(host.machineId);
    if (!machine) return [];
    const node = nodes.get(machine.id);
    return [
      {
        id: machine.id,
        name: machine.name,
        version: machine.upgrader?.version,
        isOnline: host.phase === 'ready' && isConnected(machine, now),
        loadBalancerId: node?.loadBalancerId,
        isLive: node !== undefined && node.observedRevision >= (revisions.get(node.loadBalancerId) ?? 0),
        isActive: node?.role?.role === 'active',
        upgrade: upgrades.get(machine.id),
      },
    ];
  });
}

/** Begins the next upgrade where there is one to begin, and gives up one of which nothing is heard. */
export async function lookAtRollout(context: Context): Promise<void> {
  const { store, clock, changes, wantedAgent, agentAccess } = context;
  if (!wantedAgent) return;
  const hasMachines = await store.transaction(async (tx) =>
    (await listMachines(tx)).some(({ upgrader }) => upgrader !== null),
  );
  // Packing takes seconds. Where agents have an address it is done before the first machine comes, and nowhere else.
  if (!hasMachines && !agentAccess) return;
  const { version } = await wantedAgent.prepare();
  const now = clock.now();
  const touched = await store.transaction(async (tx) => {
    for (const row of await listAgentUpgrades(tx)) {
      const machine = await findMachine(tx, row.machineId);
      if (!machine || row.state !== 'running' || now - row.since < GIVEN_UP_MS) continue;
      const reason = 'nothing was heard of it for a quarter of an hour';
      await failUpgrade(tx, machine, { version: row.version, reason, now });
    }
    const { next } = await rolloutStep(context, tx, version);
    if (!next) return undefined;
    await saveAgentUpgrade(tx, { machineId: next.id, version, state: 'running', reason: null, since: now });
    await touchMachine(tx, next.id, await nextChangeVersion(tx));
    return next.id;
  });
  if (touched !== undefined) changes.notify(`machine:${touched}`);
}

/** Asks for the upgrade of a machine's agent, whatever the roll-out does. */
export async function askForUpgrade(context: Context, tx: Tx, machineId: string): Promise<void> {
  const bundle = context.wantedAgent?.present();
  const machine = await findMachine(tx, machineId);
  if (!bundle || !machine?.upgrader || machine.upgrader.version === bundle.version) return;
  if ((await findAgentUpgrade(tx, machineId))?.state === 'running') return;
  const since = context.clock.now();
  await saveAgentUpgrade(tx, { machineId, version: bundle.version, state: 'asked', reason: null, since });
}

/** Rolls the control plane's version of the agent over the fleet. */
export function startRollout(context: Context): Loop {
  const { clock, log, closing } = context;
  return startLoop(closing, async (over) => {
    await lookAtRollout(context).catch((error: unknown) =>
      log.error({ err: error }, `agents cannot be upgraded: ${messageOf(error)}`),
    );
    await clock.sleep(LOOK_EVERY_MS, over);
  });
}
