import type { LoadBalancer } from '../../api/load-balancer.ts';
import type { Receipt } from '../../spec/plan.ts';
import { backendKey, backendText } from '../backend-text.ts';
import type { Progress } from '../output/progress.ts';

/** More lines than this about backends say nothing to a reader. */
const MAX_LINES = 20;

/** Tells each thing that happens to a revision once. */
export interface Narrator {
  receipts(receipts: readonly Receipt[]): void;
  backends(lb: LoadBalancer): void;
  /** That it waits for machines. */
  lack(lb: LoadBalancer): void;
}

/** What was so before the change is not told again. */
export function createNarrator(progress: Progress, before: LoadBalancer | undefined): Narrator {
  const told = new Set<string>();
  const states = stateLines(before);
  let lines = 0;
  return {
    receipts(receipts) {
      for (const receipt of receipts) {
        const line = receiptLine(receipt);
        if (!told.has(line)) progress.step(line);
        told.add(line);
      }
    },
    lack({ status }) {
      const lacking = status.conditions.find(({ type }) => type === 'Placed');
      if (!lacking || told.has(lacking.message)) return;
      told.add(lacking.message);
      progress.step(lacking.message);
    },
    backends(lb) {
      for (const [key, line] of stateLines(lb)) {
        if (states.get(key) === line) continue;
        states.set(key, line);
        lines += 1;
        if (lines <= MAX_LINES) progress.step(line);
        if (lines === MAX_LINES) progress.step(`… the rest: agentmetal lb health ${lb.name}`);
      }
    },
  };
}

/** How a node took a revision: `applied on local: runtime, 12 ms`. The path `none` would read like a fault. */
export function receiptLine({ outcome, machine, path, durationMs, connectionsCut }: Receipt): string {
  const cut = connectionsCut > 0 ? `, ${connectionsCut} connections cut` : '';
  return `${outcome} on ${machine}${wayText({ outcome, path })}, ${Math.round(durationMs)} ms${cut}`;
}

function wayText({ outcome, path }: Pick<Receipt, 'outcome' | 'path'>): string {
  if (path !== 'none') return `: ${path}`;
  return outcome === 'applied' ? ': nothing to do there' : '';
}

/** Backends whose first check has answered, by node. */
function stateLines(lb: LoadBalancer | undefined): Map<string, string> {
  const severalNodes = (lb?.status.nodes.length ?? 0) > 1;
  const settled = lb?.status.backends.filter(({ state }) => state !== 'checking') ?? [];
  return new Map(
    settled.map(({ machine, pool, target, state, reason }) => {
      const why = state === 'up' || !reason ? '' : `: ${reason}`;
      return [
        `${machine} ${backendKey({ pool, target })}`,
        `${backendText({ pool, target })} ${state}${severalNodes ? ` on ${machine}` : ''}${why}`,
      ];
    }),
  );
}
