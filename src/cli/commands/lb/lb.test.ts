import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startFakeApi, startWithWebLb } from '../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../test/support/cli/run-cli.ts';

describe('the lines of the product page', () => {
  test('create, add backends, set TLS', async () => {
    const api = await startFakeApi();
    const { env } = api;
    const created = await runCli('lb create \\\n  --name web-lb \\\n  --type http \\\n  --vpc prod', { env });
    expect(created).toEqual({
      code: 0,
      out: 'Load balancer web-lb created (lb_web-lb)\nAddress: 127.80.0.1\n',
      err: 'validated ✓\nrevision 1\napplied on local: runtime, 12 ms\nNext: agentmetal lb backend add web-lb --target HOST:PORT --health-check "http:/health:5s"\n',
    });
    const added = await runCli(
      'lb backend add web-lb --target web-1:8080 --target web-2:8080 --health-check "http:/health:5s"',
      { env },
    );
    expect(added).toEqual({
      code: 0,
      out: 'Load balancer web-lb updated, revision 2\nAddress: 127.80.0.1\n',
      err: 'health check: GET /health over http every 5s\nvalidated ✓\nrevision 2\napplied on local: runtime, 12 ms\nweb-1:8080 up\nweb-2:8080 up\nNext: curl http://127.80.0.1/\n',
    });
    expect((await runCli('lb tls set web-lb --domain app.example.com', { env })).code).toBe(0);
    expect(api.writes().map(({ method, path, body }) => ({ method, path, body }))).toMatchObject([
      {
        method: 'POST',
        path: '/v1/load-balancers',
        body: { name: 'web-lb', labels: {}, spec: { type: 'http', vpc: 'prod' } },
      },
      { method: 'PATCH', path: '/v1/load-balancers/lb_web-lb' },
      { method: 'PATCH', body: { spec: { tls: { domain: 'app.example.com', domains: null } } } },
    ]);
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({
      type: 'http',
      path: '/health',
      interval: '5s',
      timeout: '2s',
    });
  });

  test('a tcp load balancer', async () => {
    const api = await startFakeApi();
    expect(
      (await runCli('lb create --name db-lb --type tcp --port 5432 --vpc prod', { env: api.env })).code,
    ).toBe(0);
    expect(api.writes()[0]?.body).toEqual({
      name: 'db-lb',
      labels: {},
      spec: { type: 'tcp', vpc: 'prod', port: 5432 },
    });
  });
});

describe('output', () => {
  test('of lb list', async () => {
    const { env } = await startWithWebLb();
    const table = await runCli('lb list', { env });
    expect(table.out).toMatch(
      /^NAME +TYPE +STATE +ADDRESSES +BACKENDS +REVISION +AGE\nweb-lb +http +active +127.80.0.1 +1\/1 +1 +\d+[smhd]\n$/,
    );
    const states = async () => (await runCli('lb list --no-header', { env })).out;
    expect((await runCli('lb backend drain web-lb web-1:8080', { env })).code).toBe(0);
    expect(await states()).toContain(' (drained) ');
    expect((await runCli('lb maintenance on web-lb', { env })).code).toBe(0);
    expect(await states()).toContain(' (maintenance) ');
    expect((await runCli('-o name lb list', { env })).out).toBe('web-lb\n');
    expect((await runCli('lb list --no-header', { env })).out).toMatch(/^web-lb/);
    expect(JSON.parse((await runCli('lb list -o json', { env })).out)).toMatchObject({
      items: [{ name: 'web-lb' }],
      nextCursor: null,
    });
    expect(parse((await runCli('lb list -o yaml', { env })).out)).toMatchObject({
      items: [{ name: 'web-lb' }],
    });
  });

  test('of an empty list says what to do on stderr', async () => {
    const { env } = await startFakeApi();
    expect(await runCli('lb list', { env })).toEqual({
      code: 0,
      out: '',
      err: expect.stringContaining('agentmetal lb create'),
    });
  });

  test('of a selector that matches nothing', async () => {
    const api = await startWithWebLb();
    for (const path of ['load-balancers', 'vpcs'])
      api.answers.set(`GET /v1/${path}`, { body: { items: [], nextCursor: null } });
    const { env } = api;
    expect((await runCli('lb list -l env=prod', { env })).err).toBe(
      'No load balancer matches env=prod. All of them: agentmetal lb list\n',
    );
    expect((await runCli('vpc list -l env=prod', { env })).err).toBe(
      'No VPC matches env=prod. All of them: agentmetal vpc list\n',
    );
    expect(api.requests.map(({ query }) => query['labelSelector'])).toEqual(['env=prod', 'env=prod']);
  });

  test('of a revision that is no number', async () => {
    const { env } = await startWithWebLb();
    expect(await runCli('lb restore web-lb abc', { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining('Hint: agentmetal lb revisions web-lb\n'),
    });
  });

  test('of lb show, health, backend list and revisions', async () => {
    const { env, answers } = await startWithWebLb();
    const { out } = await runCli('lb show web-lb', { env });
    expect(out).toContain('State:               active');
    expect(out).toContain('Revision:            1 (live)');
    expect(out).toContain('Certificate:         none; 443 answers with a self-signed placeholder\n');
    expect(out).toMatch(/Backends:\n {2}TARGET +STATE +SINCE +WEIGHT +REASON\n {2}web-1:8080 +up/);
    answers.set('GET /v1/load-balancers/web-lb/health', { body: { state: 'active', backends: [] } });
    expect((await runCli('lb health web-lb -o json', { env })).out).toContain('"state": "active"');
    expect((await runCli('lb backend list web-lb', { env })).out).toMatch(
      /^TARGET +WEIGHT .*\nweb-1:8080 +1 /,
    );
    const revision = await runCli('lb revisions web-lb 1', { env });
    expect(revision.out).toContain('applied on local: runtime, 12 ms');
    expect((await runCli('lb revisions web-lb x', { env })).code).toBe(2);
  });

  test('of the JSON of a write is the object, and progress stays on stderr', async () => {
    const { env } = await startWithWebLb();
    const { out } = await runCli('lb algorithm set web-lb leastconn -o json', { env });
    expect(JSON.parse(out)).toMatchObject({
      name: 'web-lb',
      revision: 2,
      spec: { algorithm: 'leastconn' },
      status: { observedRevision: 2 },
    });
    expect(await runCli('lb algorithm set web-lb random -o name -q', { env })).toEqual({
      code: 0,
      out: 'web-lb\n',
      err: '',
    });
  });

  test('of the configuration as plain text', async () => {
    const { env, answers } = await startWithWebLb();
    answers.set('GET /v1/load-balancers/web-lb/config', { text: 'global\n  daemon\n' });
    expect((await runCli('lb config web-lb', { env })).out).toBe('global\n  daemon\n');
  });

  test('of --debug shows requests without the key', async () => {
    const { env } = await startWithWebLb();
    const { err } = await runCli('lb show web-lb --debug', { env });
    expect(err).toMatch(/debug: GET http:\S+\/v1\/load-balancers\/web-lb -> 200, \d+ ms/);
    expect(err).not.toContain(env['AGENTMETAL_API_KEY']);
  });
});
