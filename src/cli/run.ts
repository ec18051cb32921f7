import { VERSION } from '../base/version.ts';
import { EXIT, exitCodeOf, interruption } from './failure.ts';
import type { CliIo } from './io.ts';

/** Runs the command line `argv` (without the program's name) and tells the exit code. It never throws. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    if (argv[0] === '--version' || argv[0] === '-V') {
      io.stdout.write(`agentmetal ${VERSION}\n`);
      return EXIT.done;
    }
    // Loaded here, so that the version is told without any of it.
    const { dispatch } = await import('./dispatch.ts');
    return await dispatch(argv, io);
  } catch (error) {
    return report(error, io, argv);
  }
}

async function report(thrown: unknown, io: CliIo, argv: readonly string[]): Promise<number> {
  const [{ problemJson, renderProblem }, { createStyle }] = await Promise.all([
    import('./output/problem.ts'),
    import('./output/style.ts'),
  ]);
  // Whatever Ctrl-C broke off is not a fault of its own, unless the command says what goes on.
  const told = io.signal.aborted && exitCodeOf(thrown) !== EXIT.interrupted ? interruption() : thrown;
  if (wantsJson(argv)) io.stderr.write(`${JSON.stringify(problemJson(told), null, 2)}\n`);
  else io.stderr.write(renderProblem(told, createStyle(io.stderr, io.env, !argv.includes('--no-color'))));
  if (argv.includes('--debug') && told instanceof Error) io.stderr.write(`${told.stack ?? ''}\n`);
  return exitCodeOf(told);
}

/** Read from the words themselves, because a command line that cannot be parsed is reported too. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      (word === 'json' && ['-o', '--output'].includes(argv[index - 1] ?? '')),
  );
}
