import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Route } from '../../api/contract/route.ts';
import { AppError, type FieldError } from '../../base/errors.ts';
import { parseWith } from '../../spec/validate.ts';
import type { ApiRequest } from './handler.ts';

/** What the body parser leaves: the value and the bytes that it was read from. */
export interface ParsedBody {
  value: unknown;
  bytes: Buffer;
}

const NO_BYTES = Buffer.alloc(0);

/** Reads all parts of a request as its route says, or throws with all faults at once. */
export function readRequest(
  route: Route,
  request: FastifyRequest,
  { identity, token, signal }: Pick<ApiRequest, 'identity' | 'token' | 'signal'>,
): ApiRequest {
  const parsed = request.body as ParsedBody | undefined;
  return {
    params: readFields(route.params, request.params, 'path') as ApiRequest['params'],
    query: readFields(route.query, request.query, 'query') as ApiRequest['query'],
    body: readBody(route, parsed?.value) as ApiRequest['body'],
    identity,
    token,
    signal,
    headers: request.headers,
    method: request.method,
    url: request.url,
    rawBody: parsed?.bytes ?? NO_BYTES,
  };
}

function readFields(schema: z.ZodObject | undefined, value: unknown, where: 'path' | 'query'): unknown {
  const fields = { ...(value as Record<string, unknown>) };
  if (!schema && Object.keys(fields).length === 0) return {};
  const parsed = schema ? parseWith(schema, fields, [where]) : noParameters(fields, where);
  if (parsed.ok) return parsed.value;
  const errors = parsed.errors.map((error) =>
    error.code === 'unknown_field' ? unknownParameter(error) : error,
  );
  throw new AppError('invalid_request', `the ${where} has parameters that cannot be understood`, { errors });
}

function noParameters(fields: Record<string, unknown>, where: string): { ok: false; errors: FieldError[] } {
  const errors = Object.keys(fields).map((name) =>
    unknownParameter({ pointer: `/${where}/${name.slice(0, 60)}`, code: '', detail: '' }),
  );
  return { ok: false, errors };
}

function unknownParameter({ pointer }: FieldError): FieldError {
  return { pointer, code: 'unknown_parameter', detail: 'there is no such parameter here' };
}

function readBody(route: Route, body: unknown): unknown {
  if (!route.body) return undefined;
  if (body === undefined) {
    throw new AppError('invalid_request', 'the request has no body', { hint: 'Send a JSON body.' });
  }
  const parsed = route.body.parse ? route.body.parse(body) : parseWith(route.body.schema, body);
  if (parsed.ok) return parsed.value;
  throw validationError(parsed.errors);
}

/** The error that names all bad fields of a body. */
export function validationError(errors: readonly FieldError[], hint?: string): AppError {
  const [first] = errors;
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = first ? `${first.pointer || 'the body'}: ${first.detail}${rest}` : 'the body is not valid';
  return new AppError('validation_failed', detail, { errors, ...(hint === undefined ? {} : { hint }) });
}
