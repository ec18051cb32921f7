import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type FakeApi, startFakeApi } from '../../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../../test/support/cli/run-cli.ts';

async function withWebLb(): Promise<FakeApi> {
  const api = await startFakeApi();
  await runCli('lb create --name web-lb --type http --target web-1:8080 -q', { env: api.env });
  api.requests.length = 0;
  return api;
}

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
    const added = await runCli('lb backend add web-lb --target web-1:8080 --target web-2:8080 --health-check "http:/health:5s"', { env });
    expect(added).toEqual({
      code: 0,
      out: 'Load balancer web-lb updated, revision 2\nAddress: 127.80.0.1\n',
      err: 'health check: GET /health over http every 5s\nvalidated ✓\nrevision 2\napplied on local: runtime, 12 ms\nweb-1:8080 up\nweb-2:8080 up\nNext: curl http://127.80.0.1/\n',
    });
    expect((await runCli('lb tls set web-lb --domain app.example.com', { env })).code).toBe(0);
    expect(api.writes().map(({ method, path, body }) => ({ method, path, body }))).toMatchObject([
      { method: 'POST', path: '/v1/load-balancers', body: { name: 'web-lb', labels: {}, spec: { type: 'http', vpc: 'prod' } } },
      { method: 'PATCH', path: '/v1/load-balancers/lb_web-lb' },
      { method: 'PATCH', body: { spec: { tls: { domain: 'app.example.com', domains: null } } } },
    ]);
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'http', path: '/health', interval: '5s', timeout: '2s' });
  });

  test('a tcp load balancer', async () => {
    const api = await startFakeApi();
    expect((await runCli('lb create --name db-lb --type tcp --port 5432 --vpc prod', { env: api.env })).code).toBe(0);
    expect(api.writes()[0]?.body).toEqual({ name: 'db-lb', labels: {}, spec: { type: 'tcp', vpc: 'prod', port: 5432 } });
  });
});

describe('output', () => {
  test('of lb list', async () => {
    const { env } = await withWebLb();
    const table = await runCli('lb list', { env });
    expect(table.out).toMatch(/^NAME +TYPE +STATE +ADDRESSES +BACKENDS +REVISION +AGE\nweb-lb +http +active +127.80.0.1 +1\/1 +1 +\d+[smhd]\n$/);
    expect((await runCli('-o name lb list', { env })).out).toBe('web-lb\n');
    expect((await runCli('lb list --no-header', { env })).out).toMatch(/^web-lb/);
    expect(JSON.parse((await runCli('lb list -o json', { env })).out)).toMatchObject({ items: [{ name: 'web-lb' }], nextCursor: null });
    expect(parse((await runCli('lb list -o yaml', { env })).out)).toMatchObject({ items: [{ name: 'web-lb' }] });
  });

  test('of an empty list says what to do on stderr', async () => {
    const { env } = await startFakeApi();
    expect(await runCli('lb list', { env })).toEqual({ code: 0, out: '', err: expect.stringContaining('agentmetal lb create') });
  });

  test('of lb show, health, backend list and revisions', async () => {
    const { env, answers } = await withWebLb();
    const { out } = await runCli('lb show web-lb', { env });
    expect(out).toContain('State:               active');
    expect(out).toContain('Revision:            1 (live)');
    expect(out).toMatch(/Backends:\n {2}TARGET +STATE +SINCE +WEIGHT +REASON\n {2}web-1:8080 +up/);
    answers.set('GET /v1/load-balancers/web-lb/health', { body: { state: 'active', backends: [] } });
    expect((await runCli('lb health web-lb -o json', { env })).out).toContain('"state": "active"');
    expect((await runCli('lb backend list web-lb', { env })).out).toMatch(/^TARGET +WEIGHT .*\nweb-1:8080 +1 /);
    const revision = await runCli('lb revisions web-lb 1', { env });
    expect(revision.out).toContain('applied on local: runtime, 12 ms');
    expect((await runCli('lb revisions web-lb x', { env })).code).toBe(2);
  });

  test('of the JSON of a write is the object, and progress stays on stderr', async () => {
    const { env } = await withWebLb();
    const { out } = await runCli('lb algorithm set web-lb leastconn -o json', { env });
    expect(JSON.parse(out)).toMatchObject({ name: 'web-lb', revision: 2, spec: { algorithm: 'leastconn' }, status: { observedRevision: 2 } });
    expect((await runCli('lb algorithm set web-lb random -o name -q', { env }))).toEqual({ code: 0, out: 'web-lb\n', err: '' });
  });

  test('of the configuration as plain text', async () => {
    const { env, answers } = await withWebLb();
    answers.set('GET /v1/load-balancers/web-lb/config', { text: 'global\n  daemon\n' });
    expect((await runCli('lb config web-lb', { env })).out).toBe('global\n  daemon\n');
  });

  test('of --debug shows requests without the key', async () => {
    const { env } = await withWebLb();
    const { err } = await runCli('lb show web-lb --debug', { env });
    expect(err).toMatch(/debug: GET http:\S+\/v1\/load-balancers\/web-lb -> 200, \d+ ms/);
    expect(err).not.toContain(env['AGENTMETAL_API_KEY']);
  });
});

