import type { z } from 'zod';
import type { FieldError } from '../base/errors.ts';
import { jsonPointer } from '../base/pointer.ts';

/** More faults than a person reads; the rest of a hostile body is only counted. */
export const MAX_ERRORS = 200;

/** Turns zod's issues into field errors, one for each unknown field. */
export function fieldErrors(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[] = [],
): FieldError[] {
  return issues.flatMap((issue) => issueErrors(issue, prefix)).slice(0, MAX_ERRORS);
}

function issueErrors(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FieldError[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        pointer: jsonPointer([...path, key]),
        code: 'unknown_field',
        detail: `there is no field ${JSON.stringify(shorten(key))} here`,
      }));
    case 'invalid_key':
      return [
        {
          pointer: jsonPointer(path),
          code: 'invalid_value',
          detail: lowerFirst(issue.issues[0]?.message ?? issue.message) + given(issue.input),
        },
      ];
    case 'invalid_union':
      return [{ pointer: jsonPointer(path), code: 'invalid_value', detail: unionDetail(issue) }];
    case 'invalid_type':
      return [
        issue.input === undefined && issue.message.includes('received undefined')
          ? { pointer: jsonPointer(path), code: 'required', detail: 'is required' }
          : { pointer: jsonPointer(path), code: 'invalid_type', detail: lowerFirst(issue.message) },
      ];
    case 'too_big':
    case 'too_small':
      return [{ pointer: jsonPointer(path), code: issue.code, detail: lowerFirst(issue.message) }];
    default:
      return [
        {
          pointer: jsonPointer(path),
          code: 'invalid_value',
          detail: lowerFirst(issue.message) + (isSecret(path) ? '' : given(issue.input)),
        },
      ];
  }
}

/** The last member of our unions is the most general one, so what it says covers the others. */
function unionDetail(issue: z.core.$ZodIssueInvalidUnion): string {
  const last = issue.errors.at(-1)?.[0];
  return lowerFirst(last?.message ?? issue.message);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Fields whose values never come back, in errors neither. */
const SECRET_FIELDS: ReadonlySet<PropertyKey> = new Set([
  'apiKey',
  'apiToken',
  'hmacKey',
  'password',
  'privateKey',
  'secret',
  'secretAccessKey',
]);

function isSecret(path: readonly PropertyKey[]): boolean {
  return SECRET_FIELDS.has(path.at(-1) ?? '');
}

/** What was sent instead, where it is short enough to help. */
function given(input: unknown): string {
  return typeof input === 'string' && input.length <= 60 ? `, not ${JSON.stringify(input)}` : '';
}

/** Keeps a hostile key of kilobytes out of answers and logs. */
export function shorten(text: string, length = 60): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
