import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CA_CERTIFICATE } from '../../../../../test/support/ca.ts';
import { startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../../../test/support/cli/run-cli.ts';

describe('backends', () => {
  test('without a check are added by their own path', async () => {
    const api = await startWithWebLb();
    await runCli('lb backend add web-lb web-2:8080 --target web-3:8080 --weight 0 --backup', {
      env: api.env,
    });
    expect(api.writes()).toMatchObject([
      {
        method: 'POST',
        path: '/v1/load-balancers/lb_web-lb/backends',
        body: [
          { target: 'web-2:8080', weight: 0, backup: true },
          { target: 'web-3:8080', weight: 0, backup: true },
        ],
      },
    ]);
  });

  test('with a check are one revision, made again when somebody was faster', async () => {
    const api = await startWithWebLb();
    api.nodes.overtaken = 2;
    const { code } = await runCli('lb backend add web-lb --target web-2:8080 --health-check tcp:5s', {
      env: api.env,
    });
    expect(code).toBe(0);
    expect(api.writes().map(({ headers }) => headers['if-match'])).toEqual(['"1"', '"2"', '"3"']);
    expect(api.loadBalancers.get('web-lb')?.spec.backends.map(({ target }) => target)).toEqual([
      'web-1:8080',
      'web-2:8080',
    ]);
  });

  test('that are there already stay, unless they are to be otherwise', async () => {
    const { env } = await startWithWebLb();
    const line = 'lb backend add web-lb --target WEB-1:8080 --health-check tcp:5s';
    expect((await runCli(line, { env })).code).toBe(0);
    const { code, err } = await runCli(`${line} --weight 7`, { env });
    expect(code).toBe(4);
    expect(err).toContain('Hint: Change it: agentmetal lb backend set web-lb web-1:8080');
  });

  test('are set, drained, enabled and removed', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    await runCli('lb backend add web-lb web-2:8080', { env });
    expect((await runCli('lb backend set web-lb web-1:8080 --weight 5 --no-backup', { env })).code).toBe(0);
    expect(api.writes().at(-1)).toMatchObject({
      method: 'PATCH',
      path: '/v1/load-balancers/lb_web-lb/backends/web-1:8080',
      body: { weight: 5, backup: false },
    });
    await runCli('lb backend drain web-lb web-1:8080 web-2:8080', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.backends.every(({ drain }) => drain)).toBe(true);
    await runCli('lb backend enable web-lb web-1:8080', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.backends.filter(({ drain }) => drain)).toHaveLength(1);
    expect((await runCli('lb backend remove web-lb web-9:8080', { env })).code).toBe(3);
    expect((await runCli('lb backend remove web-lb', { env })).code).toBe(2);
    await runCli('lb backend remove web-lb web-1:8080 --target web-2:8080', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.backends).toEqual([]);
  });
});

