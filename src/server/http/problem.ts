import type { Problem } from '../../api/resources.ts';
import {
  AppError,
  ERROR_CODES,
  type ErrorCode,
  type FieldError,
  messageOf,
  systemCode,
} from '../../base/errors.ts';
import { shorten } from '../../spec/field-errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

const MAX_POINTER = 300;
const MAX_DETAIL = 1000;

/** The document that tells an error (RFC 9457). */
export function problemOf(error: AppError, requestId: string): Problem {
  const { status, title } = ERROR_CODES[error.code];
  return {
    type: `/docs#error-${error.code}`,
    title,
    status,
    detail: shorten(error.message, MAX_DETAIL),
    code: error.code,
    ...(error.errors.length > 0 ? { errors: error.errors.map(shortened) } : {}),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    requestId,
  };
}

/** A hostile key or value of megabytes must not come back with every error. */
function shortened({ pointer, code, detail }: FieldError): FieldError {
  return { pointer: shorten(pointer, MAX_POINTER), code, detail: shorten(detail, MAX_DETAIL) };
}

const FRAMEWORK_ERRORS: Readonly<Record<string, [ErrorCode, string, string?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'the body is larger than 8 MiB'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported_media_type',
    'the body’s content type is not JSON',
    'Send the header `Content-Type: application/json`.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'the body’s length is not the Content-Length'],
  FST_ERR_BAD_URL: ['invalid_request', 'the path has a percent-encoding that cannot be read'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'a part of the path is too long'],
};

/** What the caller should read of whatever was thrown; `undefined` when it is a bug of ours. */
export function callerError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const known = FRAMEWORK_ERRORS[systemCode(error) ?? ''];
  if (known)
    return new AppError(known[0], known[1], { ...(known[2] ? { hint: known[2] } : {}), cause: error });
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('invalid_request', messageOf(error), { cause: error });
  }
  return undefined;
}
