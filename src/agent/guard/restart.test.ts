import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  failing,
  guardEnd,
  guardPath,
  guardSpec,
  isWatching,
  serving,
  startClients,
  want,
} from '../../../test/support/guard.ts';
import { createScene } from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

describe('the guard', () => {
  it('counts only what came after: errors from before the change are its baseline', async () => {
    const balancer = scene.balancer();
    const bad = await failing(scene);
    await balancer.start(guardSpec(bad.target));
    startClients(scene, balancer);
    await waitFor('errors', () => bad.requests.length > 50);
    want(balancer, guardSpec(bad.target, { algorithm: 'leastconn' }), 2500);
    const { verdict, view } = await guardEnd(balancer);
    expect(verdict).toBe('passed');
    expect(view?.before.errors).toBe(view?.before.requests);
    expect(view?.before.requests).toBeGreaterThan(20);
  });

  it('ends when the revision is wanted without it, and leaves nothing on disk', async () => {
    const { balancer, good } = await serving(scene);
    want(balancer, guardSpec(good.target, { algorithm: 'leastconn' }), 60_000);
    await isWatching(balancer);
    const { guard: _, ...desired } = balancer.test.desired;
    balancer.test.desired = desired;
    balancer.test.service.want(desired);
    await waitFor('no guard', () => balancer.test.service.guard() === undefined);
    await waitFor('no notes on disk', () => !existsSync(guardPath(scene, balancer)));
    await balancer.test.set(guardSpec(good.target));
    expect(balancer.test.service.guard()).toBeUndefined();
  });

  it('goes on when the agent and HAProxy start again, and misses nothing in between', async () => {
    const { balancer, good } = await serving(scene);
    want(balancer, guardSpec(good.target, { algorithm: 'leastconn' }), 6000);
    await isWatching(balancer);
    const before = balancer.test.service.guard()?.view?.after.requests ?? 0;
    await balancer.restartAgent();
    await isWatching(balancer);
    const after = await waitFor('another look', () => balancer.test.service.guard()?.view?.after.requests);
    expect(after).toBeGreaterThan(before);
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
    const { balancer, good } = await serving(scene);
    want(balancer, guardSpec(good.target, { algorithm: 'leastconn' }), 2500);
    await isWatching(balancer);
    await balancer.test.service.detach();
    const kept = { revision: balancer.test.desired.revision, durationMs: 2500, healthy: {}, reason: '' };
    await writeFile(
      guardPath(scene, balancer),
      JSON.stringify({ ...kept, before: { requests: 5, errors: 0 }, verdict: 'watching' }),
    );
    await balancer.restartAgent();
    expect(await guardEnd(balancer)).toMatchObject({ verdict: 'passed', view: { before: { requests: 5 } } });
  });

  it.each([
    ['there are no notes', 'damaged', /has no notes of how it was/],
    ['the time was over long before', 'late', /did not run when the time of the guard was over/],
  ])('says that it does not know when %s', async (_name, what, reason) => {
    const { balancer, good } = await serving(scene);
    want(balancer, guardSpec(good.target, { algorithm: 'leastconn' }), 60_000);
    await isWatching(balancer);
    await balancer.test.service.detach();
    const { revision } = balancer.test.desired;
    const late = {
      revision,
      durationMs: 5000,
      before: { requests: 0, errors: 0 },
      healthy: {},
      liveAt: Date.now() - 60_000,
      verdict: 'watching',
      reason: '',
    };
    await writeFile(guardPath(scene, balancer), what === 'late' ? JSON.stringify(late) : '{');
    await balancer.restartAgent();
    const guard = await guardEnd(balancer);
    expect(guard.verdict).toBe('unknown');
    expect(guard.reason).toMatch(reason);
  });

  it('tells again what it came to after a restart, as long as the control plane does not know', async () => {
    const { balancer } = await serving(scene);
    const bad = await failing(scene);
    want(balancer, guardSpec(bad.target), 20_000);
    const verdict = await guardEnd(balancer);
    expect(verdict.verdict).toBe('violated');
    await balancer.restartAgent();
    expect(balancer.test.service.guard()).toEqual(verdict);
  });
});
