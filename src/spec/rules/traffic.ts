import type { FieldError } from '../../base/errors.ts';
import { HTTP_TIMEOUTS } from '../timeouts.ts';
import { fault, record } from './raw.ts';

/** What only a load balancer that reads requests can do. */
const HTTP_ONLY = ['headers', 'compression'];

/** What must hold between the type and what is done with traffic. */
export function trafficErrors(spec: Record<string, unknown>): FieldError[] {
  if (spec['type'] !== 'tcp') return [];
  const detail = 'needs an http load balancer: a tcp one does not read requests';
  const timeouts = record(spec['timeouts']);
  const maintenance = record(spec['maintenance']);
  const limit = record(spec['rateLimit']);
  const key = limit['key'] ?? 'source-ip';
  const pointers = [
    ...HTTP_ONLY.filter((field) => spec[field] !== undefined),
    ...HTTP_TIMEOUTS.filter((field) => timeouts[field] !== undefined).map((field) => `timeouts/${field}`),
    ...(maintenance['retryAfter'] === undefined ? [] : ['maintenance/retryAfter']),
    ...(key === 'source-ip' ? [] : ['rateLimit/key']),
    ...(limit['action'] === 'tarpit' ? ['rateLimit/action'] : []),
  ];
  return pointers.map((pointer) => fault(`/spec/${pointer}`, 'conflict', detail));
}
