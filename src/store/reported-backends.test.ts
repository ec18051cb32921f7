import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../test/support/control-plane.ts';
import { nodesOf } from './nodes.ts';
import type { ReportedBackends } from './reported-backends.ts';

let plane: ControlPlane;
beforeEach(async () => {
  plane = await startControlPlane();
});
afterEach(() => plane.stop());

const AT = '2026-11-23T04:00:00.000Z';
const many = (count: number): ReportedBackends =>
  Array.from({ length: count }, (_, index) => ({
    target: `10.0.0.1:${index + 1}`,
    pool: 'default',
    state: 'up',
    reason: 'check passed',
    since: AT,
  }));

async function create(backends: ReportedBackends): Promise<string> {
  const spec = { type: 'http', backends: backends.map(({ target }) => ({ target })) };
  return (await plane.call('POST', '/v1/load-balancers', { body: { name: 'many', spec } })).body.id;
}

/** What is kept, as a process reads it that has read nothing before. */
async function readAnew(id: string): Promise<ReportedBackends | undefined> {
  vi.resetModules();
  const fresh = await import('./nodes.ts');
  expect(fresh.nodesOf).not.toBe(nodesOf);
  const [node] = await plane.server.context.store.transaction((tx) => fresh.nodesOf(tx, [id]));
  return node?.backends;
}

const patches = () =>
  plane.server.context.store.transaction(async (tx) =>
    (await tx.selectFrom('node_patches').select('patch').execute()).map(({ patch }) => patch.length),
  );

test('what is told of many backends is kept as what has changed, and read as a whole', async () => {
  const backends = many(300);
  const id = await create(backends);
  await plane.agent.report({ id, observedRevision: 1, backends });
  let wanted = backends;
  for (let index = 0; index < 30; index++) {
    const news = { ...backends[index * 7], state: 'down', reason: `failed ${index}` } as ReportedBackends[0];
    await plane.agent.report({ id, observedRevision: 1, partial: true, backends: [news] });
    wanted = wanted.with(index * 7, news);
  }
  expect((await patches()).length).toBeGreaterThan(10);
  expect(Math.max(...(await patches()))).toBeLessThan(200);
  expect(await readAnew(id)).toEqual(wanted);
  await plane.agent.report({
    id,
    observedRevision: 1,
    backends: many(300).map((each) => ({ ...each, reason: 'all anew' })),
  });
  expect(await patches()).toEqual([]);
  expect((await readAnew(id))?.every(({ reason }) => reason === 'all anew')).toBe(true);
});

test('a report that tells nothing new writes nothing of backends', async () => {
  const backends = many(100);
  const id = await create(backends);
  await plane.agent.report({ id, observedRevision: 1, backends });
  await plane.agent.report({ id, observedRevision: 1, backends: many(100) });
  await plane.agent.report({ id, observedRevision: 1, partial: true, backends: [] });
  expect(await patches()).toEqual([]);
  expect(await readAnew(id)).toEqual(backends);
});
