import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startLoad } from '../../../test/support/load.ts';
import { type Balancer, createScene, isChecked } from '../../../test/support/scene.ts';
import { createTestService, specOf } from '../../../test/support/service.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { GuardReport } from '../../api/agent.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import { detectLayout } from '../layout.ts';

const scene = await createScene();
const CHECK = { path: '/health', interval: '300ms', timeout: '200ms', fall: 2 };

/** Wants a spec with a guard, and does not wait for anything. */
function want({ test }: Balancer, spec: Record<string, unknown>, durationMs: number): void {
  const revision = test.desired.revision + 1;
  test.desired = { ...test.desired, revision, spec: specOf(spec), guard: { durationMs } };
  test.service.want(test.desired);
}

const guardEnd = ({ test }: Balancer): Promise<GuardReport> =>
  waitFor('the end of the guard', () => {
    const guard = test.service.guard();
    return guard?.revision === test.desired.revision && guard.verdict !== 'watching' ? guard : undefined;
  });

const isWatching = ({ test }: Balancer) =>
  waitFor('the watch to begin', () => (test.service.guard()?.view?.after.requests ?? 0) > 0);

const spec = (target: string, more: Record<string, unknown> = {}) => ({
  type: 'http',
  port: 8080,
  backends: [{ target }],
  healthCheck: CHECK,
  ...more,
});

async function failing() {
  return scene.backend({
    name: 'failing',
    handle: (_request, response) => void response.writeHead(500).end('no'),
  });
}

function load({ address }: Balancer): void {
  const clients = startLoad(`http://${address}:8080/`, 2);
  scene.after(() => clients.stop());
}

async function serving() {
  const [balancer, good] = [scene.balancer(), await scene.backend('good')];
  await balancer.start(spec(good.target));
  load(balancer);
  await waitFor('some traffic', () => good.requests.length > 60);
  return { balancer, good };
}

/** An agent that starts again on the same machine, as after a kill: nothing is handed over but what lies on disk. */
async function restartAgent(balancer: Balancer, observed = balancer.test.desired.revision): Promise<void> {
  const { desired } = balancer.test;
  await balancer.test.service.detach();
  balancer.test = createTestService(scene.directory, balancer.address, { revision: observed });
  balancer.test.desired = desired;
  balancer.test.service.want(desired);
  await isChecked(balancer.test);
}

const guardPath = ({ test }: Balancer) =>
  join(servicePaths(test.desired.id, detectLayout(`${scene.directory}/agent`, 0)).directory, 'guard.json');

