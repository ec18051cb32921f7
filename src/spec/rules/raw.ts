import type { FieldError } from '../../base/errors.ts';
import { parseDuration } from '../../base/duration.ts';

/**
 * Rules between fields read the raw body, because a fault in one field must not hide another one's. These read it
 * without trusting its shape.
 */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function durationOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

export function fault(pointer: string, code: string, detail: string): FieldError {
  return { pointer, code, detail };
}
