import type { Event } from '../../api/events.ts';

/** Something with an id and a name. */
export interface Named {
  id: string;
  name: string;
}

export function ofLoadBalancer({ id, name }: Named): Event['resource'] {
  return { kind: 'load_balancer', id, name };
}

export function ofMachine({ id, name }: Named): Event['resource'] {
  return { kind: 'machine', id, name };
}
