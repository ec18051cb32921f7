import { isDeepStrictEqual } from 'node:util';
import { completeHealthCheck } from '../../spec/health-check.ts';
import type { LoadBalancerDefinition, LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { Pool } from '../../spec/pool.ts';
import { parsePorts } from '../../spec/ports.ts';
import { completeSticky } from '../../spec/sticky.ts';
import { completeTimeouts } from '../../spec/timeouts.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import { mergePatch } from '../merge-patch.ts';
import { validationError } from '../http/read-request.ts';

/** Applies a merge patch to what a user sets of a load balancer, and reads the result as a whole. */
export function patchDefinition(
  { name, labels, spec }: LoadBalancerDefinition,
  patch: unknown,
): LoadBalancerDefinition {
  const base = { name, labels, spec: withoutDerived(spec, patch) };
  const validated = validateLoadBalancer(mergePatch(toJson(base), patch));
  if (!validated.ok) throw validationError(validated.errors);
  return validated.value;
}

/**
 * Leaves out the fields that follow from others. A patch of a check's interval alone must not fall over the timeout that
 * came from the old interval, nor one of the type over timeouts that only the old type has.
 */
function withoutDerived(spec: LoadBalancerSpec, patch: unknown): object {
  const { type, port, timeouts, pools, ...rest } = spec;
  return {
    ...rest,
    type,
    ...(isPortDerived(spec, patch) ? {} : { port }),
    ...poolWithoutDerived(spec, type),
    timeouts: underived(timeouts, Object.keys(timeouts), (kept) => completeTimeouts(kept, type)),
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [name, { ...pool, ...poolWithoutDerived(pool, type) }]),
    ),
  };
}

function poolWithoutDerived({ healthCheck, sticky }: Pool, type: LoadBalancerSpec['type']): object {
  const { mode } = sticky ?? {};
  return {
    healthCheck: underived(healthCheck, ['timeout', 'type'], (kept) => completeHealthCheck(kept, type)),
    ...(sticky === undefined || mode === undefined
      ? {}
      : {
          sticky: underived(sticky, Object.keys(sticky), (kept) =>
            completeSticky({ mode, ...kept } as Parameters<typeof completeSticky>[0]),
          ),
        }),
  };
}
