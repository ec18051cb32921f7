import { describe, expect, test } from 'vitest';
import { type FakeApi, startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../../test/support/cli/run-cli.ts';

async function start(): Promise<FakeApi> {
  const api = await startWithWebLb();
  for (const pool of ['api', 'canary']) await runCli(`lb pool create web-lb ${pool} -q`, { env: api.env });
  api.requests.length = 0;
  return api;
}

/** Runs a line that must work, and answers the routes after it. */
async function run(api: FakeApi, line: string) {
  const { code, err } = await runCli(`lb route ${line}`, { env: api.env });
  expect({ line, code, err }).toMatchObject({ code: 0 });
  return api.loadBalancers.get('web-lb')?.spec.routes ?? [];
}

const names = (routes: readonly { name: string }[]) => routes.map(({ name }) => name);

describe('route add', () => {
  test.each<[string, object]>([
    [
      '--host app.example.com --path-prefix /api --header "X-Canary: 1" --method GET --pool api',
      {
        name: 'app-example-com-api-x-canary-get',
        match: { host: 'app.example.com', pathPrefix: '/api', header: { 'X-Canary': '1' }, method: 'GET' },
        pool: 'api',
      },
    ],
    [
      '--host a.x --host *.b.x --method GET --method HEAD --split api=90,canary=10',
      {
        match: { host: ['a.x', '*.b.x'], method: ['GET', 'HEAD'] },
        split: [
          { pool: 'api', weight: 90 },
          { pool: 'canary', weight: 10 },
        ],
      },
    ],
    [
      '--path /old --redirect https://www.example.com/new --status 301 --name moved',
      {
        name: 'moved',
        match: { path: '/old' },
        redirect: { scheme: 'https', host: 'www.example.com', path: '/new', status: 301 },
      },
    ],
    ['--host a.x --redirect https://', { redirect: { scheme: 'https', status: 302 } }],
    ['--host a.x --redirect /new?a=b', { redirect: { path: '/new?a=b', status: 302 } }],
    [
      '--host a.x --redirect http://b.x:8080',
      { redirect: { scheme: 'http', host: 'b.x:8080', status: 302 } },
    ],
    [
      '--path /robots.txt --respond 200 --body "User-agent: *" --content-type text/plain',
      { respond: { status: 200, body: 'User-agent: *', contentType: 'text/plain' } },
    ],
    ['--path /gone --respond 410', { respond: { status: 410, body: '' } }],
    [
      '--path-prefix /api --pool api --rewrite-path-prefix / --rewrite-host api.internal',
      { rewrite: { pathPrefix: '/', host: 'api.internal' } },
    ],
    ['--pool api --rewrite-path /index.html', { name: 'all', match: {}, rewrite: { path: '/index.html' } }],
    [
      '--pool api --set-request-header "X-A: b: c" --remove-request-header X-B --set-response-header "X-C: d" --remove-response-header Server',
      {
        headers: {
          request: { set: { 'X-A': 'b: c' }, add: {}, remove: ['X-B'] },
          response: { set: { 'X-C': 'd' }, add: {}, remove: ['Server'] },
        },
      },
    ],
  ])('%s', async (flags, route) => {
    const api = await start();
    const routes = await run(api, `add web-lb ${flags}`);
    expect(routes).toHaveLength(1);
    expect(routes[0]).toMatchObject(route);
  });

  test.each([
    ['--host a.x', 'what the route does is missing'],
    ['--host a.x --pool api --respond 200', 'a route does one thing, not --pool and --respond'],
    ['--host a.x --pool api --status 301', '--status belongs to --redirect'],
    ['--host a.x --pool api --body x', '--body and --content-type belong to --respond'],
    ['--host a.x --split api', '"api" is not POOL=WEIGHT'],
    ['--host a.x --split api=1,canary=x', '"canary=x" is not POOL=WEIGHT'],
    ['--host a.x --redirect ftp://x', 'is no place to go to'],
    ['--header X-Canary --pool api', '--header "X-Canary" is not NAME: VALUE'],
    ['--pool api --set-request-header ": x"', '--set-request-header ": x" is not NAME: VALUE'],
    ['--pool api --first --before x', 'give one place: --before, --after, --first or --last'],
  ])('refuses %s', async (flags, message) => {
    const { env, writes } = await start();
    const { code, err } = await runCli(`lb route add web-lb ${flags}`, { env });
    expect(err).toContain(message);
    expect(code).toBe(2);
    expect(writes()).toEqual([]);
  });

  test('puts it last, first, before or after another', async () => {
    const api = await start();
    await run(api, 'add web-lb --path /a --pool api --name a');
    await run(api, 'add web-lb --path /b --pool api --name b');
    await run(api, 'add web-lb --path /c --pool api --name c --first');
    await run(api, 'add web-lb --path /d --pool api --name d --before b');
    expect(names(await run(api, 'add web-lb --path /e --pool api --name e --after a'))).toEqual([
      'c',
      'a',
      'e',
      'd',
      'b',
    ]);
    const missing = await runCli('lb route add web-lb --pool api --before z', { env: api.env });
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('web-lb has no route z') });
  });

  test.each([
    ['--path-prefix /api', '--path-prefix /api/v2', true],
    ['--path-prefix /api', '--path /api/x --method GET', true],
    ['--path-prefix /api', '--path-prefix /apix', false],
    ['--path-prefix /api --method GET', '--path-prefix /api/v2', false],
    ['--host a.test --path-prefix /', '--host a.test --path-prefix /x', true],
    ['--host a.test', '--path-prefix /x', false],
  ])('after %s, %s can be reached or not', async (wide, narrow, isHidden) => {
    const api = await start();
    await run(api, `add web-lb ${wide} --pool api --name wide`);
    const { err } = await runCli(`lb route add web-lb ${narrow} --pool api --name narrow`, { env: api.env });
    expect(err.includes('no request reaches narrow: wide')).toBe(isHidden);
  });

  test('says what it understood, and warns of one that no request reaches', async () => {
    const api = await start();
    await run(api, 'add web-lb --pool api --name rest');
    const { err } = await runCli('lb route add web-lb --path-prefix /x --split api=1,canary=2', {
      env: api.env,
    });
    expect(err).toContain('route x: /x* -> split api=1,canary=2\n');
    expect(err).toContain(
      'no request reaches x: rest, which stands before it, takes them all. Move it: agentmetal lb route move web-lb x --before rest\n',
    );
    expect((await runCli('lb route move web-lb x --before rest', { env: api.env })).code).toBe(0);
  });

  test('refuses a name that is taken, and tells what the control plane says of the rest', async () => {
    const { env } = await start();
    await runCli('lb route add web-lb --path /a --pool api --name a', { env });
    const taken = await runCli('lb route add web-lb --path /b --pool api --name a', { env });
    expect(taken.code).toBe(4);
    expect(taken.err).toContain('agentmetal lb route remove web-lb a\n');
    const unknown = await runCli('lb route add web-lb --path /b --pool apo', { env });
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain('spec.routes[1].pool: there is no pool "apo"');
  });

  test('is made again when somebody was faster', async () => {
    const api = await start();
    api.nodes.overtaken = 1;
    await run(api, 'add web-lb --path /a --pool api');
    expect(api.writes().filter(({ headers }) => headers['if-match'] !== undefined)).toHaveLength(2);
  });

  test('changes nothing in a dry run', async () => {
    const api = await start();
    const { out } = await runCli('lb route add web-lb --path /a --pool api --dry-run', { env: api.env });
    expect(out).toContain('This would make revision');
    expect(api.loadBalancers.get('web-lb')?.spec.routes).toEqual([]);
  });
});

