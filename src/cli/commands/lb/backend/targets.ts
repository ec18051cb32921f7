import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import type { Backend } from '../../../../spec/backend.ts';
import { DEFAULT_POOL, allBackends } from '../../../../spec/pools-of.ts';
import { usageError } from '../../../failure.ts';
import { requirePool } from '../../../pools.ts';
import { suggest } from '../../../suggest.ts';

/** The backend of that target in a pool, or the error that names those there are. */
export function requireBackend(lb: LoadBalancer, pool: string, target: string): Backend {
  const wanted = target.toLowerCase();
  const { backends } = requirePool(lb, pool);
  const backend = backends.find((each) => each.target === wanted);
  if (backend) return backend;
  const where = pool === DEFAULT_POOL ? lb.name : `the pool ${pool} of ${lb.name}`;
  throw new AppError('not_found', `${where} has no backend ${target}`, {
    hint:
      elsewhereHint(lb, wanted) ??
      hintFor(
        wanted,
        backends.map((each) => each.target),
        lb.name,
      ),
  });
}

function elsewhereHint({ spec }: LoadBalancer, wanted: string): string | undefined {
  const found = allBackends(spec).find(({ backend }) => backend.target === wanted);
  return found && `It is in the pool ${found.pool}: add --pool ${found.pool}`;
}

/** Most often the port is missing or wrong. */
function hintFor(wanted: string, targets: readonly string[], name: string): string {
  const sameHost = targets.filter((target) => hostOf(target) === hostOf(wanted));
  const near =
    sameHost.length > 0 ? sameHost : [suggest(wanted, targets)].filter((each) => each !== undefined);
  if (near.length > 0) return `Did you mean: ${near.join(' or ')}`;
  return `agentmetal lb backend list ${name}`;
}

function hostOf(target: string): string {
  return target.replace(/:\d*$/, '');
}

/** Targets given as words and as `--target`, at least one. */
export function readTargets(words: readonly string[], flags: readonly string[]): string[] {
  const targets = [...new Set([...words, ...flags])];
  if (targets.length === 0)
    throw usageError('no target is given', 'Name one or several: --target web-1:8080');
  return targets;
}
