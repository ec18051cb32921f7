import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import type { Backend } from '../spec/backend.ts';
import type { LoadBalancerSpec } from '../spec/load-balancer.ts';
import { applyPatch } from '../spec/patch.ts';
import { shareStructure } from '../spec/share.ts';
import type { Tls } from '../spec/tls.ts';
import { validateLoadBalancer } from '../spec/validate.ts';
import { DEFAULT_VPC } from '../spec/vpc.ts';
import { insertLoadBalancer } from './load-balancers.ts';
import { type Store, openStore } from './open.ts';
import { insertRevision } from './revisions.ts';
import { patchesSince, readSpec, tagOf } from './specs.ts';
import { insertVpc } from './vpcs.ts';

const AT = '2026-11-23T04:00:00.000Z';
const ID = 'lb_1';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
beforeEach(async () => {
  directory = await temporaryDirectory();
  store = await openStore(directory.path);
  await store.transaction(async (tx) => {
    await insertVpc(tx, {
      ...DEFAULT_VPC,
      id: 'vpc_1',
      sealed: null,
      revision: 1,
      createdAt: AT,
      updatedAt: AT,
    });
    const address = { vpcId: 'vpc_1', address: '127.80.0.1', ports: [80], createdAt: AT, updatedAt: AT };
    await insertLoadBalancer(tx, {
      ...address,
      id: ID,
      name: 'a',
      labels: {},
      spec: specOf([]),
      revision: 1,
      placement: 'shared',
      floating: [],
    });
  });
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

function completed(spec: object): LoadBalancerSpec {
  const validated = validateLoadBalancer({ name: 'a', spec });
  if (!validated.ok) throw new Error(JSON.stringify(validated.errors));
  return validated.value.spec;
}

function specOf(backends: object[]): LoadBalancerSpec {
  return completed({ type: 'http', backends });
}

const write = (number: number, spec: LoadBalancerSpec, before: LoadBalancerSpec | undefined, fail = false) =>
  store.transaction(async (tx) => {
    const facts = {
      action: 'update',
      restoredFrom: null,
      author: 'me',
      createdAt: AT,
      reason: null,
    } as const;
    const plan = { path: 'none' as const, steps: [] };
    const revision = { ...facts, loadBalancerId: ID, number, name: 'a', labels: {}, spec, diff: [], plan };
    await insertRevision(tx, revision, { changeVersion: number * 10, before });
    if (fail) throw new Error('taken back');
  });
const read = (number: number) => store.transaction((tx) => readSpec(tx, { loadBalancerId: ID, number }));

/** Reads in a process that has read nothing before. */
async function readAnew(number: number): Promise<LoadBalancerSpec> {
  vi.resetModules();
  const fresh = await import('./specs.ts');
  expect(fresh.readSpec).not.toBe(readSpec);
  return store.transaction((tx) => fresh.readSpec(tx, { loadBalancerId: ID, number }));
}

/** A history of one change each: weights, additions and removals. */
async function writeHistory(count: number): Promise<LoadBalancerSpec[]> {
  const history = [specOf(Array.from({ length: 40 }, (_, index) => ({ target: `10.0.0.1:${index + 1}` })))];
  await write(1, history[0] as LoadBalancerSpec, undefined);
  for (let number = 2; number <= count; number++) {
    const before = history.at(-1) as LoadBalancerSpec;
    const { backends } = before;
    const first = { ...(backends[number % 7] as Backend), weight: number % 200 };
    const added = specOf([{ target: `10.0.0.2:${number}` }]).backends;
    const changed = [backends.with(number % 7, first), [...backends, ...added], backends.toSpliced(3, 1)];
    const spec = { ...before, backends: changed[number % 3] ?? backends };
    await write(number, spec, before);
    history.push(spec);
  }
  return history;
}

const wholeOnes = () =>
  store.transaction(async (tx) =>
    (await tx.selectFrom('revisions').select(['number', 'spec']).orderBy('number').execute()).flatMap(
      ({ number, spec }) => (spec === '' ? [] : [number]),
    ),
  );

test('every revision is what was written, to the byte, though few are kept as a whole', async () => {
  const history = await writeHistory(120);
  for (const number of [1, 2, 3, 60, 119, 120])
    expect(JSON.stringify(await readAnew(number))).toBe(JSON.stringify(history[number - 1]));
  const whole = await wholeOnes();
  expect(whole[0]).toBe(1);
  expect(whole.length).toBeGreaterThan(1);
  expect(whole.length).toBeLessThan(20);
});

test('what was read lately is the same object again, and shares what has not changed', async () => {
  const [, second, third] = await writeHistory(3);
  expect(await read(3)).toBe(third);
  expect(third?.backends[20]).toBe(second?.backends[20]);
});

test('a change that was taken back leaves nothing behind', async () => {
  const [before] = await writeHistory(1);
  const wrong = { ...(before as LoadBalancerSpec), retries: 9 };
  await expect(write(2, wrong, before, true)).rejects.toThrow('taken back');
  const right = { ...(before as LoadBalancerSpec), retries: 1 };
  await write(2, right, before);
  expect((await read(2)).retries).toBe(1);
  expect((await readAnew(2)).retries).toBe(1);
});

test('a spec that the store does not know is kept as a whole', async () => {
  const [before] = await writeHistory(1);
  const copy = JSON.parse(JSON.stringify(before)) as LoadBalancerSpec;
  await write(2, { ...copy, retries: 1 }, copy);
  expect(await wholeOnes()).toEqual([1, 2]);
  expect((await readAnew(2)).retries).toBe(1);
});

test('patches lead from the spec that a machine was told of to a newer one', async () => {
  const history = await writeHistory(9);
  const since = (version: number, number = 9) =>
    store.transaction((tx) => patchesSince(tx, { loadBalancerId: ID, number }, version));
  const way = await since(45);
  const from = history[3] as LoadBalancerSpec;
  expect(way?.base).toBe(tagOf(from));
  const led = way?.patches.reduce<unknown>((spec, patch) => applyPatch(spec, patch), from);
  expect(JSON.stringify(led)).toBe(JSON.stringify(history[8]));
  expect(await since(90)).toEqual({ base: tagOf(history[8] as LoadBalancerSpec), patches: [] });
  expect(await since(9)).toBeUndefined();
});

test('a spec that shares nothing is patched all the same', async () => {
  const [before] = await writeHistory(1);
  const other = specOf([{ target: 'b:1' }]);
  await write(2, shareStructure(before, other), before);
  expect(JSON.stringify(await readAnew(2))).toBe(JSON.stringify(other));
});

test.each([
  ['app.example.com', 'http'],
  ['*.example.com', 'dns'],
])(
  'a spec of before `tls.challenge` came has it, for %s, and so has a change of it',
  async (domain, challenge) => {
    const spec = completed({ type: 'http', tls: { domain } });
    const { challenge: _, ...tls } = spec.tls as Tls;
    const before = { ...spec, tls } as LoadBalancerSpec;
    await write(1, before, undefined);
    await write(2, { ...before, tls: { ...tls, redirect: false } } as LoadBalancerSpec, before);
    expect(await readAnew(1)).toEqual(spec);
    expect((await readAnew(2)).tls).toEqual({ ...tls, redirect: false, challenge });
  },
);
