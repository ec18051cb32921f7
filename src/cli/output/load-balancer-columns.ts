import type { LoadBalancer } from '../../api/load-balancer.ts';
import { allBackends } from '../../spec/pools-of.ts';
import { backendKey } from '../backend-text.ts';
import { addressTexts } from './addresses.ts';
import { formatAge } from './age.ts';
import { idlePools } from './result.ts';
import { paintState } from './state.ts';
import type { Style } from './style.ts';
import type { Column } from './table.ts';

/** The columns of `lb list`. */
export function loadBalancerColumns(now: number, style: Style): Array<Column<LoadBalancer>> {
  return [
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'TYPE', cell: ({ spec }) => spec.type },
    { heading: 'STATE', cell: stateText, paint: (text) => paintFirstWord(style, text) },
    { heading: 'ADDRESSES', cell: (lb) => addressTexts(lb).join(',') },
    { heading: 'BACKENDS', cell: backendCount },
    { heading: 'REVISION', cell: ({ revision }) => String(revision) },
    { heading: 'AGE', cell: ({ createdAt }) => formatAge(createdAt, now) },
  ];
}

/** The state, and what is behind it where somebody wanted it so. */
function stateText({ spec, status }: LoadBalancer): string {
  if (spec.maintenance?.enabled) return `${status.state} (maintenance)`;
  return idlePools({ spec }).length > 0 ? `${status.state} (drained)` : status.state;
}

function paintFirstWord(style: Style, text: string): string {
  const [state = '', ...rest] = text.split(' ');
  return [paintState(style, state), ...rest].join(' ');
}

function backendCount({ spec, status }: LoadBalancer): string {
  const up = status.backends.filter(({ state }) => state === 'up').map(backendKey);
  return `${new Set(up).size}/${allBackends(spec).length}`;
}
