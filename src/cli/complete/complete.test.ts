import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { startFakeApi } from '../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../test/support/cli/run-cli.ts';
import { writeContext } from '../context.ts';

async function complete(words: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const { out } = await runCli(['__complete', '--', ...words], { env });
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t')[0] ?? '');
}

describe('__complete', () => {
  test('offers commands with what they do', async () => {
    expect(await complete([''])).toContain('lb');
    expect(await complete(['lb', 'de'])).toEqual(['delete']);
    expect(await complete(['lb', 'backend', ''])).toEqual(
      expect.arrayContaining(['add', 'remove', 'list', 'set', 'drain', 'enable']),
    );
    expect((await runCli(['__complete', '--', 'lb', 'del'])).out).toBe('delete\tDelete a load balancer\n');
    expect(await complete(['nonsense', ''])).toEqual([]);
  });

  test('offers flags and their values', async () => {
    expect(await complete(['lb', 'create', '--deletion'])).toEqual(['--deletion-protection']);
    expect(await complete(['lb', 'create', '--type', ''])).toEqual(['http', 'tcp']);
    expect(await complete(['lb', 'list', '-o', 'j'])).toEqual(['json']);
    expect(await complete(['lb', 'update', 'x', '--no-del'])).toEqual(['--no-deletion-protection']);
    expect(await complete(['completion', ''])).toEqual(['bash', 'zsh', 'fish']);
  });

  test('offers the names of things', async () => {
    const api = await startFakeApi();
    await runCli('lb create --name web-lb --type http --target web-1:8080 --target web-2:8080', {
      env: api.env,
    });
    expect(await complete(['lb', 'show', ''], api.env)).toEqual(['web-lb']);
    expect(await complete(['lb', 'backend', 'drain', 'web-lb', 'web-2'], api.env)).toEqual(['web-2:8080']);
    expect(
      await complete(['lb', 'show', '--url', api.url, 'w'], {
        AGENTMETAL_API_KEY: api.env['AGENTMETAL_API_KEY'] ?? '',
      }),
    ).toEqual(['web-lb']);
    const env = { HOME: await temporaryHome() };
    await writeContext(env, { name: 'prod', url: 'http://x', key: 'k' });
    expect(await complete(['lb', 'list', '--context', ''], env)).toEqual(['prod']);
  });

  test('offers nothing, quietly, when the control plane is away', async () => {
    expect(
      await runCli(['__complete', '--', 'lb', 'show', ''], {
        env: { AGENTMETAL_URL: 'http://127.0.0.1:1', AGENTMETAL_API_KEY: 'k' },
      }),
    ).toEqual({ code: 0, out: '', err: '' });
    expect(await runCli(['__complete', '--', 'lb', 'show', ''])).toEqual({ code: 0, out: '', err: '' });
  });
});

describe('completion', () => {
  test.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, out } = await runCli(`completion ${shell}`);
    expect(code).toBe(0);
    expect(out).toContain('__complete --');
  });

  test('the script for bash is valid and completes', async () => {
    const { out } = await runCli('completion bash');
    const script = `agentmetal() { printf 'web-lb\\tx\\nweb-two\\n'; }\n${out}\nCOMP_WORDS=(agentmetal lb show w)\nCOMP_CWORD=3\n_agentmetal\nprintf '%s ' "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe('web-lb web-two ');
  });

  test('another shell is refused', async () => {
    expect((await runCli('completion tcsh')).code).toBe(2);
  });
});
