import { messageOf } from '../base/errors.ts';

/** Why a file cannot be read, without the code and the path that Node repeats. */
export function fileFault(error: unknown): string {
  const message = messageOf(error);
  return /^[A-Z]+: (.*?), \w+( '.*')?$/s.exec(message)?.[1] ?? message;
}
