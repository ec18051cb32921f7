import type { FieldError } from '../../base/errors.ts';
import { DEFAULT_INTERVAL, HTTP_CHECK_FIELDS } from '../health-check.ts';
import { durationOf, fault, record } from './raw.ts';

/** What must hold between the fields of a pool's health check. */
export function healthCheckErrors(
  pool: Record<string, unknown>,
  prefix: string,
  type: unknown,
): FieldError[] {
  const check = record(pool['healthCheck']);
  const pointer = `${prefix}/healthCheck`;
  const errors: FieldError[] = [];
  const given = check['interval'];
  const intervalText = typeof given === 'string' ? given : DEFAULT_INTERVAL;
  const interval = durationOf(intervalText);
  const timeout = durationOf(check['timeout']);
  if (interval !== undefined && timeout !== undefined && timeout >= interval) {
    const detail = `must be less than the interval (${intervalText})`;
    errors.push(fault(`${pointer}/timeout`, 'conflict', detail));
  }
  if (check['type'] === 'tcp') {
    for (const field of HTTP_CHECK_FIELDS) {
      if (check[field] === undefined) continue;
      errors.push(fault(`${pointer}/${field}`, 'conflict', 'needs a check of type http or https'));
    }
  }
  return errors.concat(
    type === 'tcp' && check['type'] === undefined ? untypedHttpFields(check, pointer) : [],
  );
}

function untypedHttpFields(check: Record<string, unknown>, pointer: string): FieldError[] {
  return HTTP_CHECK_FIELDS.filter((field) => check[field] !== undefined).map((field) =>
    fault(
      `${pointer}/${field}`,
      'conflict',
      'needs "type": "http" or "https": the check of a tcp load balancer is tcp',
    ),
  );
}
