import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredLoadBalancer, DesiredPatch } from '../api/agent.ts';
import { NEW_HTTP_FIELDS, OLD_SPECS } from '../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { completeStoredSpec } from '../spec/stored.ts';
import { patchBetween } from '../spec/patch.ts';
import { createMemory } from './memory.ts';
import { patchedOrder } from './patched-order.ts';

const REMEMBERED = {
  id: 'lb_1',
  name: 'web-lb',
  revision: 3,
  spec: OLD_SPECS.http,
  address: '127.80.0.1',
  vpc: { name: 'prod', cidrs: ['10.0.0.0/16'], nameServers: [], hosts: [] },
  allowLoopbackBackends: false,
};

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
  await mkdir(join(directory.path, 'wanted'));
});
afterEach(() => directory.remove());

const remember = (name: string, text: string) => writeFile(join(directory.path, 'wanted', name), text);
const memory = () => createMemory(directory.path, pino({ level: 'silent' }));
const load = () => memory().load();

test('orders of an earlier version get the fields that came later', async () => {
  await remember('lb_1.json', JSON.stringify(REMEMBERED));
  await remember('lb_1.observed', '3\n');
  const { loadBalancers } = await load();
  const spec = completeStoredSpec(OLD_SPECS.http);
  expect(spec).toMatchObject({ ...OLD_SPECS.http, ...NEW_HTTP_FIELDS });
  expect(loadBalancers).toEqual([{ desired: { ...REMEMBERED, spec }, observedRevision: 3 }]);
});

test('one that cannot be read keeps none of the others from being served', async () => {
  await remember('lb_1.json', JSON.stringify(REMEMBERED));
  await remember('lb_2.json', JSON.stringify({ ...REMEMBERED, id: 'lb_2', spec: { type: 'ftp' } }));
  await remember('lb_3.json', '{');
  expect((await load()).loadBalancers.map(({ desired }) => desired.id)).toEqual(['lb_1']);
});

describe('orders that tell only what differs', () => {
  const backends = Array.from({ length: 100 }, (_, index) => ({ target: `10.0.0.1:${index + 1}` }));
  const spec = completeStoredSpec({ ...OLD_SPECS.http, backends });
  const whole: DesiredLoadBalancer = { ...REMEMBERED, spec, tag: 'tag-0' };
  /** The order that gives the backend of that number another weight. */
  const weigh = (before: DesiredLoadBalancer, number: number): DesiredPatch => {
    const wanted = {
      ...before.spec,
      backends: before.spec.backends.map((each, index) => (index === number ? { ...each, weight: 9 } : each)),
    };
    const { spec: _spec, tag = '', ...rest } = before;
    return {
      ...rest,
      revision: before.revision + 1,
      base: tag,
      tag: `tag-${before.revision}`,
      patches: [patchBetween(before.spec, wanted)],
    };
  };
  const saveMany = async (count: number): Promise<DesiredLoadBalancer> => {
    const kept = memory();
    await kept.saveDesired(whole);
    let desired = whole;
    for (let number = 0; number < count; number++) {
      const order = weigh(desired, number);
      desired = patchedOrder(desired, order) ?? whole;
      await kept.saveDesired(desired, order);
    }
    return desired;
  };
  const file = (name: string) => join(directory.path, 'wanted', name);
  const loaded = async () => (await load()).loadBalancers[0]?.desired;

  test('lie behind the whole, and are remembered with it', async () => {
    await load();
    const desired = await saveMany(3);
    expect(JSON.parse(await readFile(file('lb_1.json'), 'utf8'))).toMatchObject({ revision: 3 });
    expect((await readFile(file('lb_1.patches'), 'utf8')).split('\n')).toHaveLength(4);
    expect(await loaded()).toEqual(desired);
    expect(desired.spec.backends.map(({ weight }) => weight).slice(0, 4)).toEqual([9, 9, 9, 1]);
  });

  test('give way to the whole when they have become longer, or do not follow it', async () => {
    await load();
    const desired = await saveMany(60);
    expect((await readFile(file('lb_1.json'), 'utf8')).length).toBeLessThan(20_000);
    expect(JSON.parse(await readFile(file('lb_1.json'), 'utf8')).revision).toBeGreaterThan(3);
    expect(await loaded()).toEqual(desired);
    const kept = memory();
    await kept.saveDesired(desired, weigh(desired, 70));
    expect(await readdir(join(directory.path, 'wanted'))).toEqual(['lb_1.json']);
  });

  test('that a crash left in half, or from before, change nothing', async () => {
    await load();
    const desired = await saveMany(3);
    await appendFile(file('lb_1.patches'), JSON.stringify(weigh(desired, 50)).slice(0, 40));
    expect(await loaded()).toEqual(desired);
    await writeFile(file('lb_1.json'), JSON.stringify(desired));
    expect(await loaded()).toEqual(desired);
  });

  test('are forgotten with it', async () => {
    await load();
    await saveMany(2);
    await memory().forget('lb_1');
    expect(await readdir(join(directory.path, 'wanted'))).toEqual([]);
  });
});
