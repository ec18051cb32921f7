import { describe, expect, it } from 'vitest';
import {
  CHECK,
  failing,
  guardEnd,
  guardSpec,
  serving,
  startClients,
  want,
} from '../../../test/support/guard.ts';
import { createScene } from '../../../test/support/scene.ts';

const scene = await createScene();

describe('a guarded change', () => {
  it('that nothing speaks against passes, by the runtime API and by a reload, with the numbers', async () => {
    const { balancer, good } = await serving(scene);
    for (const change of [{ algorithm: 'leastconn' }, { backends: [{ target: good.target, weight: 9 }] }]) {
      want(balancer, guardSpec(good.target, change), 2500);
      const { verdict, reason, view } = await guardEnd(balancer);
      expect({ verdict, reason }).toEqual({
        verdict: 'passed',
        reason: expect.stringMatching(
          /^nothing got worse in 2500ms: 0\.0 % of \d+ requests failed \(0\.0 % before\), 1 of 1 backends healthy, \d+ ms \(\d+ ms before\)$/,
        ),
      });
      expect(view?.after.requests).toBeGreaterThan(20);
    }
  });

  it('that sends clients to a backend that answers 500 is found out by the share of 5xx', async () => {
    const { balancer } = await serving(scene);
    const bad = await failing(scene);
    want(balancer, guardSpec(bad.target), 20_000);
    const { verdict, reason } = await guardEnd(balancer);
    expect({ verdict, reason }).toEqual({
      verdict: 'violated',
      reason: expect.stringMatching(
        /the share of 5xx answers rose from 0\.0 % to \d+\.\d % \(\d+ of \d+ requests\)/,
      ),
    });
  });

  it('whose backends fail their checks is found out by the pool, without any traffic', async () => {
    const balancer = scene.balancer();
    const backends = [await scene.backend('one'), await scene.backend('two')];
    for (const backend of backends) backend.health.status = 200;
    const both = { backends: backends.map(({ target }) => ({ target })) };
    await balancer.start(guardSpec('', both));
    // The test's backends answer every check alike, so that the wrong expectation stands for the wrong path.
    want(balancer, guardSpec('', { ...both, healthCheck: { ...CHECK, expectBody: 'not there' } }), 20_000);
    const { verdict, reason, view } = await guardEnd(balancer);
    expect(verdict).toBe('violated');
    expect(reason).toMatch(
      /^(no backend|[01] of the 2 backends) of pool default .*127\.0\.0\.1:\d+ is down: /,
    );
    expect(view?.after.requests).toBe(0);
  });

  it('that makes answers slow is found out by the time', async () => {
    const { balancer } = await serving(scene);
    const slow = await scene.backend({
      name: 'slow',
      handle: (_request, response) => void setTimeout(() => response.end('slow'), 150),
    });
    startClients(scene, balancer);
    startClients(scene, balancer);
    want(balancer, guardSpec(slow.target), 30_000);
    const { verdict, reason } = await guardEnd(balancer);
    expect({ verdict, reason }).toEqual({
      verdict: 'violated',
      reason: expect.stringMatching(/^the average response time rose from/),
    });
    const [, before, after] = /rose from (\d+) ms to (\d+) ms over \d+ requests/.exec(reason) ?? [];
    expect(Number(before)).toBeLessThan(50);
    expect(Number(after)).toBeGreaterThan(120);
    expect(Number(after)).toBeLessThan(220);
  });

  it('that drains and removes backends is not at fault for their going', async () => {
    const { balancer, good } = await serving(scene);
    const others = [await scene.backend('b'), await scene.backend('c'), await scene.backend('d')];
    const all = [good, ...others].map(({ target }) => ({ target }));
    await balancer.start(guardSpec('', { backends: all }));
    const [first, second] = all;
    want(balancer, guardSpec('', { backends: [first, { ...second, drain: true }] }), 2500);
    expect(await guardEnd(balancer)).toMatchObject({ verdict: 'passed', view: { healthy: 1, total: 1 } });
  });

  it('may give 5xx on purpose: what the frontend answers itself is no failure', async () => {
    const { balancer, good } = await serving(scene);
    want(balancer, guardSpec(good.target, { maintenance: {} }), 2500);
    expect(await guardEnd(balancer)).toMatchObject({ verdict: 'passed', view: { after: { requests: 0 } } });
    expect((await balancer.ask()).status).toBe(503);
  });

  it('of a tcp load balancer is found out by connections that reach no backend', async () => {
    const balancer = scene.balancer();
    const backend = await scene.tcpBackend('one');
    const tcp = { type: 'tcp', port: 8080, backends: [{ target: backend.target }] };
    // Passive checks would take the backend out, and the pool's health would tell first.
    const check = { type: 'tcp', interval: '1h', timeout: '200ms', passive: { errors: 0 } };
    await balancer.start({ ...tcp, healthCheck: check });
    want(balancer, { ...tcp, healthCheck: check, retries: 0 }, 20_000);
    await backend.stop();
    startClients(scene, balancer);
    const { verdict, reason } = await guardEnd(balancer);
    expect({ verdict, reason }).toEqual({
      verdict: 'violated',
      reason: expect.stringContaining('the share of connections that reach no backend rose from 0.0 %'),
    });
  });
});
