import { describe, expect, test } from 'vitest';
import { startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../../test/support/cli/run-cli.ts';

describe('pools', () => {
  test('are made with their backends, check and algorithm', async () => {
    const api = await startWithWebLb();
    const { code, err } = await runCli(
      'lb pool create web-lb api --algorithm leastconn --health-check "http:/health:5s" --target api-1:80 --target api-2:80 --protocol http2 --slow-start 30s --fail-open',
      { env: api.env },
    );
    expect(code).toBe(0);
    expect(err).toContain('health check: GET /health over http every 5s\n');
    expect(err).toContain('api-1:80 (pool api) up\n');
    expect(api.loadBalancers.get('web-lb')?.spec.pools['api']).toMatchObject({
      algorithm: 'leastconn',
      backends: [{ target: 'api-1:80' }, { target: 'api-2:80' }],
      healthCheck: { type: 'http', path: '/health' },
      protocol: 'http2',
      slowStart: '30s',
      failOpen: true,
    });
  });

  test('are not made twice, and not over the one at the top', async () => {
    const { env } = await startWithWebLb();
    await runCli('lb pool create web-lb api', { env });
    for (const pool of ['api', 'default']) {
      const { code, err } = await runCli(`lb pool create web-lb ${pool} --algorithm random`, { env });
      expect(code).toBe(4);
      expect(err).toContain(`agentmetal lb backend add web-lb --pool ${pool} --target HOST:PORT\n`);
    }
    expect((await runCli('lb pool create web-lb Bad_Name', { env })).code).toBe(2);
  });

  test('are listed with what uses them', async () => {
    const { env } = await startWithWebLb();
    await runCli('lb pool create web-lb api --target api-1:80', { env });
    await runCli('lb sticky set web-lb --mode source-ip --pool api', { env });
    await runCli('lb route add web-lb --path-prefix /api --pool api --name one', { env });
    await runCli('lb route add web-lb --path-prefix /b --split api=1,default=1 --name two', { env });
    const { out } = await runCli('lb pool list web-lb', { env });
    expect(out).toMatch(/^POOL +BACKENDS +ALGORITHM +HEALTH-CHECK +STICKY +ROUTES\n/);
    expect(out).toMatch(/\ndefault +1\/1 +roundrobin +a tcp connection.* - +two\n/);
    expect(out).toMatch(/\napi +1\/1 +roundrobin .* source-ip, 30m +one, two\n$/);
    const { items } = JSON.parse((await runCli('lb pool list web-lb -o json', { env })).out) as {
      items: Record<string, unknown>[];
    };
    expect(items.map(({ name }) => name)).toEqual(['default', 'api']);
    expect(items[0]).not.toHaveProperty('routes');
  });

  test('are deleted, but not while routes send there', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    await runCli('lb pool create web-lb api', { env });
    await runCli('lb route add web-lb --path-prefix /api --pool api --name one', { env });
    const used = await runCli('lb pool delete web-lb api', { env });
    expect(used.code).toBe(4);
    expect(used.err).toContain('routes of web-lb send to the pool api: one');
    expect(used.err).toContain('agentmetal lb route remove web-lb one\n');
    await runCli('lb route remove web-lb one', { env });
    expect((await runCli('lb pool delete web-lb api --dry-run', { env })).code).toBe(0);
    expect(Object.keys(api.loadBalancers.get('web-lb')?.spec.pools ?? {})).toEqual(['api']);
    expect((await runCli('lb pool delete web-lb api', { env })).code).toBe(0);
    expect(api.loadBalancers.get('web-lb')?.spec.pools).toEqual({});
    expect((await runCli('lb pool delete web-lb api', { env })).code).toBe(3);
    expect((await runCli('lb pool delete web-lb default', { env })).code).toBe(2);
  });
});
