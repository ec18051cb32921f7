import type { LoadBalancer } from '../../api/load-balancer.ts';
import { allBackends } from '../../spec/pools-of.ts';
import { backendKey } from '../backend-text.ts';
import { addressTexts } from './addresses.ts';
import { formatAge } from './age.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import type { Column } from './table.ts';

/** The columns of `lb list`. */
export function loadBalancerColumns(now: number, style: Style): Array<Column<LoadBalancer>> {
  return [
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'TYPE', cell: ({ spec }) => spec.type },
    { heading: 'STATE', cell: ({ status }) => status.state, paint: (text) => paintState(style, text) },
    { heading: 'ADDRESSES', cell: (lb) => addressTexts(lb).join(',') },
    { heading: 'BACKENDS', cell: backendCount },
    { heading: 'REVISION', cell: ({ revision }) => String(revision) },
    { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, now) },
  ];
}

function backendCount({ spec, status }: LoadBalancer): string {
  const up = status.backends.filter(({ state }) => state === 'up').map(backendKey);
  return `${new Set(up).size}/${allBackends(spec).length}`;
}