describe('the backends of a pool', () => {
  const withPool = async () => {
    const api = await startWithWebLb();
    await runCli('lb pool create web-lb api --target api-1:80 --target web-1:8080 -q', { env: api.env });
    api.requests.length = 0;
    return api;
  };
  const run = async (api: Awaited<ReturnType<typeof withPool>>, line: string) => {
    const { code, err } = await runCli(`lb ${line}`, { env: api.env });
    expect({ line, code, err }).toMatchObject({ code: 0 });
    return api.loadBalancers.get('web-lb')?.spec;
  };

  test('are added, set, drained, enabled and removed there alone', async () => {
    const api = await withPool();
    await run(api, 'backend add web-lb api-2:80 --pool api');
    expect(api.writes().at(-1)).toMatchObject({
      method: 'POST',
      path: '/v1/load-balancers/lb_web-lb/backends',
      query: { pool: 'api' },
    });
    await run(api, 'backend set web-lb web-1:8080 --pool api --weight 7');
    expect(api.writes().at(-1)).toMatchObject({
      method: 'PATCH',
      query: { pool: 'api' },
      body: { weight: 7 },
    });
    const drained = await run(api, 'backend drain web-lb web-1:8080 api-2:80 --pool api');
    expect(drained?.backends).toMatchObject([{ target: 'web-1:8080', drain: false, weight: 1 }]);
    expect(drained?.pools['api']?.backends.filter(({ drain }) => drain)).toHaveLength(2);
    await run(api, 'backend enable web-lb web-1:8080 --pool api');
    await run(api, 'backend remove web-lb api-2:80 --pool api');
    expect(api.writes().at(-1)).toMatchObject({ method: 'DELETE', query: { pool: 'api' } });
    const left = await run(api, 'backend remove web-lb api-1:80 web-1:8080 --pool api');
    expect(left?.pools['api']?.backends).toEqual([]);
    expect(left?.backends).toHaveLength(1);
  });

  test('get their own check, algorithm and stickiness', async () => {
    const api = await withPool();
    await run(api, 'backend add web-lb api-3:80 --pool api --health-check "http:/up:1s"');
    await run(api, 'algorithm set web-lb leastconn --pool api');
    await run(api, 'sticky set web-lb --mode cookie --pool api');
    const spec = await run(api, 'health-check set web-lb --fall 9 --pool api');
    expect(spec?.pools['api']).toMatchObject({
      algorithm: 'leastconn',
      sticky: { mode: 'cookie', cookieName: 'SERVERID' },
      healthCheck: { type: 'http', path: '/up', fall: 9 },
    });
    expect(spec).toMatchObject({ algorithm: 'roundrobin', healthCheck: { type: 'tcp', fall: 3 } });
    expect(spec).not.toHaveProperty('sticky');
    expect((await run(api, 'health-check unset web-lb --pool api'))?.pools['api']?.healthCheck.type).toBe(
      'tcp',
    );
    expect((await run(api, 'sticky unset web-lb --pool api'))?.pools['api']).not.toHaveProperty('sticky');
  });

  test('are listed with their pool, or alone', async () => {
    const { env } = await withPool();
    await runCli('lb show web-lb', { env });
    expect((await runCli('lb backend list web-lb', { env })).out).toMatch(
      /^TARGET +POOL +WEIGHT .*\nweb-1:8080 +default +1 .*\napi-1:80 +api +1 .*\nweb-1:8080 +api /,
    );
    expect((await runCli('lb backend list web-lb --pool api -o name', { env })).out).toBe(
      'api-1:80\nweb-1:8080\n',
    );
    expect((await runCli('lb show web-lb', { env })).out).toMatch(/ {2}TARGET +POOL +STATE/);
    expect((await runCli('lb list', { env })).out).toMatch(/ 3\/3 /);
  });

  test.each([
    'backend add web-lb x:1 --pool apo',
    'backend add web-lb x:1 --pool apo --health-check tcp:5s',
    'backend set web-lb web-1:8080 --weight 2 --pool apo',
    'backend drain web-lb web-1:8080 --pool apo',
    'backend list web-lb --pool apo',
    'algorithm set web-lb random --pool apo',
    'health-check set web-lb tcp:5s --pool apo',
    'sticky set web-lb --mode cookie --pool apo',
    'sticky unset web-lb --pool apo',
  ])('of a pool that is not there are not made by mistake: %s', async (line) => {
    const api = await withPool();
    const { code, err } = await runCli(`lb ${line}`, { env: api.env });
    expect(code).toBe(3);
    expect(err).toContain('web-lb has no pool apo');
    expect(err).toContain('Hint: Did you mean: api\n');
    expect(api.writes()).toEqual([]);
  });

  test('are not taken for those of another', async () => {
    const { env } = await withPool();
    const { code, err } = await runCli('lb backend drain web-lb api-1:80', { env });
    expect(code).toBe(3);
    expect(err).toContain('Hint: It is in the pool api: add --pool api\n');
  });

  test('warn when clients reach the pool and none takes traffic', async () => {
    const { env } = await withPool();
    const line = 'lb backend drain web-lb api-1:80 web-1:8080 --pool api';
    expect((await runCli(line, { env })).err).not.toContain('Warning');
    await runCli('lb route add web-lb --path-prefix /api --pool api', { env });
    const { code, err } = await runCli(line, { env });
    expect(code).toBe(0);
    expect(err).toContain('Warning: no backend of the pool api of web-lb takes traffic');
    expect(err).toContain('Next: agentmetal lb backend enable web-lb api-1:80 --pool api\n');
  });
});

