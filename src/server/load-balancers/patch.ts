import { isDeepStrictEqual } from 'node:util';
import { type HealthCheck, completeHealthCheck } from '../../spec/health-check.ts';
import type { LoadBalancerDefinition, LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import { mergePatch } from '../merge-patch.ts';
import { validationError } from '../http/read-request.ts';

/** Applies a merge patch to what a user sets of a load balancer, and reads the result as a whole. */
export function patchDefinition(
  { name, labels, spec }: LoadBalancerDefinition,
  patch: unknown,
): LoadBalancerDefinition {
  const base = { name, labels, spec: { ...spec, healthCheck: withoutDerived(spec) } };
  const validated = validateLoadBalancer(mergePatch(toJson(base), patch));
  if (!validated.ok) throw validationError(validated.errors);
  return validated.value;
}

/**
 * Leaves out the fields of a health check that follow from the others. A patch of the interval alone must not fall
 * over the timeout that came from the old interval, nor one of the path over the type that came from having none.
 */
function withoutDerived({ type, healthCheck }: LoadBalancerSpec): Partial<HealthCheck> {
  let kept: Partial<HealthCheck> = healthCheck;
  for (const field of ['timeout', 'type'] as const) {
    const { [field]: _derived, ...rest } = kept;
    if (isDeepStrictEqual(completeHealthCheck(rest, type), healthCheck)) kept = rest;
  }
  return kept;
}

function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
