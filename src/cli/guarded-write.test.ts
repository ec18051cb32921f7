import { describe, expect, test } from 'vitest';
import { startFakeApi, startWithWebLb } from '../../test/support/cli/fake-api.ts';
import { runCli } from '../../test/support/cli/run-cli.ts';
import type { Revision, RevisionGuard } from '../api/load-balancer.ts';
import { validateLoadBalancer } from '../spec/validate.ts';

const TIME = '2026-11-23T04:00:00.000Z';
const VIEW = {
  secondsLeft: 21,
  before: { requests: 600, errors: 0, responseMs: 11 },
  after: { requests: 120, errors: 3, responseMs: 12.4 },
  healthy: 2,
  total: 2,
};
const WATCHING: RevisionGuard = {
  duration: '30s',
  state: 'watching',
  reason: 'no requests',
  machines: [{ machine: 'local', verdict: 'watching', reason: 'no requests', view: VIEW }],
};

function revision(guard: RevisionGuard | undefined, more: Partial<Revision> = {}): Revision {
  const read = validateLoadBalancer({ name: 'web-lb', spec: { type: 'http' } });
  if (!read.ok) throw new Error('the example is not valid');
  return {
    number: 2,
    action: 'update',
    author: 'admin',
    createdAt: TIME,
    ...read.value,
    diff: [],
    plan: { path: 'runtime', steps: [] },
    receipts: [],
    ...(guard ? { guard } : {}),
    ...more,
  };
}

/** The guard of revision 2 of `web-lb` as the control plane tells it, one after the other. */
async function guarded(...guards: (RevisionGuard | undefined)[]) {
  const api = await startWithWebLb();
  const path = 'GET /v1/load-balancers/lb_web-lb/revisions/2';
  const left = [...guards];
  const answer = {
    get body() {
      return revision(left.length > 1 ? left.shift() : left[0]);
    },
  };
  api.answers.set(path, answer);
  const change = (flags: string, now?: () => number) =>
    runCli(`lb algorithm set web-lb leastconn ${flags}`, { env: api.env, ...(now ? { now } : {}) });
  return { api, change };
}

const ended = (state: RevisionGuard['state'], reason: string, more: Partial<RevisionGuard> = {}) => ({
  ...WATCHING,
  state,
  reason,
  ...more,
});

