import type { Receipt } from '../../spec/plan.ts';
import { type NewEvent, tellEvents } from '../../store/events.ts';
import { findLoadBalancer } from '../../store/load-balancers.ts';
import { findMachine } from '../../store/machines.ts';
import { nextChangeVersion } from '../../store/meta.ts';
import { touchNodes } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import {
  type ReplacementRecord,
  deleteReplacement,
  listReplacements,
  replacementsOfMachine,
  saveReplacement,
} from '../../store/replacements.ts';
import type { ServerContext } from '../context.ts';
import { replacedEvent, returnedEvent } from '../events/replacement.ts';
import type { Named } from '../events/resource.ts';
import type { PlacementChanges } from '../placement/place.ts';

export interface ReplacementSurroundings {
  /** As they were before placing. */
  replacements: readonly ReplacementRecord[];
  balancers: ReadonlyMap<string, Named>;
  machines: ReadonlyMap<string, Named>;
  now: number;
}

/**
 * Writes down who takes whose place, of what placing has just changed.
 * @returns what is worth telling.
 */
export async function noteReplacements(
  tx: Tx,
  { claims, releases }: PlacementChanges,
  { replacements, balancers, machines, now }: ReplacementSurroundings,
): Promise<NewEvent[]> {
  const lost = replacements.filter(({ state }) => state === 'lost').map((row) => ({ ...row }));
  const events: NewEvent[] = [];
  for (const { loadBalancerId, machineId } of claims) {
    const row = lost.find((each) => each.loadBalancerId === loadBalancerId && each.replacedBy === null);
    if (!row) continue;
    row.replacedBy = machineId;
    row.since = now;
    await saveReplacement(tx, row);
  }
  for (const { loadBalancerId, machineId } of releases) {
    const row = lost.find((each) => each.loadBalancerId === loadBalancerId && each.machineId === machineId);
    if (!row) continue;
    await saveReplacement(tx, { ...row, state: 'replaced', since: now });
    const [lb, gone] = [balancers.get(loadBalancerId), machines.get(machineId)];
    const by = row.replacedBy === null ? undefined : machines.get(row.replacedBy);
    if (lb && gone && by) events.push(replacedEvent(lb, { lost: gone, by, reason: row.reason }));
  }
  return events;
}

/**
 * Forgets the replaced machines whose agents have come back and have done away with what they served: from then on they are
 * as free as others, and the nodes need not tell them any more who has the floating address.
 * @returns the machines that must look again.
 */
export async function welcomeReturned(
  { taken, clock }: Pick<ServerContext, 'taken' | 'clock'>,
  tx: Tx,
): Promise<string[]> {
  const touched: string[] = [];
  for (const row of await listReplacements(tx)) {
    if (row.state !== 'replaced') continue;
    const machine = await findMachine(tx, row.machineId);
    const lb = await findLoadBalancer(tx, row.loadBalancerId);
    if (!machine || !lb || taken.of(machine.id) < machine.changeVersion) continue;
    await deleteReplacement(tx, row);
    await tellEvents(tx, [returnedEvent(lb, machine)], clock.now());
    touched.push(...(await touchNodes(tx, lb.id, await nextChangeVersion(tx))));
  }
  return touched;
}

/** A machine reports: where it has not been replaced yet, it keeps its place. */
export async function forgetSilence(tx: Tx, machineId: string): Promise<void> {
  for (const row of await replacementsOfMachine(tx, machineId))
    if (row.state !== 'replaced') await deleteReplacement(tx, row);
}

/** The node whose place a machine takes, as its receipts tell it; undefined where it takes none. */
export async function replacedBy(
  tx: Tx,
  loadBalancerId: string,
  machineId: string,
): Promise<Receipt['replaces']> {
  const row = (await listReplacements(tx, [loadBalancerId])).find(
    ({ state, replacedBy: by }) => state === 'lost' && by === machineId,
  );
  const machine = row && (await findMachine(tx, row.machineId));
  return machine && { machine: machine.name, reason: row.reason };
}
