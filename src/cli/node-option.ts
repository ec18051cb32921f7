import type { MissingNodes } from '../api/logs.ts';
import { printable } from './output/style.ts';
import type { CliContext } from './session.ts';

/** Names one node where all are meant without it. */
export const NODE_OPTION = {
  value: 'MACHINE',
  summary: 'One node alone, by its machine; all of them if not given',
  completes: 'machine',
} as const;

/** Says on stderr who has not answered. */
export function tellMissing({ io, options }: CliContext, missing: MissingNodes | undefined): void {
  if (options.quiet) return;
  for (const { machine, problem } of missing ?? [])
    io.stderr.write(printable(`Without what node ${machine} has: ${problem}`) + '\n');
}
