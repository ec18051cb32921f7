import type { Command } from './command.ts';
import { EXIT } from './failure.ts';
import type { GlobalOptions } from './global-options.ts';
import type { CliIo } from './io.ts';
import { parseCommandLine } from './parse.ts';
import { COMMANDS } from './registry.ts';
import { resolveCommand } from './resolve.ts';
import { createSession } from './session.ts';

/** Runs the command that the words call, or prints the help of a noun. */
export async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const resolved = resolveCommand(argv);
  if (resolved.kind === 'command') return runCommand(resolved.path, resolved.words, io);
  const { groupHelp } = await import('./group-help.ts');
  const asked = resolved.asked || resolved.path === '';
  (asked ? io.stdout : io.stderr).write(await groupHelp(resolved.path));
  return asked ? EXIT.done : EXIT.usage;
}

async function runCommand(path: string, words: readonly string[], io: CliIo): Promise<number> {
  const command = await COMMANDS[path]?.();
  if (!command) throw new Error(`the command ${path} is not registered`);
  const parsed = await parseCommandLine(command, words, io.env);
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
