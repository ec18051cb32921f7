import { describe, expect, test } from 'vitest';
import { startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../../test/support/cli/run-cli.ts';

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
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toEqual({
      type: 'tcp',
      interval: '1s',
      timeout: '300ms',
      fall: 5,
      rise: 2,
    });
    await runCli('lb health-check set web-lb --path /x', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'http', path: '/x' });
    await runCli('lb health-check unset web-lb', { env });
    expect(api.loadBalancers.get('web-lb')?.spec.healthCheck).toMatchObject({ type: 'tcp', interval: '5s' });
    expect((await runCli('lb health-check set web-lb', { env })).code).toBe(2);
  });
});
