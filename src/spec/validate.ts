import type { z } from 'zod';
import type { FieldError } from '../base/errors.ts';
import { MAX_ERRORS, fieldErrors } from './field-errors.ts';
import { type LoadBalancerDefinition, LoadBalancerInput, completeSpec } from './load-balancer.ts';
import { listenerErrors } from './rules/listeners.ts';
import { poolErrors } from './rules/pools.ts';
import { record } from './rules/raw.ts';
import { routeErrors } from './rules/routes.ts';
import { tlsErrors } from './rules/tls.ts';
import { trafficErrors } from './rules/traffic.ts';

export type Validated<T> = { ok: true; value: T } | { ok: false; errors: FieldError[] };

/** Reads any schema, with all faults at once. */
export function parseWith<T extends z.ZodType>(
  schema: T,
  body: unknown,
  prefix: readonly PropertyKey[] = [],
): Validated<z.output<T>> {
  const parsed = schema.safeParse(body, { reportInput: true });
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, errors: fieldErrors(parsed.error.issues, prefix) };
}

/** Reads a whole load balancer: the fields one by one, and what must hold between them, all faults at once. */
export function validateLoadBalancer(body: unknown): Validated<LoadBalancerDefinition> {
  const parsed = parseWith(LoadBalancerInput, body);
  const errors = [...(parsed.ok ? [] : parsed.errors), ...relationErrors(record(record(body)['spec']))];
  if (!parsed.ok || errors.length > 0) return { ok: false, errors: errors.slice(0, MAX_ERRORS) };
  const { name, labels, spec } = parsed.value;
  return { ok: true, value: { name, labels, spec: completeSpec(spec) } };
}

/** What must hold between the fields of a spec, each of which is right by itself. */
export function relationErrors(spec: Record<string, unknown>): FieldError[] {
  return [
    ...listenerErrors(spec),
    ...tlsErrors(spec),
    ...poolErrors(spec),
    ...routeErrors(spec),
    ...trafficErrors(spec),
  ];
}
