import { messageOf } from '../../base/errors.ts';
import { reachPort } from '../../host/reach.ts';
import type { ServerContext } from '../context.ts';
import { type Loop, startLoop } from '../loop.ts';
import { lookForLife } from './evidence.ts';
import { type Evidence, type ReplacementRules, judgeSilence, limitOf } from './judge.ts';
import { forgetAnswered, keepVerdicts } from './record.ts';
import { type WatchedNode, watchedFleet } from './view.ts';

const LOOK_EVERY_MS = 5000;
/** A look that comes so much later than the one before: this host slept, or its clock was set. */
const BREAK_MS = 30_000;
/** What was seen is true for so long. That something serves is believed for longer than that nothing does. */
const BELIEVED_MS: Readonly<Record<Evidence['kind'], number>> = {
  serves: 30_000,
  unseen: 30_000,
  gone: 10_000,
};

/** Finds nodes that are lost, and has others take their places. */
export interface Replacer {
  /** Looks once. */
  look(): Promise<void>;
}

type Context = Pick<
  ServerContext,
  'store' | 'clock' | 'changes' | 'questions' | 'taken' | 'log' | 'closing' | 'replacement'
>;

/**
 * What it decides (`judge.ts`) is carried out by placing (`placement/settle.ts`).
 * @param reach how the control plane itself looks whether a machine serves.
 */
export function createReplacer(context: Context, reach = reachPort): Replacer {
  const { store, clock, changes, questions, closing, replacement: rules } = context;
  const seen = new Map<string, { evidence: Evidence; until: number }>();
  let listeningSince = clock.now();
  let lastLookAt = listeningSince;

  const evidence = (now: number): Map<string, Evidence> => {
    for (const [id, { until }] of seen) if (until <= now) seen.delete(id);
    return new Map([...seen].map(([id, { evidence: what }]) => [id, what]));
  };
  const read = (now: number) =>
    store.transaction((tx) => watchedFleet(context, tx, { now, listeningSince, evidence: evidence(now) }));
  const lookAt = async (nodes: readonly WatchedNode[], all: readonly WatchedNode[]) => {
    await Promise.all(
      nodes.map(async (node) => {
        const what = await lookForLife({ questions, closing, reach }, node, all);
        seen.set(node.id, { evidence: what, until: clock.now() + BELIEVED_MS[what.kind] });
      }),
    );
  };
  const decide = async (by: ReplacementRules) => {
    const now = clock.now();
    const lost = await store.transaction(async (tx) => {
      const { view, nodes, rows } = await watchedFleet(context, tx, {
        now,
        listeningSince,
        evidence: evidence(now),
      });
      const isSilent = ({ machineId, loadBalancerId }: { machineId: string; loadBalancerId: string }) =>
        nodes.some(
          ({ id, loadBalancer, silentMs, vpcAfterMs }) =>
            id === machineId && loadBalancer?.id === loadBalancerId && silentMs >= limitOf(vpcAfterMs, by),
        );
      // What was lost stays so over a restart of the control plane, which begins to listen anew.
      await forgetAnswered(tx, rows, (row) => row.state === 'lost' || isSilent(row));
      return keepVerdicts(tx, judgeSilence(view, by), { rows, now });
    });
    if (lost.length > 0) changes.notify('placement');
    for (const id of lost) changes.notify(`nodes:${id}`);
  };

  return {
    async look() {
      const now = clock.now();
      if (now - lastLookAt > BREAK_MS || now < lastLookAt) listeningSince = now;
      lastLookAt = now;
      const { view, nodes } = await read(now);
      const asked = new Set(
        judgeSilence(view, rules).flatMap(({ action, machine }) => (action === 'look' ? [machine.id] : [])),
      );
      if (asked.size > 0)
        await lookAt(
          nodes.filter(({ id }) => asked.has(id)),
          nodes,
        );
      await decide(rules);
    },
  };
}

/** Looks every few seconds. */
export function startReplacer(context: Context): Loop {
  const { clock, log, closing } = context;
  const replacer = createReplacer(context);
  return startLoop(closing, async (over) => {
    await clock.sleep(LOOK_EVERY_MS, over);
    if (over.aborted) return;
    await replacer
      .look()
      .catch((error: unknown) =>
        log.error({ err: error }, `silent machines could not be looked at: ${messageOf(error)}`),
      );
  });
}