describe('exit codes', () => {
  test('fields are listed under one line', async () => {
    const api = await withWebLb();
    const errors = [{ pointer: '/spec/vpc', code: 'not_found', detail: 'there is no VPC nope' }];
    const body = { code: 'validation_failed', detail: '/spec/vpc: there is no VPC nope', errors, requestId: 'req_1' };
    api.answers.set('POST /v1/load-balancers', { status: 422, body });
    const { err } = await runCli('lb create x --type http', { env: api.env });
    expect(err).toBe('Error: one field is not valid (validation_failed)\n  - spec.vpc: there is no VPC nope\n  Request: req_1\n');
  });

  test('3 for what is not there, 4 for what is there, 2 for bad fields', async () => {
    const { env } = await withWebLb();
    expect(await runCli('lb show other', { env })).toEqual({
      code: 3,
      out: '',
      err: 'Error: there is no load balancer other (not_found)\n  Hint: agentmetal lb list\n  Request: req_fake\n',
    });
    expect((await runCli('lb create --name web-lb --type http', { env })).code).toBe(4);
    const bad = await runCli('lb create --name bad --type http --target nonsense --target web-1:99999', { env });
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('  - spec.backends[0].target: must be host:port');
    expect(bad.err).toContain('  - spec.backends[1].target: must be host:port');
    expect(JSON.parse((await runCli('lb show other -o json', { env })).err)).toMatchObject({ code: 'not_found', requestId: 'req_fake' });
  });

  test('1 when a node cannot apply it', async () => {
    const api = await withWebLb();
    api.nodes.outcome = 'failed';
    const { code, err } = await runCli('lb update web-lb --port 8080', { env: api.env });
    expect(code).toBe(1);
    expect(err).toContain('Error: revision 2 of web-lb failed on local: port 80 is taken by nginx; the last good state is serving (port_in_use)\n  Hint: Stop nginx');
  });

  test('7 when it is not live in time, and when a check does not answer', async () => {
    const api = await withWebLb();
    api.nodes.looksUntilLive = 100_000;
    const late = await runCli('lb update web-lb --port 8080 --timeout 20ms', { env: api.env });
    expect(late.code).toBe(7);
    expect(late.err).toContain('revision 2 of web-lb is not live after 20ms');
    api.nodes.looksUntilLive = 1;
    api.nodes.backendState = () => 'checking';
    const unchecked = await runCli('lb update web-lb --port 8081 --timeout 20ms', { env: api.env });
    expect(unchecked.code).toBe(7);
    expect(unchecked.err).toContain('is live, but after 20ms web-1:8080 still has no settled state');
  });

  test('8 when it is live but backends are down', async () => {
    const api = await withWebLb();
    api.nodes.backendState = (target) => (target === 'web-2:8080' ? 'unresolved' : 'up');
    const { code, out, err } = await runCli('lb backend add web-lb --target web-2:8080', { env: api.env });
    expect(code).toBe(8);
    expect(out).toContain('revision 2');
    expect(err).toContain('web-2:8080 unresolved: connection refused');
    expect(err).toContain('Error: revision 2 of web-lb is live, but its state is degraded: 1 of 2 backends is not up (degraded)');
    expect(err).toContain('Hint: Tell the VPC where web-2 is: agentmetal vpc host add default web-2 ADDRESS');
  });

  test('130 after Ctrl-C, and the change goes on', async () => {
    const api = await withWebLb();
    api.nodes.looksUntilLive = 100_000;
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 50);
    const { code, err } = await runCli('lb update web-lb --port 8080', { env: api.env, signal: interrupt.signal });
    expect(code).toBe(130);
    expect(err).toContain('interrupted');
    expect(api.loadBalancers.get('web-lb')?.spec.port).toBe(8080);
  });
});

