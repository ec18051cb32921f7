import type { FieldError } from '../../base/errors.ts';
import {
  CHECK_TYPES,
  DEFAULT_INTERVAL,
  HTTP_CHECK_FIELDS,
  TYPED_CHECK_FIELDS,
  type CheckType,
} from '../health-check.ts';
import { durationOf, fault, record } from './raw.ts';

/** What must hold between the fields of a pool's health check. */
export function healthCheckErrors(
  pool: Record<string, unknown>,
  prefix: string,
  type: unknown,
): FieldError[] {
  const check = record(pool['healthCheck']);
  const pointer = `${prefix}/healthCheck`;
  return [
    ...timeoutErrors(check, pointer),
    ...typeErrors(check, pointer, type),
    ...customErrors(check, pointer),
    ...passiveErrors(check, pointer, type),
  ];
}

function timeoutErrors(check: Record<string, unknown>, pointer: string): FieldError[] {
  const given = check['interval'];
  const intervalText = typeof given === 'string' ? given : DEFAULT_INTERVAL;
  const interval = durationOf(intervalText);
  const timeout = durationOf(check['timeout']);
  if (interval === undefined || timeout === undefined || timeout < interval) return [];
  return [fault(`${pointer}/timeout`, 'conflict', `must be less than the interval (${intervalText})`)];
}

/** Fields that the type of the check does not know. */
function typeErrors(check: Record<string, unknown>, pointer: string, balancer: unknown): FieldError[] {
  const given = check['type'];
  if (given !== undefined && !isCheckType(given)) return [];
  const isHttp = balancer !== 'tcp' && HTTP_CHECK_FIELDS.some((field) => check[field] !== undefined);
  const type = given ?? (isHttp ? 'http' : 'tcp');
  return Object.entries(TYPED_CHECK_FIELDS).flatMap(([field, types]) => {
    if (check[field] === undefined || (types as readonly CheckType[]).includes(type)) return [];
    const detail =
      given === undefined && balancer === 'tcp'
        ? `needs "type": ${types.map((each) => `"${each}"`).join(' or ')}: the check of a tcp load balancer is tcp`
        : `needs a check of type ${types.join(' or ')}`;
    return [fault(`${pointer}/${field}`, 'conflict', detail)];
  });
}

function customErrors(check: Record<string, unknown>, pointer: string): FieldError[] {
  if (check['type'] !== 'custom') return [];
  const count = ['steps', 'script'].filter((field) => check[field] !== undefined).length;
  if (count === 1) return [];
  return count === 0
    ? [fault(`${pointer}/steps`, 'required', 'a custom check has either steps or a script')]
    : [fault(`${pointer}/script`, 'conflict', 'a custom check has either steps or a script, not both')];
}

function passiveErrors(check: Record<string, unknown>, pointer: string, balancer: unknown): FieldError[] {
  const passive = record(check['passive']);
  const errors: FieldError[] = [];
  if (balancer === 'tcp' && passive['observe'] === 'layer7') {
    const detail = 'needs an http load balancer: a tcp one does not read answers';
    errors.push(fault(`${pointer}/passive/observe`, 'conflict', detail));
  }
  if (check['script'] !== undefined && passive['errors'] !== undefined && passive['errors'] !== 0) {
    const detail = 'must be 0 or left out with a script: HAProxy observes only what it checks itself';
    errors.push(fault(`${pointer}/passive/errors`, 'conflict', detail));
  }
  return errors;
}

function isCheckType(value: unknown): value is CheckType {
  return (CHECK_TYPES as readonly unknown[]).includes(value);
}
