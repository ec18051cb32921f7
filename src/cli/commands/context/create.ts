import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { AppError } from '../../../base/errors.ts';
import { defineCommand } from '../../command.ts';
import { DEFAULT_URL, assertUrl } from '../../connection.ts';
import { contextFilePath, readContextFile, writeContext } from '../../context.ts';
import { usageError } from '../../failure.ts';
import { readSecret } from '../../prompt.ts';
import type { CliContext } from '../../session.ts';
import { requireContextName } from './names.ts';

export const create = defineCommand({
  path: ['context', 'create'],
  summary: 'Save a control plane and the key for it, and use it from now on',
  description:
    'The key is read from stdin with --key-stdin, else from AGENTMETAL_API_KEY, else from the terminal without showing it.\nIt is no flag, because other users of a machine can read the flags of a running command.',
  args: [{ name: 'name', summary: 'What to call it' }],
  options: {
    keyStdin: { summary: 'Read the key from stdin' },
    use: { negatable: true, summary: 'Use it from now on (the default)' },
  },
  examples: [
    'agentmetal context create prod --url https://lb.example.com',
    'agentmetal context create prod --url https://lb.example.com --key-stdin < key.txt',
  ],
  async run(ctx, { args, options }) {
    const { io, print } = ctx;
    requireContextName(args.name);
    const url = ctx.options.url ?? io.env['AGENTMETAL_URL'] ?? DEFAULT_URL;
    assertUrl(url);
    if (Object.hasOwn((await readContextFile(io.env)).contexts, args.name)) {
      throw new AppError('name_taken', `there is a context ${args.name} already`, {
        hint: `Choose another name, or delete it first: agentmetal context delete ${args.name}`,
      });
    }
    const key = await readKey(ctx, options.keyStdin);
    const { caFile = io.env['AGENTMETAL_CA_FILE'] } = ctx.options;
    const trusted = caFile === undefined ? {} : { caFile: resolve(caFile) };
    await writeContext(io.env, { name: args.name, url, key, ...trusted }, options.use !== false);
    const used = options.use === false ? '' : ' and in use';
    const text = () => `Context ${args.name} saved${used} (${contextFilePath(io.env)})\n`;
    await print.object({ name: args.name, url }, { text, name: args.name });
  },
});

async function readKey(
  { io, options: { apiKeyFile }, connection }: CliContext,
  fromStdin: boolean,
): Promise<string> {
  const key = fromStdin ? (await readAll(io.stdin)).trim() : await otherKey();
  if (key === '') throw usageError('the API key is empty');
  if (/\s/.test(key)) throw usageError('the API key holds white space; give the key alone');
  return key;

  async function otherKey(): Promise<string> {
    if (apiKeyFile !== undefined) return (await connection()).key ?? '';
    if (io.env['AGENTMETAL_API_KEY']) return io.env['AGENTMETAL_API_KEY'];
    if (io.stdin.isTTY) return readSecret(io, 'API key: ');
    throw usageError(
      'no API key is given',
      'Set AGENTMETAL_API_KEY, or give the key on stdin with --key-stdin',
    );
  }
}
