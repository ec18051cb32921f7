import { z } from 'zod';
import type { FieldError } from '../base/errors.ts';
import { parseDuration } from '../base/duration.ts';
import { jsonPointer } from '../base/pointer.ts';
import { fieldErrors } from './field-errors.ts';
import { DEFAULT_INTERVAL, HTTP_CHECK_FIELDS } from './health-check.ts';
import {
  type LoadBalancerDefinition,
  LoadBalancerInput,
  MAX_BACKENDS,
  completeSpec,
} from './load-balancer.ts';
import { formatTarget, parseTarget } from './target.ts';
import { MAX_DOMAINS } from './tls.ts';

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
  if (!parsed.ok || errors.length > 0) return { ok: false, errors };
  const { name, labels, spec } = parsed.value;
  return { ok: true, value: { name, labels, spec: completeSpec(spec) } };
}

/** Rules between fields. They read the raw body, because a fault in one field must not hide another one's. */
function relationErrors(spec: Record<string, unknown>): FieldError[] {
  return [...listenerErrors(spec), ...backendErrors(spec), ...healthCheckErrors(spec), ...tlsErrors(spec)];
}

function listenerErrors(spec: Record<string, unknown>): FieldError[] {
  const errors: FieldError[] = [];
  if (spec['type'] === 'tcp') {
    if (spec['port'] === undefined)
      errors.push(fault('/spec/port', 'required', 'a tcp load balancer needs the port to listen on'));
    const algorithm = spec['algorithm'];
    if (algorithm === 'uri' || (typeof algorithm === 'string' && algorithm.startsWith('header:'))) {
      errors.push(
        fault('/spec/algorithm', 'conflict', 'needs an http load balancer: a tcp one does not read requests'),
      );
    }
  }
  if (spec['type'] === 'http' && spec['port'] === 443) {
    errors.push(
      fault('/spec/port', 'conflict', 'is the port of HTTPS already; choose another for plain HTTP'),
    );
  }
  return errors;
}

function backendErrors(spec: Record<string, unknown>): FieldError[] {
  const seen = new Map<string, number>();
  const errors: FieldError[] = [];
  for (const [index, backend] of array(spec['backends']).slice(0, MAX_BACKENDS).entries()) {
    const text = record(backend)['target'];
    const target = typeof text === 'string' ? parseTarget(text) : undefined;
    if (!target) continue;
    const canonical = formatTarget(target);
    const first = seen.get(canonical);
    if (first === undefined) seen.set(canonical, index);
    else {
      const detail = `${canonical} is a backend already (backends[${first}]); a target may appear once`;
      errors.push(fault(jsonPointer(['spec', 'backends', index, 'target']), 'duplicate', detail));
    }
  }
  return errors;
}

function healthCheckErrors(spec: Record<string, unknown>): FieldError[] {
  const check = record(spec['healthCheck']);
  const errors: FieldError[] = [];
  const given = check['interval'];
  const intervalText = typeof given === 'string' ? given : DEFAULT_INTERVAL;
  const interval = durationOf(intervalText);
  const timeout = durationOf(check['timeout']);
  if (interval !== undefined && timeout !== undefined && timeout >= interval) {
    const detail = `must be less than the interval (${intervalText})`;
    errors.push(fault('/spec/healthCheck/timeout', 'conflict', detail));
  }
  if (check['type'] === 'tcp') {
    for (const field of HTTP_CHECK_FIELDS) {
      if (check[field] === undefined) continue;
      errors.push(fault(`/spec/healthCheck/${field}`, 'conflict', 'needs a check of type http or https'));
    }
  }
  return errors.concat(spec['type'] === 'tcp' && check['type'] === undefined ? untypedHttpFields(check) : []);
}

function untypedHttpFields(check: Record<string, unknown>): FieldError[] {
  return HTTP_CHECK_FIELDS.filter((field) => check[field] !== undefined).map((field) =>
    fault(
      `/spec/healthCheck/${field}`,
      'conflict',
      'needs "type": "http" or "https": the check of a tcp load balancer is tcp',
    ),
  );
}

function tlsErrors(spec: Record<string, unknown>): FieldError[] {
  if (spec['tls'] === undefined) return [];
  const tls = record(spec['tls']);
  if (spec['type'] === 'tcp') return [fault('/spec/tls', 'conflict', 'needs an http load balancer')];
  const errors: FieldError[] = [];
  if (tls['domain'] !== undefined && tls['domains'] !== undefined) {
    errors.push(fault('/spec/tls/domains', 'conflict', 'give either domain or domains'));
  }
  const seen = new Set<unknown>();
  for (const [index, text] of array(tls['domains']).slice(0, MAX_DOMAINS).entries()) {
    const domain = typeof text === 'string' ? text.toLowerCase() : text;
    if (seen.has(domain))
      errors.push(fault(`/spec/tls/domains/${index}`, 'duplicate', `${String(domain)} is named twice`));
    seen.add(domain);
  }
  return errors;
}

function fault(pointer: string, code: string, detail: string): FieldError {
  return { pointer, code, detail };
}

function durationOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