describe('a write', () => {
  test('that changes nothing says so', async () => {
    const { env } = await withWebLb();
    const { code, out, err } = await runCli('lb algorithm set web-lb roundrobin', { env });
    expect({ code, out }).toEqual({ code: 0, out: 'Load balancer web-lb unchanged, revision 1\nAddress: 127.80.0.1\n' });
    expect(err).toContain('nothing to change');
  });

  test('with --no-wait does not look again', async () => {
    const api = await withWebLb();
    api.nodes.looksUntilLive = 100_000;
    expect((await runCli('lb update web-lb --port 8080 --no-wait', { env: api.env })).code).toBe(0);
    expect(api.requests.at(-1)?.method).toBe('PATCH');
  });

  test('with --dry-run shows differences and plan, and changes nothing', async () => {
    const api = await withWebLb();
    const { code, out } = await runCli('lb update web-lb --algorithm leastconn --dry-run', { env: api.env });
    expect(code).toBe(0);
    expect(out).toBe(
      'This would make revision 2 of web-lb. Nothing was changed.\n\nDifferences:\n  ~ spec.algorithm: roundrobin -> leastconn\n\nPlan: runtime (nothing reloads)\n  runtime  adds what is new\n',
    );
    expect(api.loadBalancers.get('web-lb')?.revision).toBe(1);
    expect((await runCli('lb plan web-lb --algorithm leastconn', { env: api.env })).out).toBe(out);
    expect(JSON.parse((await runCli('lb plan web-lb --port 81 -o json', { env: api.env })).out)).toMatchObject({ dryRun: true });
    expect((await runCli('lb plan web-lb', { env: api.env })).code).toBe(2);
  });

  test('of labels, name and protection is a merge patch', async () => {
    const api = await withWebLb();
    await runCli('lb update web-lb --name shop --label a=1 --label b=2 --unlabel c --deletion-protection --no-wait', { env: api.env });
    expect(api.writes()[0]?.body).toEqual({ name: 'shop', labels: { a: '1', b: '2', c: null }, spec: { deletionProtection: true } });
    await runCli('lb update shop --no-deletion-protection --no-wait', { env: api.env });
    expect(api.writes()[1]?.body).toEqual({ spec: { deletionProtection: false } });
  });
});

