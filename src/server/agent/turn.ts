import { findLoadBalancer } from '../../store/load-balancers.ts';
import { findMachine } from '../../store/machines.ts';
import { machineNodes, nodesOf } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';
import { isConnected } from '../status/nodes.ts';

/** A standby that takes longer than this holds nobody up; an agent waits for its orders a little longer. */
const TURN_MS = 8000;

type Context = Pick<ServerContext, 'store' | 'clock' | 'changes' | 'closing'>;

/**
 * Has the standby nodes go first: the node that has the floating address hears of a revision once they have it, or have
 * failed at it, so that nobody takes over with less than it had, and no two reload at once.
 * @param since the change up to which the machine has done everything; 0 for one that has to be told all, which waits for nobody.
 */
export async function standbyFirst(
  { store, clock, changes, closing }: Context,
  machineId: string,
  since: number,
): Promise<void> {
  if (since === 0) return;
  const { changed } = await store.transaction((tx) => machineNodes(tx, machineId, since));
  for (const { id } of changed) {
    const isItsTurn = async () =>
      !(await store.transaction((tx) => isStandbyBehind(tx, { id, machineId, now: clock.now() })));
    await waitUntil(changes.watch(`nodes:${id}`), isItsTurn, { clock, ms: TURN_MS, signal: closing });
  }
}

/** Whether a node has the floating address while another one, which would take it, is to get the newest revision. */
async function isStandbyBehind(
  tx: Tx,
  { id, machineId, now }: { id: string; machineId: string; now: number },
): Promise<boolean> {
  const record = await findLoadBalancer(tx, id);
  if (!record) return false;
  const nodes = await nodesOf(tx, [id]);
  if (nodes.find((node) => node.machineId === machineId)?.role?.role !== 'active') return false;
  for (const node of nodes) {
    if (node.role?.role !== 'standby' || node.settledRevision >= record.revision) continue;
    const machine = await findMachine(tx, node.machineId);
    if (machine && isConnected(machine, now)) return true;
  }
  return false;
}
