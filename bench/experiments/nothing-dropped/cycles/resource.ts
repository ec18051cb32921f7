import { type Cycle, type Surroundings, call, patch } from '../kinds.ts';

/** What a load balancer is called and how it is kept: nothing of it is for HAProxy. */
export function resourceCycles({ web }: Surroundings): Cycle[] {
  const path = `/v1/load-balancers/${web.id}`;
  const set = (kind: string, body: object) => call(kind, web, { method: 'PATCH', path, body });
  return [
    [
      set('labels', { labels: { team: 'bench' } }),
      set('name', { name: 'bench-renamed' }),
      patch('deletionProtection', web, { deletionProtection: true }),
      set('labels', { labels: { team: null } }),
      set('name', { name: 'bench' }),
      patch('deletionProtection', web, { deletionProtection: false }),
    ],
  ];
}
