import type { NewEvent } from '../../store/events.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

interface About {
  machine: Named;
  code: string;
  reason: string;
}

/** A node that is silent for long keeps its place. */
export function heldEvent(lb: Named, { machine, code, reason }: About): NewEvent {
  return {
    type: 'node.held',
    severity: 'warning',
    resource: ofLoadBalancer(lb),
    subject: `${machine.id} ${code}`,
    message: `machine ${machine.name} is silent and keeps its place in ${lb.name}: ${reason}`,
    details: { machine: machine.name, code },
  };
}

/** A node is taken for lost: another machine takes its place. */
export function lostEvent(lb: Named, { machine, code, reason }: About): NewEvent {
  return {
    type: 'node.lost',
    severity: 'error',
    resource: ofLoadBalancer(lb),
    subject: machine.id,
    message: `machine ${machine.name} of ${lb.name} is lost: ${reason}. Another one takes its place`,
    details: { machine: machine.name, code },
  };
}

/** Another machine serves in the place of one that was lost. */
export function replacedEvent(
  lb: Named,
  { lost, by, reason }: { lost: Named; by: Named; reason: string },
): NewEvent {
  return {
    type: 'node.replaced',
    severity: 'warning',
    resource: ofLoadBalancer(lb),
    subject: lost.id,
    message: `node ${lost.name} of ${lb.name} is replaced by ${by.name}, because it was ${reason}`,
    details: { machine: lost.name, by: by.name },
  };
}

/** A machine that was replaced came back, and has done away with what it served. */
export function returnedEvent(lb: Named, machine: Named): NewEvent {
  return {
    type: 'node.removed',
    severity: 'info',
    resource: ofLoadBalancer(lb),
    subject: machine.id,
    message: `machine ${machine.name} came back, has given ${lb.name} up and is free`,
    details: { machine: machine.name },
  };
}
