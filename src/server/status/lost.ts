import type { Condition } from '../../api/load-balancer.ts';
import type { LostMachine, Observation } from './observation.ts';

/** Told of nodes that are silent for long, until another machine serves in their place or they are heard of again. */
export function lostNodes({ lost = [] }: Observation): Condition[] {
  return lost.flatMap(({ row, ...names }) => {
    if (row.state === 'replaced') return [];
    const since = new Date(row.since).toISOString();
    const told = row.state === 'lost' ? replacing({ row, ...names }) : held({ row, ...names });
    return [{ type: 'NodeLost', since, ...told }];
  });
}

function replacing({
  row,
  machine,
  replacedBy,
}: LostMachine): Pick<Condition, 'status' | 'reason' | 'message'> {
  const what = replacedBy === undefined ? 'Another machine takes its place' : `${replacedBy} takes its place`;
  return {
    status: 'true',
    reason: 'Replacing',
    message: `Machine ${machine} is lost: ${row.reason}. ${what}.`,
  };
}

function held({ row, machine }: LostMachine): Pick<Condition, 'status' | 'reason' | 'message'> {
  const message = `Machine ${machine} is silent and keeps its place: ${row.reason}.`;
  return { status: 'false', reason: 'Held', message };
}