describe('backends', () => {
  test('without a check are added by their own path', async () => {
    const api = await withWebLb();
    await runCli('lb backend add web-lb web-2:8080 --target web-3:8080 --weight 0 --backup', { env: api.env });
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
    const api = await withWebLb();
    api.nodes.overtaken = 2;
    const { code } = await runCli('lb backend add web-lb --target web-2:8080 --health-check tcp:5s', { env: api.env });
    expect(code).toBe(0);
    expect(api.writes().map(({ headers }) => headers['if-match'])).toEqual(['"1"', '"2"', '"3"']);
    expect(api.loadBalancers.get('web-lb')?.spec.backends.map(({ target }) => target)).toEqual(['web-1:8080', 'web-2:8080']);
  });

  test('that are there already stay, unless they are to be otherwise', async () => {
    const { env } = await withWebLb();
    const line = 'lb backend add web-lb --target WEB-1:8080 --health-check tcp:5s';
    expect((await runCli(line, { env })).code).toBe(0);
    const { code, err } = await runCli(`${line} --weight 7`, { env });
    expect(code).toBe(4);
    expect(err).toContain('Hint: Change it: agentmetal lb backend set web-lb web-1:8080');
  });

  test('are set, drained, enabled and removed', async () => {
    const api = await withWebLb();
    const { env } = api;
    await runCli('lb backend add web-lb web-2:8080', { env });
    expect((await runCli('lb backend set web-lb web-1:8080 --weight 5 --no-backup', { env })).code).toBe(0);
    expect(api.writes().at(-1)).toMatchObject({ method: 'PATCH', path: '/v1/load-balancers/lb_web-lb/backends/web-1:8080', body: { weight: 5, backup: false } });
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

describe('the health check', () => {
  test('as text replaces the whole; flags amend', async () => {
    const api = await withWebLb();
    const { env } = api;
    await runCli('lb health-check set web-lb "http:/health:1s" --fall 5', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'http', path: '/health', interval: '1s', timeout: '500ms', fall: 5 });
    await runCli('lb health-check set web-lb --expect-status 204 --check-timeout 300ms', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ path: '/health', fall: 5, expectStatus: '204', timeout: '300ms' });
    await runCli('lb health-check set web-lb --type tcp', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toEqual({ type: 'tcp', interval: '1s', timeout: '300ms', fall: 5, rise: 2 });
    await runCli('lb health-check set web-lb --path /x', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'http', path: '/x' });
    await runCli('lb health-check unset web-lb', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'tcp', interval: '5s' });
    expect((await runCli('lb health-check set web-lb', { env })).code).toBe(2);
  });
});

describe('files', () => {
  test('an export is taken back unchanged, and differences are shown', async () => {
    const api = await withWebLb();
    const { env } = api;
    const { out: exported } = await runCli('lb export web-lb', { env });
    expect(Object.keys(parse(exported) as object)).toEqual(['name', 'labels', 'spec']);
    expect((await runCli('lb apply -f -', { env, stdin: exported })).out).toContain('web-lb unchanged');
    expect((await runCli('lb diff -f -', { env, stdin: exported })).out).toBe('web-lb: no differences\n');
    const changed = exported.replace('roundrobin', 'leastconn');
    expect(await runCli('lb diff -f -', { env, stdin: changed })).toMatchObject({ code: 0, out: expect.stringContaining('roundrobin -> leastconn') });
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

  test.each([
    ['', 'holds nothing'],
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
    const { env } = await withWebLb();
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
    const api = await withWebLb();
    const { code, err } = await runCli('lb delete web-lb', { env: api.env });
    expect(code).toBe(2);
    expect(err).toContain('Add --yes');
    expect(api.writes()).toEqual([]);
    expect((await runCli('lb delete web-lb --yes', { env: api.env })).out).toBe('Load balancer web-lb deleted\n');
    expect(api.loadBalancers.size).toBe(0);
  });

  test('on a terminal needs the name typed', async () => {
    const api = await withWebLb();
    const wrong = await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: 'web\n' });
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('Type web-lb to confirm') });
    expect((await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: '' })).code).toBe(1);
    expect(api.loadBalancers.size).toBe(1);
    expect((await runCli('lb delete web-lb', { env: api.env, terminal: true, stdin: 'web-lb\n' })).code).toBe(0);
  });

  test('can be planned', async () => {
    const { env } = await withWebLb();
    expect((await runCli('lb delete web-lb --dry-run', { env })).out).toContain('This would delete web-lb. Nothing was changed.');
  });
});
