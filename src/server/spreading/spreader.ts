import { AppError, messageOf } from '../../base/errors.ts';
import { type SpreadRecord, listSpread } from '../../store/load-balancers.ts';
import { listMachines } from '../../store/machines.ts';
import { listPlacements } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { heldBy } from '../placement/settle-addresses.ts';
import { askNode, requireNodes } from '../questions/ask-node.ts';
import { askNodes } from '../questions/each-node.ts';
import { isConnected } from '../status/nodes.ts';
import { type Move, NOTHING_SEEN, type SpreadBalancer, type Watch, nextMove, watchNodes } from './decide.ts';

const LOOK_EVERY_MS = 3000;
/** A move takes a second or two; of very many load balancers only some have one at a time. */
const AT_ONCE = 8;

/** Has floating addresses go home to their nodes. */
export interface Spreader {
  /** Looks once, and does what there is to do. */
  look(): Promise<void>;
}

/** What it decides stands in `decide.ts`. What it does is what `lb failover` does, for one address. */
export function createSpreader(context: ServerContext): Spreader {
  const { store, clock } = context;
  let watches = new Map<string, Watch>();
  return {
    async look() {
      const balancers = await store.transaction((tx) => readBalancers(tx, clock.now()));
      const now = clock.now();
      watches = new Map(
        balancers.map((each) => [each.id, watchNodes(watches.get(each.id) ?? NOTHING_SEEN, each, now)]),
      );
      const moves = balancers.flatMap(({ id, ...each }) => {
        const move = nextMove({ id, ...each }, watches.get(id) ?? NOTHING_SEEN, now);
        return move ? [{ id, move }] : [];
      });
      await Promise.all(moves.slice(0, AT_ONCE).map(({ id, move }) => carryOut(context, id, move)));
    },
  };
}

async function carryOut(context: ServerContext, loadBalancer: string, move: Move): Promise<void> {
  const { log, closing: signal } = context;
  try {
    const nodes = await requireNodes(context, loadBalancer);
    const holder = nodes.find(({ machineId }) => machineId === move.from);
    if (!holder) return;
    // Connections from before are handed to the node that has them. Where not all know, some would be lost.
    const { faults } = await askNodes(context, nodes, { kind: 'expect' }, { signal });
    const late = faults.find(({ node }) => node.isReporting);
    if (late) throw late.error;
    await askNode(context, holder, { kind: 'failover', addresses: [move.address] }, { signal });
    log.info({ loadBalancer, ...move }, 'a floating address goes to its node');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // The load balancer or the node has gone, or does not answer: the next look sees how it is.
    log.warn({ loadBalancer, ...move, error: error.message }, 'a floating address cannot be moved');
  }
}

async function readBalancers(tx: Tx, now: number): Promise<SpreadBalancer[]> {
  const records = await listSpread(tx);
  if (records.length === 0) return [];
  const placements = await listPlacements(
    tx,
    records.map(({ id }) => id),
  );
  const machines = new Map((await listMachines(tx)).map((machine) => [machine.id, machine]));
  return records.map((record) => {
    const own = placements.filter(({ loadBalancerId }) => loadBalancerId === record.id);
    return balancerOf(record, own, (machineId) => {
      const machine = machines.get(machineId);
      return machine !== undefined && isConnected(machine, now);
    });
  });
}

function balancerOf(
  { id, floating }: SpreadRecord,
  nodes: Awaited<ReturnType<typeof listPlacements>>,
  isReporting: (machineId: string) => boolean,
): SpreadBalancer {
  return {
    id,
    addresses: floating.map(({ address, home }) => ({ address, home })),
    nodes: nodes.map(({ machineId, role }) => ({
      machineId,
      isWell: isReporting(machineId) && role !== null && role.role !== 'fault',
      isLastResort: role?.isLastResort ?? false,
      holds: heldBy(role, floating),
    })),
  };
}

/** Looks every few seconds. */
export function startSpreader(context: ServerContext): Loop {
  const { clock, log, closing } = context;
  const spreader = createSpreader(context);
  return startLoop(closing, async (over) => {
    await clock.sleep(LOOK_EVERY_MS, over);
    if (over.aborted) return;
    await spreader
      .look()
      .catch((error: unknown) =>
        log.error({ err: error }, `floating addresses could not be looked at: ${messageOf(error)}`),
      );
  });
}
