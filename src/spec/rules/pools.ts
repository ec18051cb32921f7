import type { FieldError } from '../../base/errors.ts';
import { jsonPointer } from '../../base/pointer.ts';
import { COOKIE_FIELDS } from '../sticky.ts';
import { DEFAULT_POOL, MAX_BACKENDS, MAX_POOLS } from '../pool.ts';
import { isKnownDistinct, targetOf } from './distinct.ts';
import { healthCheckErrors } from './health-check.ts';
import { array, fault, record } from './raw.ts';

/** HAProxy numbers the members of a round of this kind in 12 bits (configuration manual, `balance`). */
const MAX_ROUNDROBIN = 4095;

/** What must hold within each pool, that at the top of the spec included. */
export function poolErrors(spec: Record<string, unknown>): FieldError[] {
  const named = Object.entries(record(spec['pools'])).slice(0, MAX_POOLS);
  const count = (pool: unknown) => array(record(pool)['backends']).length;
  const total = named.reduce((sum, [, pool]) => sum + count(pool), count(spec));
  return [
    ...knownPool(spec, ['spec'], spec['type']),
    ...named.flatMap(([name, pool]) => knownPool(record(pool), ['spec', 'pools', name], spec['type'])),
    ...(named.some(([name]) => name === DEFAULT_POOL)
      ? [
          fault(
            `/spec/pools/${DEFAULT_POOL}`,
            'conflict',
            'is the pool that the fields at the top of the spec make; choose another name',
          ),
        ]
      : []),
    ...(total > MAX_BACKENDS && named.length > 0
      ? [
          fault(
            '/spec/pools',
            'too_big',
            `all pools together may have ${MAX_BACKENDS} backends, not ${total}`,
          ),
        ]
      : []),
  ];
}

/** Pools in which nothing was wrong, and in a load balancer of what type: they stay as they are in most changes. */
const right = new WeakMap<object, unknown>();

function knownPool(pool: Record<string, unknown>, path: string[], type: unknown): FieldError[] {
  if (right.get(pool) === type && right.has(pool)) return [];
  const errors = onePool(pool, path, type);
  if (errors.length === 0) right.set(pool, type);
  return errors;
}

function onePool(pool: Record<string, unknown>, path: string[], type: unknown): FieldError[] {
  const prefix = jsonPointer(path);
  return [
    ...algorithmErrors(pool, prefix, type),
    ...backendErrors(pool, path),
    ...healthCheckErrors(pool, prefix, type),
    ...stickyErrors(pool, prefix, type),
    ...(type === 'tcp' && pool['protocol'] === 'http2'
      ? [
          fault(
            `${prefix}/protocol`,
            'conflict',
            'needs an http load balancer: a tcp one does not read requests',
          ),
        ]
      : []),
  ];
}

function algorithmErrors(pool: Record<string, unknown>, prefix: string, type: unknown): FieldError[] {
  const algorithm = pool['algorithm'] ?? 'roundrobin';
  const errors: FieldError[] = [];
  const readsRequests =
    algorithm === 'uri' || (typeof algorithm === 'string' && algorithm.startsWith('header:'));
  if (type === 'tcp' && readsRequests)
    errors.push(
      fault(
        `${prefix}/algorithm`,
        'conflict',
        'needs an http load balancer: a tcp one does not read requests',
      ),
    );
  const count = array(pool['backends']).length;
  if (algorithm === 'roundrobin' && count > MAX_ROUNDROBIN && count <= MAX_BACKENDS)
    errors.push(
      fault(
        `${prefix}/algorithm`,
        'conflict',
        `roundrobin carries ${MAX_ROUNDROBIN} backends, not ${count}; leastconn or random carry ${MAX_BACKENDS}`,
      ),
    );
  return errors;
}

function backendErrors(pool: Record<string, unknown>, path: string[]): FieldError[] {
  const backends = array(pool['backends']);
  if (isKnownDistinct(backends)) return [];
  const seen = new Map<string, number>();
  const errors: FieldError[] = [];
  for (const [index, backend] of backends.slice(0, MAX_BACKENDS).entries()) {
    const canonical = targetOf(backend);
    if (canonical === undefined) continue;
    const first = seen.get(canonical);
    if (first === undefined) seen.set(canonical, index);
    else {
      const detail = `${canonical} is a backend already (backends[${first}]); a target may appear once in a pool`;
      errors.push(fault(jsonPointer([...path, 'backends', index, 'target']), 'duplicate', detail));
    }
  }
  return errors;
}

function stickyErrors(pool: Record<string, unknown>, prefix: string, type: unknown): FieldError[] {
  const sticky = record(pool['sticky']);
  if (sticky['mode'] === 'cookie' && type === 'tcp')
    return [
      fault(`${prefix}/sticky/mode`, 'conflict', 'a tcp load balancer reads no cookies; use source-ip'),
    ];
  if (sticky['mode'] === 'source-ip')
    return COOKIE_FIELDS.filter((field) => sticky[field] !== undefined).map((field) =>
      fault(`${prefix}/sticky/${field}`, 'conflict', 'needs the mode cookie'),
    );
  if (sticky['sameSite'] === 'none' && sticky['secure'] === false)
    return [
      fault(
        `${prefix}/sticky/sameSite`,
        'conflict',
        'browsers take no cookie with SameSite=None that is not Secure',
      ),
    ];
  return [];
}
