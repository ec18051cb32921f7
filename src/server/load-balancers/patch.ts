import { isDeepStrictEqual } from 'node:util';
import { HTTP_CHECK_FIELDS, type HealthCheck, completeHealthCheck } from '../../spec/health-check.ts';
import {
  type LoadBalancerDefinition,
  LoadBalancerInput,
  type LoadBalancerSpec,
  completeSpec,
} from '../../spec/load-balancer.ts';
import { MAX_POOLS, type Pool } from '../../spec/pool.ts';
import { parsePorts } from '../../spec/ports.ts';
import { record } from '../../spec/rules/raw.ts';
import { type Sticky, completeSticky } from '../../spec/sticky.ts';
import { completeTimeouts } from '../../spec/timeouts.ts';
import { parseWith, relationErrors, validateLoadBalancer } from '../../spec/validate.ts';
import { mergePatch } from '../merge-patch.ts';
import { validationError } from '../http/read-request.ts';

/** Applies a merge patch to what a user sets of a load balancer, and reads the result as a whole. */
export function patchDefinition(before: LoadBalancerDefinition, patch: unknown): LoadBalancerDefinition {
  return patchPart(before, patch) ?? patchWhole(before, patch);
}

/**
 * The same where the patch leaves backends, routes and pools alone: what has been read before is not read again. Undefined
 * when that may not be, or when anything is wrong, which only a reading of the whole can tell in full.
 */
function patchPart(before: LoadBalancerDefinition, patch: unknown): LoadBalancerDefinition | undefined {
  const fields = record(record(patch)['spec']);
  const { pools = {} } = fields;
  if (fields['type'] !== undefined || typeof pools !== 'object' || pools === null) return undefined;
  const { spec } = before;
  const isTouched = (name: string) => Object.hasOwn(pools, name);
  const kept = {
    ...('backends' in fields ? {} : { backends: spec.backends }),
    ...('routes' in fields ? {} : { routes: spec.routes }),
  };
  // Lists are kept or replaced, never merged.
  const part = {
    ...spec,
    backends: [],
    routes: [],
    pools: Object.fromEntries(Object.entries(spec.pools).filter(([name]) => isTouched(name))),
  };
  const base = { name: before.name, labels: before.labels, spec: withoutDerived(part, fields) };
  const body = record(mergePatch(toJson(base), patch));
  const parsed = parseWith(LoadBalancerInput, body);
  if (!parsed.ok) return undefined;
  const raw = record(body['spec']);
  const withKept = (patched: Record<string, unknown>) => {
    const entries = Object.entries(spec.pools).flatMap(([name, pool]) => {
      if (!isTouched(name)) return [[name, pool] as const];
      return Object.hasOwn(patched, name) ? [[name, patched[name]] as const] : [];
    });
    const added = Object.entries(patched).filter(([name]) => !Object.hasOwn(spec.pools, name));
    return Object.fromEntries([...entries, ...added]);
  };
  const all = { ...raw, ...kept, pools: withKept(record(raw['pools'])) };
  if (Object.keys(all.pools).length > MAX_POOLS || relationErrors(all).length > 0) return undefined;
  const { name, labels, spec: read } = parsed.value;
  const completed = completeSpec(read);
  const complete = withKept(completed.pools) as LoadBalancerSpec['pools'];
  return { name, labels, spec: { ...completed, ...kept, pools: complete } };
}

function patchWhole({ name, labels, spec }: LoadBalancerDefinition, patch: unknown): LoadBalancerDefinition {
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
