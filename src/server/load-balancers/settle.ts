import { nodesOf } from '../../store/nodes.ts';
import { waitUntil } from '../changes.ts';
import type { ServerContext } from '../context.ts';

/** Waits until every node has said how a revision (or a newer one) ended, well or badly. */
export async function waitForRevision(
  context: ServerContext,
  id: string,
  revision: number,
  ms: number,
): Promise<void> {
  const settled = () =>
    context.store.transaction(async (tx) => {
      const nodes = await nodesOf(tx, [id]);
      return nodes.every((node) => node.settledRevision >= revision);
    });
  const { clock, changes, closing } = context;
  await waitUntil(changes.watch(`nodes:${id}`), settled, { clock, ms, signal: closing });
}

/** Waits until each machine has done all changes up to a version, which include a deletion. */
export async function waitForVersion(
  { clock, changes, closing, taken }: ServerContext,
  { machineIds, version, ms }: { machineIds: readonly string[]; version: number; ms: number },
): Promise<void> {
  const waits = machineIds.map((machineId) => {
    const done = async () => taken.of(machineId) >= version;
    return waitUntil(changes.watch(`taken:${machineId}`), done, { clock, ms, signal: closing });
  });
  await Promise.all(waits);
}
