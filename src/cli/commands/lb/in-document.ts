import { ApiError } from '../../../api/client.ts';
import { AppError } from '../../../base/errors.ts';
import type { Document } from '../../documents.ts';
import { CliFailure, EXIT } from '../../failure.ts';
import { headline } from '../../output/problem.ts';

/** Does something with each document in turn; where there are several, an error says which one it is about. */
export async function eachDocument(
  documents: readonly Document[],
  work: (document: Document) => Promise<void>,
): Promise<void> {
  for (const [index, document] of documents.entries()) {
    try {
      await work(document);
    } catch (error) {
      throw documents.length === 1 ? error : aboutDocument(error, `document ${index + 1} (${document.name})`);
    }
  }
}

function aboutDocument(error: unknown, which: string): unknown {
  if (error instanceof CliFailure) {
    if (error.exit === EXIT.interrupted) return error;
    return new CliFailure(error.exit, error.code, `${which}: ${error.message}`, wordsOf(error));
  }
  if (!(error instanceof AppError)) return error;
  const requestId = error instanceof ApiError ? error.requestId : undefined;
  return new ApiError(error.code, `${which}: ${headline(error.message, error.errors)}`, {
    ...wordsOf(error),
    ...(requestId === undefined ? {} : { requestId }),
    cause: error,
  });
}

function wordsOf({ hint, errors }: AppError | CliFailure) {
  return { ...(hint === undefined ? {} : { hint }), errors: [...errors] };
}
