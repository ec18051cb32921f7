import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli, temporaryHome } from '../../test/support/cli/run-cli.ts';
import { FAKE_KEY, startFakeApi } from '../../test/support/cli/fake-api.ts';
import { resolveConnection } from './connection.ts';
import { contextFilePath, readContext, readContextFile, writeContext } from './context.ts';

const NOTHING = { url: undefined, apiKeyFile: undefined, context: undefined };

describe('the context file', () => {
  test('is readable by its owner alone', async () => {
    const env = { HOME: await temporaryHome() };
    await writeContext(env, { name: 'local', url: 'http://127.0.0.1:8080', key: 'k1' });
    const path = contextFilePath(env);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect(await readContext(env)).toEqual({ name: 'local', url: 'http://127.0.0.1:8080', key: 'k1' });
  });

  test('follows XDG_CONFIG_HOME', () => {
    expect(contextFilePath({ HOME: '/home/a', XDG_CONFIG_HOME: '/etc/b' })).toBe(
      '/etc/b/agentmetal/config.json',
    );
    expect(contextFilePath({ HOME: '/home/a' })).toBe('/home/a/.config/agentmetal/config.json');
  });

  test('keeps the other contexts, and the one in use when told', async () => {
    const env = { HOME: await temporaryHome() };
    await writeContext(env, { name: 'a', url: 'http://a', key: 'ka' });
    await writeContext(env, { name: 'b', url: 'http://b', key: 'kb' }, false);
    expect(await readContextFile(env)).toMatchObject({
      current: 'a',
      contexts: { a: { key: 'ka' }, b: { key: 'kb' } },
    });
  });

  test('is named when it cannot be read', async () => {
    const env = { HOME: await temporaryHome() };
    await mkdir(dirname(contextFilePath(env)), { recursive: true });
    await writeFile(contextFilePath(env), '{"contexts": []');
    const { code, err } = await runCli('lb list', { env });
    expect(code).toBe(1);
    expect(err).toContain(contextFilePath(env));
  });
});

describe('where a command goes', () => {
  test('flag, then environment, then context, then default', async () => {
    const env = { HOME: await temporaryHome() };
    expect(await resolveConnection(NOTHING, env)).toMatchObject({
      url: 'http://localhost:8080',
      source: 'default',
      key: undefined,
    });
    await writeContext(env, { name: 'local', url: 'http://localhost:8080', key: 'kc' });
    expect(await resolveConnection(NOTHING, env)).toMatchObject({ source: 'context', key: 'kc' });
    const environment = { ...env, AGENTMETAL_URL: 'http://127.0.0.1:8080/', AGENTMETAL_API_KEY: 'ke' };
    expect(await resolveConnection(NOTHING, environment)).toMatchObject({ source: 'environment', key: 'ke' });
    const flag = { ...NOTHING, url: 'http://flag' };
    expect(await resolveConnection(flag, environment)).toMatchObject({
      url: 'http://flag',
      source: 'flag',
      key: 'ke',
    });
    expect(await resolveConnection({ ...NOTHING, context: 'local' }, environment)).toMatchObject({
      source: 'context',
      key: 'kc',
    });
  });

  test('a saved key goes only to its own control plane', async () => {
    const env = { HOME: await temporaryHome() };
    await writeContext(env, { name: 'local', url: 'http://localhost:8080', key: 'kc' });
    expect((await resolveConnection({ ...NOTHING, url: 'http://127.0.0.1:8080' }, env)).key).toBe('kc');
    expect((await resolveConnection({ ...NOTHING, url: 'http://elsewhere:8080' }, env)).key).toBeUndefined();
    const { code, err } = await runCli('lb list --url http://elsewhere:8080', { env });
    expect(code).toBe(5);
    expect(err).toContain('the key of context local is for another URL');
  });

  test('a key file', async () => {
    const api = await startFakeApi();
    const home = await temporaryHome();
    await writeFile(`${home}/key`, `${FAKE_KEY}\n`);
    const env = { HOME: home, AGENTMETAL_API_KEY: 'wrong' };
    expect((await runCli(`lb list --url ${api.url} --api-key-file ${home}/key -o name`, { env })).code).toBe(
      0,
    );
    expect((await runCli(`lb list --url ${api.url}`, { env })).code).toBe(5);
    expect((await runCli(`lb list --url ${api.url} --api-key-file ${home}/none`, { env })).code).toBe(2);
  });
});

