import type { Command } from './command.ts';
import { EXIT, exitCodeOf, interruption } from './failure.ts';
import type { GlobalOptions } from './global-options.ts';
import type { CliIo } from './io.ts';
import { problemJson, renderProblem } from './output/problem.ts';
import { createStyle } from './output/style.ts';
import { parseCommandLine } from './parser.ts';
import { COMMANDS } from './registry.ts';
import { resolveCommand } from './resolve.ts';
import { createSession } from './session.ts';

/** Runs the command line `argv` (without the program's name) and tells the exit code. It never throws. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    if (argv[0] === '--version' || argv[0] === '-V') return await runCommand('version', [], io);
    const resolved = resolveCommand(argv);
    if (resolved.kind === 'command') return await runCommand(resolved.path, resolved.words, io);
    const { groupHelp } = await import('./group-help.ts');
    const asked = resolved.asked || resolved.path === '';
    (asked ? io.stdout : io.stderr).write(await groupHelp(resolved.path));
    return asked ? EXIT.done : EXIT.usage;
  } catch (error) {
    return report(error, io, argv);
  }
}

async function runCommand(path: string, words: readonly string[], io: CliIo): Promise<number> {
  const command = await COMMANDS[path]?.();
  if (!command) throw new Error(`the command ${path} is not registered`);
  const parsed = parseCommandLine(command, words, io.env);
  if (parsed.kind === 'help') {
    const { renderCommandHelp } = await import('./output/help.ts');
    io.stdout.write(renderCommandHelp(command));
    return EXIT.done;
  }
  return execute(command, parsed, io);
}

async function execute(
  command: Command,
  {
    args,
    options,
    globals,
  }: { args: Record<string, unknown>; options: Record<string, unknown>; globals: GlobalOptions },
  io: CliIo,
): Promise<number> {
  const session = createSession(io, globals);
  try {
    // The parser has read the words by the command's own declarations, so the types hold.
    const input = { args, options } as Parameters<typeof command.run>[1];
    return (await command.run(session, input)) ?? EXIT.done;
  } finally {
    session.progress.stop();
  }
}

function report(error: unknown, io: CliIo, argv: readonly string[]): number {
  // Whatever Ctrl-C broke off is not a fault of its own, unless the command says what goes on.
  const told = io.signal.aborted && exitCodeOf(error) !== EXIT.interrupted ? interruption() : error;
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
