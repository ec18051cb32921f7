import type { Receipt } from '../../spec/plan.ts';
import type { NewEvent } from '../../store/events.ts';
import { type Named, ofLoadBalancer } from './resource.ts';

interface RevisionedLoadBalancer extends Named {
  revision: number;
}

export function liveEvent(lb: RevisionedLoadBalancer, receipt: Receipt | undefined): NewEvent {
  const { revision } = lb;
  const own = receipt?.revision === revision ? receipt : undefined;
  const how = own ? ` (${own.path}, ${Math.round(own.durationMs)} ms)` : '';
  const cut = own && own.connectionsCut > 0 ? `; ${own.connectionsCut} connections were cut` : '';
  return {
    type: 'revision.live',
    severity: 'info',
    resource: ofLoadBalancer(lb),
    subject: String(revision),
    message: `revision ${revision} is live on every node${how}${cut}`,
    details: {
      revision,
      ...(own ? { path: own.path, durationMs: own.durationMs, connectionsCut: own.connectionsCut } : {}),
    },
  };
}

export function failedEvent(lb: Named, { revision, machine, error, restored }: Receipt): NewEvent {
  const kept = restored ? '; the state before it serves on' : '';
  const hint = error?.hint === undefined ? '' : `. ${error.hint}`;
  return {
    type: 'revision.failed',
    severity: 'error',
    resource: ofLoadBalancer(lb),
    subject: `${revision} ${machine}`,
    message: `revision ${revision} failed on machine ${machine}: ${error?.detail ?? 'no reason was given'}${kept}${hint}`,
    details: { revision, machine, restored, ...(error ? { error } : {}) },
  };
}

/** A revision that brought an earlier one back. */
export interface Restored {
  restoredFrom: number;
  author: string;
  /** Why, where nobody asked for it. */
  reason: string | undefined;
}

export function restoredEvent(
  lb: RevisionedLoadBalancer,
  { restoredFrom, author, reason }: Restored,
): NewEvent {
  const { revision } = lb;
  const why = reason === undefined ? '' : `: ${reason}`;
  return {
    type: 'revision.restored',
    severity: reason === undefined ? 'info' : 'warning',
    resource: ofLoadBalancer(lb),
    subject: String(revision),
    message: `revision ${revision} brings revision ${restoredFrom} back (${author})${why}`,
    details: { revision, restoredFrom, author, ...(reason === undefined ? {} : { reason }) },
  };
}

export function createdEvent(lb: RevisionedLoadBalancer, author: string): NewEvent {
  return {
    type: 'load_balancer.created',
    severity: 'info',
    resource: ofLoadBalancer(lb),
    message: `${lb.name} was created by ${author}`,
    details: { author },
  };
}

export function deletedEvent(lb: RevisionedLoadBalancer, author: string): NewEvent {
  return {
    type: 'load_balancer.deleted',
    severity: 'info',
    resource: ofLoadBalancer(lb),
    message: `${lb.name} was deleted by ${author}`,
    details: { author, revision: lb.revision },
  };
}
