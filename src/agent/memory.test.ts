import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NEW_HTTP_FIELDS, OLD_SPECS } from '../../test/support/stored-specs.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { completeStoredSpec } from '../spec/stored.ts';
import { createMemory } from './memory.ts';

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
const load = () => createMemory(directory.path, pino({ level: 'silent' })).load();

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