describe('a key that is refused', () => {
  test('is told by where it is from', async () => {
    const { url } = await startFakeApi();
    const home = await temporaryHome();
    await writeFile(`${home}/key`, 'wrong\n');
    await writeContext({ HOME: home }, { name: 'local', url, key: 'wrong' });
    const env = { HOME: home };
    const told = async (line: string, more: Record<string, string> = {}) => {
      const { code, err } = await runCli(line, { env: { ...env, ...more } });
      expect(code).toBe(5);
      return err.split('\n').slice(0, 2).join('\n');
    };
    expect(await told('lb list')).toBe(
      `Error: the key of context local is not known to ${url} (unauthenticated)\n  Hint: Save another: agentmetal context delete local && agentmetal context create local --url ${url}`,
    );
    expect(await told('lb list', { AGENTMETAL_API_KEY: 'wrong' })).toBe(
      `Error: the key from AGENTMETAL_API_KEY is not known to ${url} (unauthenticated)\n  Hint: Set AGENTMETAL_API_KEY to a key of that control plane, or unset it to use the one of context local`,
    );
    expect(await told(`lb list --api-key-file ${home}/key`)).toBe(
      `Error: the key in ${home}/key is not known to ${url} (unauthenticated)\n  Hint: Put a key of that control plane into ${home}/key`,
    );
  });

  test('advises no context whose key is for another place', async () => {
    const { url } = await startFakeApi();
    const env = { HOME: await temporaryHome(), AGENTMETAL_URL: url, AGENTMETAL_API_KEY: 'wrong' };
    await writeContext(env, { name: 'local', url: 'http://elsewhere', key: 'k' });
    expect((await runCli('lb list', { env })).err).not.toContain('context local');
  });
});

describe('context commands', () => {
  test('save, list, use, show and forget', async () => {
    const env = { HOME: await temporaryHome() };
    const first = await runCli('context create one --url http://one:8080 --key-stdin', {
      env,
      stdin: 'key-of-one-is-secret\n',
    });
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('Context one saved and in use') });
    await runCli('context create two --url http://two:8080 --no-use', {
      env: { ...env, AGENTMETAL_API_KEY: 'key-of-two-is-secret' },
    });
    expect((await runCli('context list', { env })).out).toBe(
      'CURRENT  NAME  URL\n*        one   http://one:8080\n-        two   http://two:8080\n',
    );
    expect((await runCli('context use two', { env })).code).toBe(0);
    const shown = await runCli('context show -o json', { env });
    expect(JSON.parse(shown.out)).toEqual({
      name: 'two',
      url: 'http://two:8080',
      keyPrefix: 'key-of-t',
      current: true,
    });
    expect((await runCli('context delete two', { env })).code).toBe(0);
    expect(JSON.parse(await readFile(contextFilePath(env), 'utf8'))).toEqual({
      contexts: { one: { url: 'http://one:8080', key: 'key-of-one-is-secret' } },
    });
  });

  test('key prints the key alone', async () => {
    const env = { HOME: await temporaryHome() };
    expect(await runCli('context key', { env })).toEqual({
      code: 3,
      out: '',
      err: 'Error: no context is in use (not_found)\n  Hint: Choose one: agentmetal context use NAME, or save one: agentmetal context create NAME --url URL\n',
    });
    await writeContext(env, { name: 'one', url: 'http://one', key: 'key-of-one' });
    await writeContext(env, { name: 'two', url: 'http://two', key: 'key-of-two' }, false);
    expect(await runCli('context key', { env })).toEqual({ code: 0, out: 'key-of-one\n', err: '' });
    expect((await runCli('context key two', { env })).out).toBe('key-of-two\n');
    expect((await runCli('context key --context two', { env })).out).toBe('key-of-two\n');
    expect(JSON.parse((await runCli('context key -o json', { env })).out)).toMatchObject({
      key: 'key-of-one',
    });
    expect((await runCli('context key three', { env })).code).toBe(3);
  });

  test('refuse what cannot be', async () => {
    const env = { HOME: await temporaryHome() };
    expect((await runCli('context create one --url http://one', { env })).err).toContain(
      'no API key is given',
    );
    expect((await runCli('context create one --url nonsense --key-stdin', { env, stdin: 'k' })).code).toBe(2);
    expect((await runCli(['context', 'create', '../x', '--key-stdin'], { env, stdin: 'k' })).code).toBe(2);
    await runCli('context create one --key-stdin', { env, stdin: 'k' });
    expect((await runCli('context create one --key-stdin', { env, stdin: 'k' })).code).toBe(4);
    expect((await runCli('context use two', { env })).code).toBe(3);
    expect((await runCli('lb list --context two', { env })).code).toBe(3);
  });

  test('a key that is typed is not shown', async () => {
    const env = { HOME: await temporaryHome() };
    const { code, out, err } = await runCli('context create typed --url http://one', {
      env,
      stdin: 'very-secret\n',
      terminal: true,
    });
    expect(code).toBe(0);
    expect(out + err).not.toContain('very-secret');
    expect((await readContext(env))?.key).toBe('very-secret');
  });
});