describe('TLS to backends and the PROXY protocol', () => {
  test('are said when adding and when setting, and taken back', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    const file = join(await temporaryHome(), 'ca.pem');
    await writeFile(file, CA_CERTIFICATE);
    const added = await runCli(
      `lb backend add web-lb web-2:443 --tls-ca-file ${file} --tls-server-name web.internal --send-proxy v2`,
      { env },
    );
    expect(added.code).toBe(0);
    expect(api.writes()[0]?.body).toEqual([
      { target: 'web-2:443', sendProxy: 'v2', tls: { serverName: 'web.internal', ca: CA_CERTIFICATE } },
    ]);
    await runCli('lb backend add web-lb web-3:443 --tls', { env });
    expect(api.writes()[1]?.body).toEqual([{ target: 'web-3:443', tls: {} }]);
    await runCli('lb backend add web-lb web-4:443 --no-tls-verify', { env });
    expect(api.writes()[2]?.body).toEqual([{ target: 'web-4:443', tls: { verify: false } }]);
    await runCli('lb backend set web-lb web-2:443 --tls-verify --send-proxy off', { env });
    expect(api.writes()[3]?.body).toEqual({ tls: { verify: true }, sendProxy: null });
    await runCli('lb backend set web-lb web-2:443 --no-tls', { env });
    expect(api.writes()[4]?.body).toEqual({ tls: null });
    expect((await runCli('lb backend set web-lb web-2:443 --no-tls --tls-server-name x', { env })).code).toBe(
      2,
    );
    const missing = await runCli('lb backend add web-lb web-5:443 --tls-ca-file /nonexistent', { env });
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('/nonexistent cannot be read') });
  });

  test('of one that is there are compared as far as they are said', async () => {
    const { env } = await startWithWebLb();
    const line = 'lb backend add web-lb web-2:443 --tls-server-name web.internal';
    await runCli(line, { env });
    expect((await runCli(`${line} --health-check tcp:5s`, { env })).code).toBe(0);
    const other = 'lb backend add web-lb web-2:443 --tls-server-name other --health-check tcp:5s';
    expect((await runCli(other, { env })).code).toBe(4);
  });
});

describe('draining to the end', () => {
  const line = 'lb backend drain web-lb web-1:8080 --wait';

  test('tells what is left until nothing is, once every node has reported anew', async () => {
    const api = await startWithWebLb();
    await runCli('lb show web-lb', { env: api.env });
    api.nodes.sessions = [0, 0, 0, 3, 1, 0];
    const { code, out, err } = await runCli(line, { env: api.env });
    expect(code).toBe(0);
    expect(out).toContain('Load balancer web-lb updated, revision 2');
    expect(err).toContain(
      'web-1:8080: 3 requests or connections left\nweb-1:8080: 1 request or connection left\nweb-1:8080: nothing left\n',
    );
  });

  test('ends with 7 and what is left when that takes too long', async () => {
    const api = await startWithWebLb();
    api.nodes.sessions = [2];
    const { code, err } = await runCli(`${line} --max 20ms`, { env: api.env });
    expect(code).toBe(7);
    expect(err).toContain('Error: not drained after 20ms: web-1:8080: 2 requests or connections left');
    expect(err).toContain(
      'Hint: They go on. Wait further: agentmetal lb backend drain web-lb web-1:8080 --wait\n',
    );
  });

  test('waits for nodes that do not tell', async () => {
    const api = await startWithWebLb();
    const { code, err } = await runCli(`${line} --max 20ms`, { env: api.env });
    expect(code).toBe(7);
    expect(err).toContain('no node has told what is open');
  });

  test('is not asked for by default, with --no-wait or in a dry run', async () => {
    const api = await startWithWebLb();
    api.nodes.sessions = [2];
    const { env } = api;
    for (const flags of ['', '--no-wait', '--wait --dry-run'])
      expect((await runCli(`lb backend drain web-lb web-1:8080 ${flags}`.trim(), { env })).code).toBe(0);
    expect((await runCli(`${line} --max soon`, { env })).code).toBe(2);
  });

  test('goes on though something else is not well, and says so at the end', async () => {
    const api = await startWithWebLb();
    await runCli('lb backend add web-lb web-2:8080 -q', { env: api.env });
    api.nodes.backendState = (target) => (target === 'web-2:8080' ? 'down' : 'up');
    api.nodes.sessions = [1, 1, 0];
    const { code, err } = await runCli(line, { env: api.env });
    expect(code).toBe(8);
    expect(err).toContain('web-1:8080: nothing left\n');
  });
});

