import { describe, expect, test } from 'vitest';
import { runCli } from '../../test/support/cli/run-cli.ts';
import { COMMANDS, GROUPS, loadAll } from './registry.ts';

describe('every command', async () => {
  test.each(await loadAll())('$path has help with an example', async ({ path, summary, examples }) => {
    const { code, out, err } = await runCli([...path, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: agentmetal ${path.join(' ')}`);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(example).toContain(`agentmetal ${path.join(' ')}`);
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    expect(out.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  test.each(Object.entries(COMMANDS))('%s is registered under its own words', async (words, load) => {
    const { path, args } = await load();
    expect(path.join(' ')).toBe(words);
    expect(args.slice(0, -1).some(({ variadic }) => variadic)).toBe(false);
  });

  test('belongs to a group that is described', () => {
    const groups = new Set(Object.keys(COMMANDS).flatMap((words) => prefixes(words)));
    expect([...groups].toSorted()).toEqual(Object.keys(GROUPS).toSorted());
  });
});

describe('help', () => {
  test.each(['', '--help', '-h', 'help'])('of the program: %j', async (line) => {
    const { code, out } = await runCli(line);
    expect(code).toBe(0);
    expect(out).toContain('Usage: agentmetal COMMAND');
    expect(out).toContain('lb          Load balancers');
    expect(out).not.toContain('__complete');
  });

  test('of a noun goes to stderr when a verb is missing', async () => {
    expect(await runCli('lb backend')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('drain'),
    });
    expect(await runCli('lb backend --help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('drain'),
    });
    expect(await runCli('help lb create')).toMatchObject({
      code: 0,
      out: expect.stringContaining('--deletion-protection'),
    });
  });
});

describe('a wrong command line ends with 2', () => {
  test.each([
    ['lb creat', 'Did you mean: agentmetal lb create'],
    ['lb ls', 'Did you mean: agentmetal lb list'],
    ['lb describe web-lb', 'Did you mean: agentmetal lb show'],
    ['lb rm web-lb', 'Did you mean: agentmetal lb delete'],
    ['lb backend rm web-lb', 'Did you mean: agentmetal lb backend remove'],
    ['lbs list', 'Did you mean: agentmetal lb'],
    ['frobnicate', 'agentmetal --help'],
    ['lb constructor', 'has no command "constructor"'],
    ['lb stuck set web-lb', 'has no command "stuck"'],
    ['--nonsense lb list', "unknown option '--nonsense'"],
    ['lb --nonsense list', 'no option "--nonsense"'],
    ['lb list --nonsense', "unknown option '--nonsense'"],
    ['lb list extra', 'too many arguments'],
    ['lb show', "missing required argument 'name'"],
    ['lb create --name web-lb', "required option '--type <TYPE>' not specified"],
    ['lb create --name web-lb --type udp', "argument 'udp' is invalid"],
    ['lb create --name x --type tcp --port 80x', 'whole number'],
    ['lb create --type http', 'the name is missing'],
    ['lb create a --name b --type http', 'two names are given'],
    ['lb create a --type http --label =x', 'is not KEY=VALUE'],
    ['lb create a --type http --health-check http:/x', 'the interval after the path is missing'],
    ['lb list -o xml', "argument 'xml' is invalid"],
    ['lb update web-lb', 'nothing to change is given'],
    ['lb update web-lb --port 1 --timeout soon', 'there is no API key'],
  ])('%s', async (line, message) => {
    const { code, out, err } = await runCli(line);
    expect(err).toContain(message);
    expect(out).toBe('');
    expect(code).toBe(message === 'there is no API key' ? 5 : 2);
  });

  test('and tells it as JSON when data is wanted so', async () => {
    const { code, err } = await runCli('lb creat -o json');
    expect(code).toBe(2);
    expect(JSON.parse(err)).toMatchObject({ code: 'usage', hint: 'Did you mean: agentmetal lb create' });
  });
});

test('a control plane out of reach ends with 6', async () => {
  const { code, err } = await runCli('lb list --url http://127.0.0.1:1', {
    env: { AGENTMETAL_API_KEY: 'k' },
  });
  expect(code).toBe(6);
  expect(err).toMatch(
    /^Error: the control plane at http:\/\/127.0.0.1:1 does not answer: .*\(unavailable\)\n {2}Hint: /,
  );
});

test('version', async () => {
  expect((await runCli('version')).out).toMatch(/^agentmetal \d+\.\d+\.\d+\n$/);
  expect((await runCli('--version')).out).toMatch(/^agentmetal /);
  expect(JSON.parse((await runCli('version -o json')).out)).toHaveProperty('node');
});

describe('the long-running commands', () => {
  test('get flags before environment before defaults', async () => {
    const seen: unknown[] = [];
    const up = async (options: unknown) => {
      seen.push(options);
      return 3;
    };
    const env = {
      AGENTMETAL_LISTEN: '127.0.0.1:9000',
      AGENTMETAL_DATA_DIR: '/env',
      AGENTMETAL_API_KEY: 'first',
      AGENTMETAL_ALLOW_LOOPBACK_BACKENDS: '1',
    };
    expect((await runCli('up --data-dir /flag --low-port-offset 8000', { env, runners: { up } })).code).toBe(
      3,
    );
    expect(seen).toEqual([
      {
        listen: '127.0.0.1:9000',
        dataDir: '/flag',
        addressPool: '127.80.0.0/24',
        allowLoopbackBackends: true,
        insecureListen: false,
        apiKey: 'first',
        demo: false,
        lowPortOffset: 8000,
      },
    ]);
  });

  test('server, agent and down', async () => {
    const seen: unknown[] = [];
    const keep = async (options: unknown) => {
      seen.push(options);
      return 0;
    };
    const runners = { server: keep, agent: keep, down: keep };
    await runCli('server --insecure-listen --listen 0.0.0.0:1 --data-dir /d', { runners });
    await runCli('agent --url http://cp --token-file /t --data-dir /d', {
      runners,
      env: { AGENTMETAL_LOW_PORT_OFFSET: '7' },
    });
    await runCli('down --data-dir /d', { runners });
    expect(seen).toEqual([
      expect.objectContaining({ insecureListen: true, listen: '0.0.0.0:1' }),
      { url: 'http://cp', tokenFile: '/t', dataDir: '/d', lowPortOffset: 7 },
      { dataDir: '/d' },
    ]);
    const { code, err } = await runCli('down --data-dir /d --url x', {
      runners,
      env: { AGENTMETAL_LOW_PORT_OFFSET: 'x' },
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(
      (await runCli('agent --token-file /t', { runners, env: { AGENTMETAL_LOW_PORT_OFFSET: 'x' } })).code,
    ).toBe(2);
  });
});

function prefixes(words: string): string[] {
  const parts = words.split(' ').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join(' '));
}
