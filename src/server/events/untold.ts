import type { LoadBalancerReport, Untold, UntoldTurn } from '../../api/agent.ts';
import type { NewEvent } from '../../store/events.ts';
import { backendKey } from '../status/backends.ts';
import { backendEvents } from './backends.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

type Reported = LoadBalancerReport['backends'];

/** What turns within this time has one cause, and is told as one. */
const TOGETHER_MS = 2000;

export interface CaughtUp {
  /** The oldest first, each with its own time. */
  events: NewEvent[];
  /** The backends as they were after the last of it. */
  backends: Reported;
}

/**
 * What happened to backends while an agent could tell nobody. What is known already is left out: the answer to a report may
 * have been lost, and then it is told again. Pure.
 */
export function untoldEvents(
  lb: Named,
  { turns, dropped }: Untold,
  { machine, before, now }: { machine: string; before: Reported; now: number },
): CaughtUp {
  // Nearly every report: of thousands of backends nothing need be put in order for it.
  if (turns.length === 0) return { events: [], backends: before };
  const since = new Map(before.map((backend) => [backendKey(backend), backend.since]));
  const news = turns.filter((turn) => turn.at > (since.get(backendKey(turn)) ?? ''));
  const [first] = news;
  if (!first) return { events: [], backends: before };
  const events = dropped > 0 ? [droppedEvent(lb, machine, first, dropped)] : [];
  let backends = before;
  for (const group of groupsOf(news)) {
    const known = new Map(backends.map((backend) => [backendKey(backend), backend]));
    const turned = group.map((turn) => ({ ...known.get(backendKey(turn)), ...toReported(turn) }));
    for (const backend of turned) known.set(backendKey(backend), backend);
    const after = [...known.values()];
    const at = Math.min(now, Date.parse(group.at(-1)?.at ?? ''));
    for (const event of backendEvents(lb, { machine, before: backends, news: turned, after }))
      events.push({ ...event, at });
    backends = after;
  }
  return { events, backends };
}

/** Turns by what happened at once; none has a backend twice. */
function groupsOf(turns: readonly UntoldTurn[]): UntoldTurn[][] {
  const groups: UntoldTurn[][] = [];
  for (const turn of turns) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const isTogether =
      first !== undefined && Math.abs(Date.parse(turn.at) - Date.parse(first.at)) <= TOGETHER_MS;
    const isThere = group?.some((other) => backendKey(other) === backendKey(turn)) ?? false;
    if (group && isTogether && !isThere) group.push(turn);
    else groups.push([turn]);
  }
  return groups;
}

function toReported({ at, pool, target, state, reason }: UntoldTurn): Reported[number] {
  return { pool, target, state, reason, since: at };
}

function droppedEvent(lb: Named, machine: string, { at }: UntoldTurn, count: number): NewEvent {
  return {
    type: 'node.changes_dropped',
    severity: 'warning',
    resource: ofLoadBalancer(lb),
    subject: machine,
    message: `machine ${machine} could not report for so long that it dropped the oldest ${count} changes of backends; what is told begins at ${at}`,
    details: { machine, dropped: count, since: at },
  };
}
