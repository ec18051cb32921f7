import type { GuardReport } from '../../api/agent.ts';
import { AppError } from '../../base/errors.ts';
import type { MachineGuard } from '../../spec/guard.ts';
import type { Receipt } from '../../spec/plan.ts';
import { type GuardRecord, findGuard, updateGuard } from '../../store/guards.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import type { MachineRecord } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { machineIdsOf, touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { findRevision } from '../../store/revisions.ts';
import type { ServerContext } from '../context.ts';
import { restoreRevision } from './restore.ts';

/** Author of the revisions that guards make. */
export const GUARD_AUTHOR = 'guard';

/**
 * Keeps what an agent tells of a guard. When it has become worse on any machine, and the guarded revision is still the
 * newest, the revision before is restored in the same transaction.
 * @returns the machines that must look again.
 */
export async function keepGuard(
  context: ServerContext,
  tx: Tx,
  { id: machineId, name }: MachineRecord,
  { id, revision, verdict, reason, view }: GuardReport,
): Promise<string[]> {
  const guard = await findGuard(tx, id, revision);
  if (guard?.state !== 'watching') return [];
  const machineIds = await machineIdsOf(tx, id);
  // An agent speaks for its own nodes alone.
  if (!machineIds.includes(machineId)) return [];
  const told: MachineGuard = { machine: name, verdict, reason, ...(view ? { view } : {}) };
  const machines = [...guard.machines.filter(({ machine }) => machine !== name), told];
  const several = machineIds.length > 1;
  const kept = { ...guard, machines, reason: several ? `on machine ${name}: ${reason}` : reason };
  if (verdict === 'violated') return restoreBefore(context, tx, kept);
  const isOver =
    machines.length >= machineIds.length && machines.every((each) => each.verdict !== 'watching');
  if (isOver) {
    const isKnown = machines.every((each) => each.verdict === 'passed');
    return endGuard(tx, { ...kept, state: isKnown ? 'passed' : 'unknown' });
  }
  await updateGuard(tx, kept);
  return [];
}

/** Ends the guard of a revision that could not be applied: the last good state serves anyway. */
export async function failGuard(tx: Tx, loadBalancerId: string, receipt: Receipt): Promise<string[]> {
  const guard = await findGuard(tx, loadBalancerId, receipt.revision);
  if (guard?.state !== 'watching') return [];
  const why = receipt.error?.detail ?? 'no reason was given';
  const reason = `revision ${receipt.revision} could not be applied on machine ${receipt.machine}: ${why}`;
  return endGuard(tx, { ...guard, state: 'failed', reason });
}

/** Notes how a guard ended, and has the agents told that the revision is no longer guarded. */
async function endGuard(tx: Tx, guard: GuardRecord): Promise<string[]> {
  await updateGuard(tx, guard);
  return touchNodes(tx, guard.loadBalancerId, await nextChangeVersion(tx));
}

async function restoreBefore(context: ServerContext, tx: Tx, guard: GuardRecord): Promise<string[]> {
  const { loadBalancerId, revision, reason } = guard;
  const record = await findLoadBalancer(tx, loadBalancerId);
  const before = await findRevision(tx, loadBalancerId, revision - 1);
  const failed = (why: string) =>
    endGuard(tx, { ...guard, state: 'failed', reason: `${reason}; but ${why}` });
  if (!record || !before) return failed(`there is no revision ${revision - 1} to restore`);
  if (record.revision !== revision) return endGuard(tx, { ...guard, state: 'superseded' });
  try {
    const {
      changed,
      record: after,
      machineIds,
    } = await restoreRevision(context, tx, record, {
      revision: before,
      author: GUARD_AUTHOR,
      reason: `revision ${revision} made it worse: ${reason}`,
    });
    if (!changed) return await failed(`revision ${revision} changed nothing that is served`);
    await updateGuard(tx, { ...guard, state: 'restored', restoredBy: after.revision });
    return machineIds;
  } catch (error) {
    // All such faults are found before the first write of a change.
    if (!(error instanceof AppError)) throw error;
    return failed(`revision ${revision - 1} cannot be restored: ${error.message}`);
  }
}
