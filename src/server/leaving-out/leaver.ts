import { messageOf } from '../../base/errors.ts';
import { reachPort } from '../../host/reach.ts';
import { listVersions } from '../../store/load-balancers.ts';
import { listMachineHosts } from '../../store/machine-hosts.ts';
import { listMachines } from '../../store/machines.ts';
import { type PlacedNode, listPlacements, saveLeftOut } from '../../store/nodes.ts';
import type { Tx } from '../../store/open.ts';
import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { lookForLife } from '../replacement/evidence.ts';
import type { Evidence } from '../replacement/judge.ts';
import { watchedFleet } from '../replacement/view.ts';
import { isConnected } from '../status/nodes.ts';
import { judgeOwn } from './judge.ts';

const LOOK_EVERY_MS = 5000;

/** Has clients sent to nodes that serve, where each node has an address of its own. */
export interface Leaver {
  /** Looks once. */
  look(): Promise<void>;
}

type Context = Pick<ServerContext, 'store' | 'clock' | 'changes' | 'questions' | 'taken' | 'log' | 'closing'>;

/**
 * What it decides stands in `judge.ts`.
 * @param reach how the control plane itself looks whether a machine serves.
 */
export function createLeaver(context: Context, reach = reachPort): Leaver {
  const { store, clock, changes, questions, closing } = context;
  const evidenceOf = async (machineIds: ReadonlySet<string>): Promise<Map<string, Evidence>> => {
    if (machineIds.size === 0) return new Map();
    const now = clock.now();
    const { nodes } = await store.transaction((tx) =>
      watchedFleet(context, tx, { now, listeningSince: 0, evidence: new Map() }),
    );
    const seen = await Promise.all(
      nodes
        .filter(({ id }) => machineIds.has(id))
        .map(
          async (node) => [node.id, await lookForLife({ questions, closing, reach }, node, nodes)] as const,
        ),
    );
    return new Map(seen);
  };
  return {
    async look() {
      const silent = await store.transaction((tx) => silentOf(tx, clock.now()));
      if (silent === undefined) return;
      const evidence = await evidenceOf(silent);
      const touched = await store.transaction((tx) => keep(tx, evidence, clock.now()));
      for (const id of touched) changes.notify(`nodes:${id}`);
      if (touched.size > 0) changes.notify('dns');
    },
  };
}

/** The nodes of every load balancer that has several, each with an address of its own. */
async function ownNodes(tx: Tx): Promise<PlacedNode[][]> {
  const own = new Set(
    (await listVersions(tx))
      .filter(({ floating, placement }) => placement === 'own' && floating.length === 0)
      .map(({ id }) => id),
  );
  if (own.size === 0) return [];
  const hosts = new Set((await listMachineHosts(tx)).map(({ machineId }) => machineId));
  const nodes = (await listPlacements(tx)).filter(
    ({ loadBalancerId, machineId }) => own.has(loadBalancerId) && hosts.has(machineId),
  );
  return [...Map.groupBy(nodes, ({ loadBalancerId }) => loadBalancerId).values()].filter(
    (group) => group.length > 1,
  );
}

async function reporting(tx: Tx, now: number): Promise<Set<string>> {
  return new Set((await listMachines(tx)).filter((machine) => isConnected(machine, now)).map(({ id }) => id));
}

/** Machines that somebody should look at; undefined when no load balancer is of that kind. */
async function silentOf(tx: Tx, now: number): Promise<Set<string> | undefined> {
  const groups = await ownNodes(tx);
  if (groups.length === 0) return undefined;
  const heard = await reporting(tx, now);
  return new Set(
    groups
      .flat()
      .map(({ machineId }) => machineId)
      .filter((id) => !heard.has(id)),
  );
}

/** @returns the load balancers of which something is new. */
async function keep(tx: Tx, evidence: ReadonlyMap<string, Evidence>, now: number): Promise<Set<string>> {
  const touched = new Set<string>();
  const heard = await reporting(tx, now);
  for (const group of await ownNodes(tx)) {
    const reasons = judgeOwn(
      group.map(({ machineId, leftOut, isServing }) => ({
        machineId,
        isReporting: heard.has(machineId),
        hasServed: isServing,
        evidence: evidence.get(machineId),
        leftOut: leftOut?.reason ?? null,
      })),
    );
    for (const [index, node] of group.entries()) {
      const reason = reasons[index] ?? null;
      if (reason === (node.leftOut?.reason ?? null)) continue;
      await saveLeftOut(tx, node, reason === null ? null : { reason, since: new Date(now).toISOString() });
      touched.add(node.loadBalancerId);
    }
  }
  return touched;
}

/** Looks every few seconds. */
export function startLeaver(context: Context): Loop {
  const { clock, log, closing } = context;
  const leaver = createLeaver(context);
  return startLoop(closing, async (over) => {
    await clock.sleep(LOOK_EVERY_MS, over);
    if (over.aborted) return;
    await leaver
      .look()
      .catch((error: unknown) =>
        log.error(
          { err: error },
          `nodes with addresses of their own could not be looked at: ${messageOf(error)}`,
        ),
      );
  });
}
