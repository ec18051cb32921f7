import type { LoadBalancer } from '../api/load-balancer.ts';
import type { HealthCheckInput } from '../spec/health-check.ts';

const FIELDS = [
  'type',
  'path',
  'method',
  'host',
  'expectStatus',
  'expectBody',
  'port',
  'interval',
  'timeout',
  'fall',
  'rise',
] as const;
const HTTP_FIELDS = ['path', 'method', 'host', 'expectStatus', 'expectBody'] as const;

export type HealthCheckPatch = Record<string, unknown>;

/** A merge patch that replaces the whole check: what is not said goes back to its default. */
export function replaceHealthCheck(check: HealthCheckInput): HealthCheckPatch {
  return Object.fromEntries(FIELDS.map((field) => [field, check[field] ?? null]));
}

/** A merge patch that changes the named fields alone, with the type that they need. */
export function amendHealthCheck(
  check: HealthCheckInput,
  { spec }: Pick<LoadBalancer, 'spec'>,
): HealthCheckPatch {
  const given = Object.fromEntries(Object.entries(check).filter(([, value]) => value !== undefined));
  const needsHttp = HTTP_FIELDS.some((field) => check[field] !== undefined);
  if (needsHttp && check.type === undefined && spec.healthCheck.type === 'tcp')
    return { type: 'http', ...given };
  if (check.type !== 'tcp') return given;
  // A tcp check reads no answer, so what was said about answers goes with the old type.
  return { ...Object.fromEntries(HTTP_FIELDS.map((field) => [field, null])), ...given };
}
