import type { LoadBalancer } from '../../../../api/load-balancer.ts';
import { AppError } from '../../../../base/errors.ts';
import type { Backend } from '../../../../spec/backend.ts';
import { usageError } from '../../../failure.ts';
import { suggest } from '../../../suggest.ts';

/** The backend of that target, or the error that names those there are. */
export function requireBackend({ name, spec }: LoadBalancer, target: string): Backend {
  const wanted = target.toLowerCase();
  const backend = spec.backends.find((each) => each.target === wanted);
  if (backend) return backend;
  throw new AppError('not_found', `${name} has no backend ${target}`, {
    hint: hintFor(
      wanted,
      spec.backends.map((each) => each.target),
      name,
    ),
  });
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
