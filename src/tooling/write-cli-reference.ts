import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { argumentUsage, type Command } from '../cli/command.ts';
import { GLOBAL_OPTIONS } from '../cli/global-options.ts';
import { optionRows, usageLine } from '../cli/output/help.ts';
import { GROUPS, loadAll } from '../cli/registry.ts';

/** Where the reference is, from the root of the checkout. */
export const CLI_REFERENCE = 'docs/reference/cli.md';

/** The CLI's reference as Markdown, made from the commands themselves. */
export async function renderCliReference(): Promise<string> {
  const commands = await loadAll();
  const nouns = [...new Set(commands.map(groupOf))];
  return [
    '# Commands\n',
    'Generated from the commands by `npm run generate`; change `src/cli/commands/` instead.\n',
    EXIT_CODES,
    `## Options of every command\n\n${table(['Option', 'What it does'], optionRows(GLOBAL_OPTIONS))}`,
    ...nouns.map((noun) =>
      renderGroup(
        noun,
        commands.filter((command) => groupOf(command) === noun),
      ),
    ),
  ].join('\n');
}

const EXIT_CODES = `Exit codes: 0 done; 1 failed; 2 wrong usage; 3 not found; 4 conflict; 5 not allowed; 6 unavailable, try again; 7 wait
timed out; 8 applied but degraded; 130 interrupted. Data goes to stdout, progress and errors to stderr.
`;

/** The noun of a command; commands of one word are the program's own. */
function groupOf({ path }: Command): string {
  return path.slice(0, -1).join(' ');
}

function renderGroup(noun: string, commands: readonly Command[]): string {
  const title = noun === '' ? 'The program' : `${GROUPS[noun] ?? noun}: \`agentmetal ${noun}\``;
  return [`## ${title}\n`, ...commands.map(renderCommand)].join('\n');
}

function renderCommand(command: Command): string {
  const { path, summary, description, args, options, examples } = command;
  return [
    `### \`agentmetal ${path.join(' ')}\`\n`,
    `${summary}.${description === undefined ? '' : ` ${description.replaceAll('\n', ' ')}`}\n`,
    `    ${usageLine(command).replace('Usage: ', '')}\n`,
    ...(args.length === 0
      ? []
      : [
          table(
            ['Argument', 'What it is'],
            args.map((argument) => [argumentUsage(argument), argument.summary]),
          ),
        ]),
    ...(Object.keys(options).length === 0 ? [] : [table(['Option', 'What it does'], optionRows(options))]),
    `\`\`\`sh\n${examples.join('\n')}\n\`\`\`\n`,
  ].join('\n');
}

function table(heading: readonly [string, string], rows: ReadonlyArray<readonly [string, string]>): string {
  const lines = rows.map(
    ([left, right]) => `| \`${left.replaceAll('|', '\\|')}\` | ${right.replaceAll('|', '\\|')} |\n`,
  );
  return `| ${heading.join(' | ')} |\n| --- | --- |\n${lines.join('')}`;
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '..', '..', CLI_REFERENCE);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await renderCliReference());
}