describe('a guarded write', () => {
  test('waits for the end, tells how it goes, and ends with 0 when the revision is kept', async () => {
    const { api, change } = await guarded(
      undefined,
      WATCHING,
      WATCHING,
      ended('passed', 'nothing got worse in 30s'),
    );
    // The look at the receipt comes before those at the guard.
    const { code, out, err } = await change('--guard 30s');
    expect(code).toBe(0);
    expect(api.writes()[0]?.query).toEqual({ guard: '30s' });
    expect(err).toContain(
      'guarding revision 2 for 30s\n21 s left: 2.5 % of 120 requests failed (0.0 % before), 2 of 2 backends healthy, 12 ms (11 ms before)\n',
    );
    expect(err).toContain('revision 2 is kept: nothing got worse in 30s\n');
    expect(out).toBe('Load balancer web-lb updated, revision 2\nAddress: 127.80.0.1\n');
  });

  test.each([
    [
      'restored',
      { restoredBy: 3 },
      1,
      'Error: restored revision 1 (as revision 3) because it is bad (guard_restored)',
    ],
    ['failed', {}, 1, 'Error: it is bad (guard_failed)'],
    ['superseded', {}, 4, 'Error: revision 2 of web-lb was guarded, but it is bad (guard_superseded)'],
    [
      'unknown',
      {},
      8,
      'Error: revision 2 of web-lb is kept, but nobody watched it to the end: it is bad (guard_unknown)',
    ],
  ] as const)('that ends %s', async (state, more, exit, message) => {
    const { change } = await guarded(WATCHING, ended(state, 'it is bad', more));
    const { code, out, err } = await change('--guard 30s');
    expect(code).toBe(exit);
    expect(err).toContain(message);
    expect(err).toContain('Hint: agentmetal lb revisions web-lb 2');
    expect(out).toContain(`web-lb ${state === 'restored' ? 'restored' : 'updated'}, revision 2`);
  });

  test('does not wait for the end with --no-wait, but until it is live', async () => {
    const { change } = await guarded(WATCHING);
    const { code, err } = await change('--guard 30s --no-wait');
    expect(code).toBe(0);
    expect(err).toContain('The guard goes on: agentmetal lb revisions web-lb 2\n');
  });

  test('gives up when the agent does not tell the end', async () => {
    const { change } = await guarded(WATCHING);
    let now = 0;
    const { code, err } = await change('--guard 1h --timeout 1m', () => (now += 60_000));
    expect(code).toBe(7);
    expect(err).toContain('is live, but its guard has not ended');
  });

  test('warns of a check that is slower than the guard', async () => {
    const { change } = await guarded(ended('passed', 'well'));
    expect((await change('--guard 10s')).err).toContain(
      'Warning: the check of pool default takes up to 17s to find a backend down, which is longer than the guard',
    );
    expect((await (await guarded(ended('passed', 'well'))).change('--guard 20s')).err).not.toContain(
      'Warning',
    );
  });

  test('ends with 8 when a backend is down that was not before, and warns when one was', async () => {
    const { api, change } = await guarded(ended('passed', 'well'));
    let looks = 0;
    api.nodes.backendState = () => (looks++ === 0 ? 'up' : 'down');
    expect((await change('--guard 30s')).code).toBe(8);
    const again = await guarded(ended('passed', 'well'));
    again.api.nodes.backendState = () => 'down';
    const { code, err } = await again.change('--guard 30s');
    expect(code).toBe(0);
    expect(err).toContain('before the change it was degraded');
  });

  test('that changes nothing has no guard to wait for', async () => {
    const { env } = await startWithWebLb();
    const { code, err } = await runCli('lb algorithm set web-lb roundrobin --guard 30s', { env });
    expect(code).toBe(0);
    expect(err).toContain('nothing to change');
  });

  test.each([
    ['--guard 30s --dry-run', '--guard watches a change, and --dry-run makes none'],
    ['--guard soon', '--guard "soon" is not a duration from 5s to 1h'],
    ['--guard 4s', '--guard "4s" is not a duration from 5s to 1h'],
    ['--guard 2h', '--guard "2h" is not a duration from 5s to 1h'],
  ])('%s is a usage error, and nothing is changed', async (flags, message) => {
    const { api, change } = await guarded(WATCHING);
    const { code, err } = await change(flags);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(api.writes()).toEqual([]);
  });

  test('of what is new is not guarded, and says so', async () => {
    const api = await startFakeApi();
    const stdin = JSON.stringify({ name: 'new-lb', spec: { type: 'http' } });
    const { code, err } = await runCli('lb apply -f - --guard 30s', { env: api.env, stdin });
    expect(code).toBe(0);
    expect(err).toContain('Warning: new-lb is new, so that there is nothing to restore: it is not guarded');
    expect(api.writes()[0]?.query).toEqual({});
    expect((await runCli('lb create x --type http --guard 30s', { env: api.env })).code).toBe(2);
    expect((await runCli('lb delete new-lb --yes --guard 30s', { env: api.env })).code).toBe(2);
  });
});

describe('lb revisions', () => {
  const GUARD = ended('restored', 'it is bad', { restoredBy: 3 });
  const RESTORE = { number: 3, action: 'restore', author: 'guard', restoredFrom: 1 };

  test('shows how guards ended, and why a guard made one', async () => {
    const api = await startWithWebLb();
    const made = revision(undefined, { ...RESTORE, reason: 'revision 2 made it worse: it is bad' });
    const items = [made, revision(GUARD)];
    api.answers.set('GET /v1/load-balancers/web-lb/revisions', { body: { items, nextCursor: null } });
    api.answers.set('GET /v1/load-balancers/web-lb/revisions/2', { body: revision(GUARD) });
    api.answers.set('GET /v1/load-balancers/web-lb/revisions/3', { body: made });
    const list = (await runCli('lb revisions web-lb', { env: api.env })).out;
    expect(list).toMatch(/^3 +restore 1 +guard .*\n2 +update +admin .* restored by 3 /m);
    const second = (await runCli('lb revisions web-lb 2', { env: api.env })).out;
    expect(second).toMatch(/^Guard: +30s, restored by 3: it is bad$/m);
    const third = (await runCli('lb revisions web-lb 3', { env: api.env })).out;
    expect(third).toMatch(/^Reason: +revision 2 made it worse: it is bad$/m);
  });
});