describe('routes', () => {
  async function startWithThree(): Promise<FakeApi> {
    const api = await start();
    for (const name of ['a', 'b', 'c'])
      await run(api, `add web-lb --path /${name} --pool api --name ${name}`);
    return api;
  }

  test.each([
    ['c --first', 'cab'],
    ['a --last', 'bca'],
    ['a --after b', 'bac'],
    ['c --before b', 'acb'],
    ['b --before c', 'abc'],
  ])('move %s', async (words, order) => {
    expect(names(await run(await startWithThree(), `move web-lb ${words}`)).join('')).toBe(order);
  });

  test('refuse to move nowhere, next to themselves, or next to none', async () => {
    const { env } = await startWithThree();
    expect((await runCli('lb route move web-lb a', { env })).code).toBe(2);
    expect((await runCli('lb route move web-lb a --before a', { env })).code).toBe(2);
    expect((await runCli('lb route move web-lb a --before z', { env })).code).toBe(3);
    expect((await runCli('lb route move web-lb z --first', { env })).code).toBe(3);
  });

  test('are removed, all that are named or none', async () => {
    const api = await startWithThree();
    expect((await runCli('lb route remove web-lb a z', { env: api.env })).code).toBe(3);
    expect(names(await run(api, 'remove web-lb a c'))).toEqual(['b']);
  });

  test('share by new weights, and become shared', async () => {
    const api = await startWithThree();
    const [first] = await run(api, 'split web-lb a api=90,canary=10');
    expect(first).toEqual({
      name: 'a',
      match: { path: '/a' },
      split: [
        { pool: 'api', weight: 90 },
        { pool: 'canary', weight: 10 },
      ],
    });
    const [again] = await run(api, 'split web-lb a api=80% canary=20%');
    expect(again?.split?.map(({ weight }) => weight)).toEqual([80, 20]);
    await run(api, 'add web-lb --path /r --respond 200 --name r');
    const { code, err } = await runCli('lb route split web-lb r api=1,canary=1', { env: api.env });
    expect(code).toBe(2);
    expect(err).toContain('r sends to no pool: it answers by itself');
  });

  test('are listed in their order, with what they match and do', async () => {
    const api = await start();
    await run(
      api,
      'add web-lb --host app.example.com --path-prefix /api --header "X-Canary: 1" --method GET --pool api --rewrite-path-prefix / --set-request-header "X-A: b" --name one',
    );
    await run(api, 'add web-lb --host a.x --host b.x --redirect https:// --name two');
    await run(api, 'add web-lb --respond 404 --name rest');
    expect((await runCli('lb route list web-lb', { env: api.env })).out.replace(/ {2,}/g, '  ')).toBe(
      [
        'ROUTE  MATCH  TO  CHANGES',
        'one  GET app.example.com /api* X-Canary: 1  pool api  prefix /, 1 header',
        'two  a.x|b.x  redirect 302 to https://…  -',
        'rest  everything  answer 404  -',
        '',
      ].join('\n'),
    );
    expect((await runCli('lb route list web-lb -o name', { env: api.env })).out).toBe('one\ntwo\nrest\n');
    expect((await runCli('lb show web-lb', { env: api.env })).out).toMatch(/Routes:\n {2}ROUTE +MATCH/);
  });

  test('that are not there say how to add one', async () => {
    const { env } = await start();
    const { out, err } = await runCli('lb route list web-lb', { env });
    expect(out).toBe('');
    expect(err).toContain('agentmetal lb route add web-lb --path-prefix /api --pool POOL\n');
  });
});

test('pools and routes are offered to the shell', async () => {
  const api = await start();
  await run(api, 'add web-lb --path /a --pool api --name one');
  const complete = async (...words: string[]) =>
    (await runCli(['__complete', '--', ...words], { env: api.env })).out.trim().split('\n');
  expect(await complete('lb', 'route', 'remove', 'web-lb', '')).toEqual(['one']);
  expect(await complete('lb', 'pool', 'delete', 'web-lb', '')).toEqual(['default', 'api', 'canary']);
  expect(await complete('lb', 'backend', 'add', 'web-lb', '--pool', 'c')).toEqual(['canary']);
});
