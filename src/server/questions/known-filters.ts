import type { LogFilter } from '../../api/logs.ts';
import { AppError } from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { allBackends, poolsOf } from '../../spec/pools-of.ts';

/** More names than these nobody reads. */
const MAX_NAMED = 10;

/**
 * Throws for a filter that names a pool, backend or route which the load balancer has not: no line would ever be like that, and
 * that there is none would be taken for an answer.
 */
export function requireKnown(
  loadBalancer: string,
  spec: LoadBalancerSpec,
  { pool, backend, route }: Pick<LogFilter, 'pool' | 'backend' | 'route'>,
): void {
  const require = (kind: string, asked: string | undefined, names: readonly string[]) => {
    if (asked === undefined || names.includes(asked)) return;
    throw new AppError('not_found', `${loadBalancer} has no ${kind} ${shorten(asked)}`, {
      hint: names.length === 0 ? `It has no ${kind}s.` : `Its ${kind}s are: ${listed(names)}.`,
    });
  };
  require('pool', pool, poolsOf(spec).map(([name]) => name));
  require('backend', backend, [...new Set(allBackends(spec).map((each) => each.backend.target))]);
  require('route', route, spec.routes.map(({ name }) => name));
}

function listed(names: readonly string[]): string {
  if (names.length <= MAX_NAMED) return names.join(', ');
  return `${names.slice(0, MAX_NAMED).join(', ')} and ${names.length - MAX_NAMED} more`;
}
