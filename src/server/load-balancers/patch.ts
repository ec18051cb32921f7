import { isDeepStrictEqual } from 'node:util';
import { HTTP_CHECK_FIELDS, type HealthCheck, completeHealthCheck } from '../../spec/health-check.ts';
import type { LoadBalancerDefinition, LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { Pool } from '../../spec/pool.ts';
import { parsePorts } from '../../spec/ports.ts';
import { record } from '../../spec/rules/raw.ts';
import { type Sticky, completeSticky } from '../../spec/sticky.ts';
import { completeTimeouts } from '../../spec/timeouts.ts';
import { validateLoadBalancer } from '../../spec/validate.ts';
import { mergePatch } from '../merge-patch.ts';
import { validationError } from '../http/read-request.ts';

/** Applies a merge patch to what a user sets of a load balancer, and reads the result as a whole. */
export function patchDefinition(
  { name, labels, spec }: LoadBalancerDefinition,
  patch: unknown,
): LoadBalancerDefinition {
  const base = { name, labels, spec: withoutDerived(spec, record(record(patch)['spec'])) };
  const validated = validateLoadBalancer(mergePatch(toJson(base), patch));
  if (!validated.ok) throw validationError(validated.errors);
  return validated.value;
}

/**
 * Leaves out the fields that follow from others. A patch of a check's interval alone must not fall over the timeout that
 * came from the old interval, nor one of the type over timeouts that only the old type has.
 */
function withoutDerived(spec: LoadBalancerSpec, patch: Record<string, unknown>): object {
  const { type, port, timeouts, pools, ...rest } = spec;
  const patchedPools = record(patch['pools']);
  return {
    ...rest,
    type,
    ...(isPortDerived(spec, patch) ? {} : { port }),
    ...poolWithoutDerived(spec, type, patch),
    timeouts: underived(timeouts, Object.keys(timeouts), (kept) => completeTimeouts(kept, type)),
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [
        name,
        { ...pool, ...poolWithoutDerived(pool, type, record(patchedPools[name])) },
      ]),
    ),
  };
}

function poolWithoutDerived(
  { healthCheck, sticky }: Pool,
  type: LoadBalancerSpec['type'],
  patch: Record<string, unknown>,
): object {
  return {
    healthCheck: checkWithoutDerived(healthCheck, type, record(patch['healthCheck'])),
    ...(sticky === undefined ? {} : { sticky: stickyWithoutDerived(sticky) }),
  };
}

/** What an HTTP check asks for stays unless the patch names another type, because the type may follow from it. */
function checkWithoutDerived(
  check: HealthCheck,
  type: LoadBalancerSpec['type'],
  patch: Record<string, unknown>,
): object {
  const asked: readonly string[] = patch['type'] === undefined ? HTTP_CHECK_FIELDS : [];
  const others = Object.keys(check).filter((field) => field !== 'type' && !asked.includes(field));
  return underived(check, [...others, 'type'], (kept) => completeHealthCheck(kept, type));
}

function stickyWithoutDerived(sticky: Sticky): object {
  const { mode } = sticky;
  const fields = Object.keys(sticky).filter((field) => field !== 'mode');
  return underived<Sticky>(sticky, fields, (kept) => completeSticky({ ...kept, mode }));
}

/** The port of a tcp load balancer that names only others is the first of them; that of an http one is 80. */
function isPortDerived({ type, port, ports }: LoadBalancerSpec, patch: Record<string, unknown>): boolean {
  if (!Array.isArray(patch['ports'])) return false;
  return port === (ports ? parsePorts(ports[0] ?? '')?.first : type === 'http' ? 80 : undefined);
}

/** Leaves out each of the fields without which the completed value is the same. */
function underived<T extends object>(
  value: T,
  fields: readonly string[],
  complete: (kept: Partial<T>) => unknown,
): Partial<T> {
  let kept: Partial<T> = value;
  for (const field of fields) {
    const { [field as keyof T]: _derived, ...rest } = kept;
    if (isDeepStrictEqual(complete(rest as Partial<T>), value)) kept = rest as Partial<T>;
  }
  return kept;
}

function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
