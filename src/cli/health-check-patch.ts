import type { LoadBalancer } from '../api/load-balancer.ts';
import {
  type CheckType,
  HTTP_CHECK_FIELDS,
  HealthCheckInput,
  TYPED_CHECK_FIELDS,
} from '../spec/health-check.ts';

const FIELDS = Object.keys(HealthCheckInput.shape) as (keyof HealthCheckInput)[];

export type HealthCheckPatch = Record<string, unknown>;

/** A merge patch that replaces the whole check: what is not said goes back to its default. */
export function replaceHealthCheck(check: HealthCheckInput): HealthCheckPatch {
  const { passive } = check;
  return {
    ...Object.fromEntries(FIELDS.map((field) => [field, check[field] ?? null])),
    // A patch goes into objects, where what is not said would stay.
    passive: passive ? { errors: passive.errors ?? null, observe: passive.observe ?? null } : null,
  };
}

/** A merge patch that changes the named fields alone, with the type that they need. */
export function amendHealthCheck(
  check: HealthCheckInput,
  { spec }: Pick<LoadBalancer, 'spec'>,
): HealthCheckPatch {
  const given = Object.fromEntries(Object.entries(check).filter(([, value]) => value !== undefined));
  const needsHttp = HTTP_CHECK_FIELDS.some((field) => check[field] !== undefined);
  if (needsHttp && check.type === undefined && spec.healthCheck.type === 'tcp')
    return { type: 'http', ...given };
  // What only the old type knows goes with it.
  return check.type === undefined ? given : { ...foreignFields(check), ...given };
}

/** Nulls for the fields that the new type does not know. */
function foreignFields({ type, script }: HealthCheckInput): HealthCheckPatch {
  const foreign = Object.entries(TYPED_CHECK_FIELDS).filter(
    ([, types]) => type !== undefined && !(types as readonly CheckType[]).includes(type),
  );
  return Object.fromEntries([
    ...foreign.map(([field]) => [field, null] as const),
    ...(script === undefined ? [] : [['passive', null] as const, ['steps', null] as const]),
  ]);
}