describe('a guarded change', () => {
  it('that nothing speaks against passes, by the runtime API and by a reload, with the numbers', async () => {
    const { balancer, good } = await serving();
    for (const change of [{ algorithm: 'leastconn' }, { backends: [{ target: good.target, weight: 9 }] }]) {
      want(balancer, spec(good.target, change), 2500);
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
    const { balancer } = await serving();
    const bad = await failing();
    want(balancer, spec(bad.target), 20_000);
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
    await balancer.start(spec('', both));
    // The test's backends answer every check alike, so that the wrong expectation stands for the wrong path.
    want(balancer, spec('', { ...both, healthCheck: { ...CHECK, expectBody: 'not there' } }), 20_000);
    const { verdict, reason, view } = await guardEnd(balancer);
    expect(verdict).toBe('violated');
    expect(reason).toMatch(
      /^(no backend|[01] of the 2 backends) of pool default .*127\.0\.0\.1:\d+ is down: /,
    );
    expect(view?.after.requests).toBe(0);
  });

  it('that makes answers slow is found out by the time', async () => {
    const { balancer } = await serving();
    const slow = await scene.backend({
      name: 'slow',
      handle: (_request, response) => void setTimeout(() => response.end('slow'), 150),
    });
    load(balancer);
    load(balancer);
    want(balancer, spec(slow.target), 30_000);
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
    const { balancer, good } = await serving();
    const others = [await scene.backend('b'), await scene.backend('c'), await scene.backend('d')];
    const all = [good, ...others].map(({ target }) => ({ target }));
    await balancer.start(spec('', { backends: all }));
    const [first, second] = all;
    want(balancer, spec('', { backends: [first, { ...second, drain: true }] }), 2500);
    expect(await guardEnd(balancer)).toMatchObject({ verdict: 'passed', view: { healthy: 1, total: 1 } });
  });

  it('may give 5xx on purpose: what the frontend answers itself is no failure', async () => {
    const { balancer, good } = await serving();
    want(balancer, spec(good.target, { maintenance: {} }), 2500);
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
    load(balancer);
    const { verdict, reason } = await guardEnd(balancer);
    expect({ verdict, reason }).toEqual({
      verdict: 'violated',
      reason: expect.stringContaining('the share of connections that reach no backend rose from 0.0 %'),
    });
  });
});

describe('the guard', () => {
  it('counts only what came after: errors from before the change are its baseline', async () => {
    const balancer = scene.balancer();
    const bad = await failing();
    await balancer.start(spec(bad.target));
    load(balancer);
    await waitFor('errors', () => bad.requests.length > 50);
    want(balancer, spec(bad.target, { algorithm: 'leastconn' }), 2500);
    const { verdict, view } = await guardEnd(balancer);
    expect(verdict).toBe('passed');
    expect(view?.before.errors).toBe(view?.before.requests);
    expect(view?.before.requests).toBeGreaterThan(20);
  });

  it('ends when the revision is wanted without it, and leaves nothing on disk', async () => {
    const { balancer, good } = await serving();
    want(balancer, spec(good.target, { algorithm: 'leastconn' }), 60_000);
    await isWatching(balancer);
    const { guard: _, ...desired } = balancer.test.desired;
    balancer.test.desired = desired;
    balancer.test.service.want(desired);
    await waitFor('no guard', () => balancer.test.service.guard() === undefined);
    await expect(readFile(guardPath(balancer))).rejects.toThrow(/ENOENT/);
    await balancer.test.set(spec(good.target));
    expect(balancer.test.service.guard()).toBeUndefined();
  });

  it('goes on when the agent starts again, over a reload too, and misses nothing in between', async () => {
    const { balancer, good } = await serving();
    want(balancer, spec(good.target, { algorithm: 'leastconn' }), 6000);
    await isWatching(balancer);
    const before = balancer.test.service.guard()?.view?.after.requests ?? 0;
    await restartAgent(balancer);
    await isWatching(balancer);
    const after = await waitFor('another look', () => balancer.test.service.guard()?.view?.after.requests);
    expect(after).toBeGreaterThan(before);
    // The same revision with another VPC host table, or whatever else has HAProxy reload.
    const { workerPid = 0 } = balancer.test.report().haproxy ?? {};
    process.kill(workerPid, 'SIGKILL');
    await waitFor('another worker', () => {
      const pid = balancer.test.report().haproxy?.workerPid;
      return pid !== undefined && pid !== workerPid;
    });
    const { verdict, view } = await guardEnd(balancer);
    expect(verdict).toBe('passed');
    expect(view?.after.requests).toBeGreaterThan(after);
  });

  it('takes an agent’s notes for the watch of a revision that was made live just before it ended', async () => {
    const { balancer, good } = await serving();
    want(balancer, spec(good.target, { algorithm: 'leastconn' }), 2500);
    await isWatching(balancer);
    await balancer.test.service.detach();
    const kept = { revision: balancer.test.desired.revision, durationMs: 2500, healthy: {}, reason: '' };
    await writeFile(
      guardPath(balancer),
      JSON.stringify({ ...kept, before: { requests: 5, errors: 0 }, verdict: 'watching' }),
    );
    await restartAgent(balancer);
    expect(await guardEnd(balancer)).toMatchObject({ verdict: 'passed', view: { before: { requests: 5 } } });
  });

  it.each([
    ['there are no notes', 'damaged', /has no notes of how it was/],
    ['the time was over long before', 'late', /did not run when the time of the guard was over/],
  ])('says that it does not know when %s', async (_name, what, reason) => {
    const { balancer, good } = await serving();
    want(balancer, spec(good.target, { algorithm: 'leastconn' }), 60_000);
    await isWatching(balancer);
    await balancer.test.service.detach();
    const { revision } = balancer.test.desired;
    const late = {
      ...{ revision, durationMs: 5000, healthy: {}, reason: '', verdict: 'watching' },
      ...{ before: { requests: 0, errors: 0 }, liveAt: Date.now() - 60_000 },
    };
    await writeFile(guardPath(balancer), what === 'late' ? JSON.stringify(late) : '{');
    await restartAgent(balancer);
    const guard = await guardEnd(balancer);
    expect(guard.verdict).toBe('unknown');
    expect(guard.reason).toMatch(reason);
  });

  it('tells again what it came to after a restart, as long as the control plane does not know', async () => {
    const { balancer } = await serving();
    const bad = await failing();
    want(balancer, spec(bad.target), 20_000);
    const verdict = await guardEnd(balancer);
    expect(verdict.verdict).toBe('violated');
    await restartAgent(balancer);
    expect(balancer.test.service.guard()).toEqual(verdict);
  });
});
