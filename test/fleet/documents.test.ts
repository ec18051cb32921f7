import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../support/cli/run-cli.ts';
import { PRIVATE_KEY, startFleet } from '../support/fleet.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/machines.md');

test('docs/machines.md: every command does what it says', async () => {
  const text = await readFile(DOCUMENT, 'utf8');
  const lines = [...text.matchAll(/^```sh run\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.trim().split('\n'),
  );
  expect(lines.length).toBeGreaterThan(10);
  const directory = await temporaryDirectory();
  await mkdir(join(directory.path, '.ssh'));
  const key = join(directory.path, '.ssh', 'id_ed25519');
  await writeFile(key, PRIVATE_KEY);
  const fleet = await startFleet();
  const env = {
    AGENTMETAL_URL: await fleet.plane.server.listen(),
    AGENTMETAL_API_KEY: fleet.plane.key,
    HOME: directory.path,
  };
  // Agents work all the time, whatever is typed.
  const over = new AbortController();
  const working = (async () => {
    while (!over.signal.aborted) {
      await fleet.work();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    for (const line of lines) {
      const words = line.replace(/^agentmetal /, '').replace('~/', `${directory.path}/`);
      const { code, err } = await runCli(words, { env, stdin: 'yes\n', terminal: true });
      expect({ line, code, err }).toMatchObject({ code: 0 });
    }
    const { body } = await fleet.call('GET', '/v1/load-balancers/web-lb');
    expect(body.status.nodes.map(({ machine }: { machine: string }) => machine)).toEqual([
      'lb-10-0-0-6',
      'lb-2',
    ]);
    expect(body.status.addresses).toEqual(['203.0.113.17']);
  } finally {
    over.abort();
    await working;
    await fleet.stop();
    await directory.remove();
  }
});
