import { type NewEvent, tellEvents } from '../../store/events.ts';
import type { Tx } from '../../store/open.ts';
import { type ReplacementRecord, deleteReplacement, saveReplacement } from '../../store/replacements.ts';
import { heldEvent, lostEvent } from '../events/replacement.ts';
import type { Verdict } from './judge.ts';

/** Why a node has not been replaced yet that passes by itself, and is no news. */
const PASSING: ReadonlySet<Verdict['code']> = new Set(['turn', 'looking']);

/**
 * Writes down what was decided about the nodes that are silent, and tells what is new of it.
 * @param rows what was written down before.
 * @returns ids of the load balancers of which a node was lost just now.
 */
export async function keepVerdicts(
  tx: Tx,
  verdicts: readonly Verdict[],
  { rows, now }: { rows: readonly ReplacementRecord[]; now: number },
): Promise<string[]> {
  const lost: string[] = [];
  const events: NewEvent[] = [];
  for (const verdict of verdicts) {
    const { machine, action, code, reason } = verdict;
    const { loadBalancer } = machine;
    if (!loadBalancer || action === 'look') continue;
    const before = rowOf(rows, loadBalancer.id, machine.id);
    const state = action === 'replace' ? 'lost' : 'held';
    const isNew = before?.state !== state || before.code !== code;
    await saveReplacement(tx, {
      loadBalancerId: loadBalancer.id,
      machineId: machine.id,
      state,
      code,
      reason,
      replacedBy: null,
      since: isNew ? now : before.since,
    });
    if (state === 'lost') lost.push(loadBalancer.id);
    if (!isNew || PASSING.has(code)) continue;
    events.push((state === 'lost' ? lostEvent : heldEvent)(loadBalancer, { machine, code, reason }));
  }
  await tellEvents(tx, events, now);
  return lost;
}

/** Of a machine that is heard of again, or is no node any more, nothing is held against it. */
export async function forgetAnswered(
  tx: Tx,
  rows: readonly ReplacementRecord[],
  isStillSilentNode: (row: ReplacementRecord) => boolean,
): Promise<void> {
  for (const row of rows)
    if (row.state !== 'replaced' && !isStillSilentNode(row)) await deleteReplacement(tx, row);
}

function rowOf(
  rows: readonly ReplacementRecord[],
  loadBalancerId: string,
  machineId: string,
): ReplacementRecord | undefined {
  return rows.find((row) => row.loadBalancerId === loadBalancerId && row.machineId === machineId);
}
