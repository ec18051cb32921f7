import type { MachineFault } from '../../spec/machine.ts';
import type { NewEvent } from '../../store/events.ts';
import { type Named, ofLoadBalancer, ofMachine } from './resource.ts';

export function readyEvent(machine: Named): NewEvent {
  return {
    type: 'machine.ready',
    severity: 'info',
    resource: ofMachine(machine),
    message: `machine ${machine.name} is ready`,
    details: {},
  };
}

/** A machine that is not tried again by itself. */
export function givenUpEvent(machine: Named, { code, detail, hint }: MachineFault): NewEvent {
  return {
    type: 'machine.failed',
    severity: 'warning',
    resource: ofMachine(machine),
    message: `machine ${machine.name} could not be made ready: ${detail}${hint === null ? '' : `. ${hint}`}`,
    details: { code },
  };
}

export function removedEvent(machine: Named): NewEvent {
  return {
    type: 'machine.removed',
    severity: 'info',
    resource: ofMachine(machine),
    message: `machine ${machine.name} is given back`,
    details: {},
  };
}

/** A load balancer has, or has no more, a machine for itself. */
export function placedEvent(lb: Named, machine: Named, isNode: boolean): NewEvent {
  return {
    type: isNode ? 'node.added' : 'node.removed',
    severity: 'info',
    resource: ofLoadBalancer(lb),
    subject: machine.id,
    message: `machine ${machine.name} is ${isNode ? 'a node of' : 'given back by'} ${lb.name}`,
    details: { machine: machine.name },
  };
}