describe('a target that is not there', () => {
  test.each([
    ['web-1', 'Did you mean: web-1:8080'],
    ['web-1:80', 'Did you mean: web-1:8080'],
    ['wbe-1:8080', 'Did you mean: web-1:8080'],
    ['db:5432', 'agentmetal lb backend list web-lb'],
  ])('%s', async (target, hint) => {
    const { env } = await startWithWebLb();
    const { code, err } = await runCli(`lb backend drain web-lb ${target}`, { env });
    expect(code).toBe(3);
    expect(err).toContain(`  Hint: ${hint}\n`);
  });
});

describe('a load balancer without a backend that takes traffic', () => {
  const WARNING =
    'Warning: no backend of web-lb takes traffic: each is drained or has weight 0. Clients get an error until one does.\n';

  test.each([
    ['drain web-lb web-1:8080', 'agentmetal lb backend enable web-lb web-1:8080'],
    ['set web-lb web-1:8080 --weight 0', 'agentmetal lb backend set web-lb web-1:8080 --weight 1'],
    [
      'set web-lb web-1:8080 --weight 0 --drain',
      'agentmetal lb backend set web-lb web-1:8080 --weight 1 --no-drain',
    ],
  ])('after %s', async (line, next) => {
    const { env } = await startWithWebLb();
    const { code, err } = await runCli(`lb backend ${line}`, { env });
    expect(code).toBe(0);
    expect(err.endsWith(`${WARNING}Next: ${next}\n`)).toBe(true);
  });

  test('is told of with --quiet and --no-wait too, and is no failure', async () => {
    const api = await startWithWebLb();
    api.nodes.backendState = () => 'down';
    const { env } = api;
    const line = 'lb backend drain web-lb web-1:8080';
    expect(await runCli(`${line} -q -o name`, { env })).toEqual({ code: 0, out: 'web-lb\n', err: WARNING });
    expect((await runCli(`${line} --no-wait`, { env })).err).toContain(WARNING);
  });
});

describe('the health check', () => {
  test('as text replaces the whole; flags amend', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    await runCli('lb health-check set web-lb "http:/health:1s" --fall 5', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({
      type: 'http',
      path: '/health',
      interval: '1s',
      timeout: '500ms',
      fall: 5,
    });
    await runCli('lb health-check set web-lb --expect-status 204 --check-timeout 300ms', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({
      path: '/health',
      fall: 5,
      expectStatus: '204',
      timeout: '300ms',
    });
    await runCli('lb health-check set web-lb --type tcp', { env });
    const tcp = api.loadBalancers.get('web-lb')?.spec.healthCheck;
    expect(tcp).toMatchObject({ type: 'tcp', interval: '1s', timeout: '300ms', fall: 5, rise: 2 });
    expect(tcp).not.toHaveProperty('path');
    await runCli('lb health-check set web-lb --path /x', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'http', path: '/x' });
    await runCli('lb health-check unset web-lb', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'tcp', interval: '5s' });
    expect((await runCli('lb health-check set web-lb', { env })).code).toBe(2);
  });
});
