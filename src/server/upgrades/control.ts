import type { AgentRollout } from '../../api/machines.ts';
import { AppError } from '../../base/errors.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { listMachines } from '../../store/machines.ts';
import { writeMeta } from '../../store/meta.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { requireProvisioner } from '../machines/rules.ts';
import { askForUpgrade, rolloutStep } from './rollout.ts';

/** How far the version of the agent has come. */
export async function rolloutView(context: ServerContext): Promise<AgentRollout> {
  requireProvisioner(context);
  const version = (await context.wantedAgent?.prepare())?.version ?? '';
  const { state, reason } = await context.store.transaction((tx) => rolloutStep(context, tx, version));
  return { version, state, reason };
}

/** Pauses the roll-out, or has it go on with every agent that lacks the version. */
export async function setRollout(context: ServerContext, isPaused: boolean): Promise<void> {
  requireProvisioner(context);
  await context.wantedAgent?.prepare();
  await context.store.transaction(async (tx) => {
    await writeMeta(tx, 'agent_upgrades', isPaused ? 'paused' : '');
    if (isPaused) return;
    for (const { id } of await listMachines(tx)) await askForUpgrade(context, tx, id);
  });
}

/** Asks for the upgrade of one machine's agent. @throws AppError when nothing on it could do that */
export async function requireUpgradable(
  context: ServerContext,
  tx: Tx,
  machine: MachineRecord,
): Promise<void> {
  if (!machine.upgrader) {
    throw new AppError('agent_not_upgradable', `nothing on ${machine.name} could upgrade its agent`, {
      hint: `It was made ready by an earlier version, or its agent has not reported. Bring it by: agentmetal machine retry ${machine.name}`,
    });
  }
  await askForUpgrade(context, tx, machine.id);
}
