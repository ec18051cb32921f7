import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { startFakeApi, startWithWebLb } from '../../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../../test/support/cli/run-cli.ts';

describe('files', () => {
  test('an export is taken back unchanged, and differences are shown', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    const { out: exported } = await runCli('lb export web-lb', { env });
    expect(Object.keys(parse(exported) as object)).toEqual(['name', 'labels', 'spec']);
    expect((await runCli('lb apply -f -', { env, stdin: exported })).out).toContain('web-lb unchanged');
    expect((await runCli('lb diff -f -', { env, stdin: exported })).out).toBe('web-lb: no differences\n');
    const changed = exported.replace('roundrobin', 'leastconn');
    expect(await runCli('lb diff -f -', { env, stdin: changed })).toMatchObject({
      code: 0,
      out: expect.stringContaining('roundrobin -> leastconn'),
    });
    const file = `${await temporaryHome()}/lb.yaml`;
    await writeFile(file, `${changed}---\nname: two\nspec: {type: http}\n`);
    const applied = await runCli(['lb', 'apply', '-f', file], { env });
    expect(applied.out).toContain('Load balancer web-lb updated, revision 2');
    expect(applied.out).toContain('Load balancer two created');
    const both = await runCli('lb export web-lb two', { env });
    expect(parseAllDocuments(both.out)).toHaveLength(2);
  });

  test('JSON is taken too, and nothing is applied when one document is bad', async () => {
    const api = await startFakeApi();
    const { env } = api;
    const json = JSON.stringify({ name: 'one', spec: { type: 'http' } });
    const bad = await runCli('lb apply -f -', { env, stdin: `${json}\n---\nname: two\nspec: {type: udp}\n` });
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('spec.type');
    expect(api.loadBalancers.size).toBe(0);
    expect((await runCli('lb apply -f -', { env, stdin: json })).code).toBe(0);
  });

  test('several are one JSON list, which is taken back', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    await runCli('lb create two --type http', { env });
    const { out } = await runCli('lb export web-lb two -o json', { env });
    expect(JSON.parse(out)).toMatchObject([{ name: 'web-lb' }, { name: 'two' }]);
    expect(JSON.parse((await runCli('lb export two -o json', { env })).out)).toMatchObject({ name: 'two' });
    api.loadBalancers.delete('two');
    const applied = await runCli('lb apply -f -', { env, stdin: out });
    expect(applied).toMatchObject({ code: 0, out: expect.stringContaining('web-lb unchanged') });
    expect(applied.out).toContain('Load balancer two created');
  });

  test('two documents of the same name are refused before anything is written', async () => {
    const api = await startFakeApi();
    const stdin = ['one', 'two', 'one'].map((name) => `name: ${name}\nspec: {type: http}\n`).join('---\n');
    const { code, err } = await runCli('lb apply -f -', { env: api.env, stdin });
    expect(code).toBe(2);
    expect(err).toContain('stdin has several documents of the same name: one (documents 1, 3)');
    expect(api.requests).toEqual([]);
  });

  test('an error says which of several documents it is about', async () => {
    const { env } = await startFakeApi();
    const good = 'name: one\nspec: {type: http}\n';
    const bad = await runCli('lb apply -f -', { env, stdin: `${good}---\nname: two\nspec: {type: udp}\n` });
    expect(bad.err).toContain('Error: document 2 (two): ');
    expect(bad.err).toContain('(validation_failed)\n  - spec.type: ');
    const alone = await runCli('lb apply -f -', { env, stdin: 'name: two\nspec: {type: udp}\n' });
    expect(alone.err).not.toContain('document 1');
  });

  test('a file that is not there is named once', async () => {
    const { env } = await startFakeApi();
    expect((await runCli('lb apply -f /nope.yaml', { env })).err).toBe(
      'Error: /nope.yaml cannot be read: no such file or directory (usage)\n',
    );
  });

  test.each([
    ['', 'holds nothing'],
    ['[]', 'holds nothing'],
    ['- a', 'has no "name"'],
    ['name: x\n  y: [', 'is not valid YAML'],
    ['spec: {type: http}', 'has no "name"'],
  ])('%j is refused', async (stdin, message) => {
    const { env } = await startFakeApi();
    const { code, err } = await runCli('lb apply -f -', { env, stdin });
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('a plan of a bare spec', async () => {
    const { env } = await startWithWebLb();
    const file = `${await temporaryHome()}/spec.yaml`;
    await writeFile(file, 'type: http\nport: 8088\n');
    const { code, out } = await runCli(['lb', 'plan', 'web-lb', '-f', file], { env });
    expect(code).toBe(0);
    expect(out).toContain('spec.port: 80 -> 8088');
    expect((await runCli(['lb', 'plan', 'web-lb', '-f', file, '--port', '1'], { env })).code).toBe(2);
  });
});

describe('deleting', () => {
  test('without a terminal needs --yes', async () => {
    const api = await startWithWebLb();
    const { code, err } = await runCli('lb delete web-lb', { env: api.env });
    expect(code).toBe(2);
    expect(err).toContain('Add --yes');
    expect(api.writes()).toEqual([]);
    expect((await runCli('lb delete web-lb --yes', { env: api.env })).out).toBe(
      'Load balancer web-lb deleted\n',
    );
    expect(api.loadBalancers.size).toBe(0);
  });

  test('on a terminal needs the name typed', async () => {
    const api = await startWithWebLb();
    const wrong = await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: 'web\n' });
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('Type web-lb to confirm') });
    expect((await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: '' })).code).toBe(1);
    expect(api.loadBalancers.size).toBe(1);
    expect((await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: 'web-lb\n' })).code).toBe(
      0,
    );
  });

  test('can be planned', async () => {
    const { env } = await startWithWebLb();
    expect((await runCli('lb delete web-lb --dry-run', { env })).out).toContain(
      'This would delete web-lb. Nothing was changed.',
    );
  });
});
