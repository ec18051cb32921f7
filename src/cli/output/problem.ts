import { AppError, type FieldError, messageOf } from '../../base/errors.ts';
import { ApiError } from '../../api/client.ts';
import { CliFailure } from '../failure.ts';
import { readablePath } from './path.ts';
import { type Style, printable } from './style.ts';

interface ProblemParts {
  code: string;
  detail: string;
  hint: string | undefined;
  errors: readonly FieldError[];
  requestId: string | undefined;
}

/** An error for people: what was wrong, in which fields, and what mends it. */
export function renderProblem(error: unknown, style: Style): string {
  const { code, detail, hint, errors, requestId } = partsOf(error);
  const lines = [
    `${style('red', 'Error:')} ${printable(headline(detail, errors))} (${code})`,
    ...errors.map((field) => `  - ${printable(fieldText(field))}`),
    ...(hint ? [`  Hint: ${printable(hint)}`] : []),
    ...(requestId ? [style('dim', `  Request: ${printable(requestId)}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for programs. */
export function problemJson(error: unknown): Record<string, unknown> {
  const { code, detail, hint, errors, requestId } = partsOf(error);
  return {
    code,
    detail,
    ...(errors.length > 0 ? { errors } : {}),
    ...(hint ? { hint } : {}),
    ...(requestId ? { requestId } : {}),
  };
}

/** The fields are listed below, so a text that only repeats the first of them says how many there are instead. */
export function headline(detail: string, errors: readonly FieldError[]): string {
  const [first] = errors;
  if (!first || first.pointer === '' || !detail.startsWith(first.pointer)) return detail;
  return errors.length === 1 ? 'one field is not valid' : `${errors.length} fields are not valid`;
}

function fieldText({ pointer, detail }: FieldError): string {
  return pointer === '' ? detail : `${readablePath(pointer)}: ${detail}`;
}

function partsOf(error: unknown): ProblemParts {
  if (error instanceof CliFailure || error instanceof AppError) {
    const requestId = error instanceof ApiError ? error.requestId : undefined;
    return { code: error.code, detail: error.message, hint: error.hint, errors: error.errors, requestId };
  }
  const hint = 'This is a bug of the CLI. Run it again with --debug for the stack.';
  return { code: 'internal', detail: messageOf(error), hint, errors: [], requestId: undefined };
}
