import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  type CallResult,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { startBind } from '../../../test/support/dns/bind.ts';
import { PROVIDER_CONTEXT } from '../../../test/support/dns/provider-contract.ts';
import { ZONE } from '../../../test/support/dns/zone-server.ts';
import { freePort } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { Condition } from '../../api/load-balancer.ts';
import { createRfc2136Provider } from '../../dns/providers/rfc2136/provider.ts';
import type { DnsStatus } from '../../api/dns-status.ts';
import type { Event } from '../../api/events.ts';
import { type DnsReconciler, startDnsReconciler } from './reconciler.ts';

let bind: Awaited<ReturnType<typeof startBind>>;
let plane: ControlPlane;
let dns: DnsReconciler;

beforeAll(async () => {
  bind = await startBind();
});
afterAll(() => bind.stop());
beforeEach(async () => {
  plane = await startControlPlane({
    resolver: `127.0.0.1:${bind.port}`,
    addressPool: '192.0.2.1,192.0.2.2,192.0.2.3',
  });
  dns = startDnsReconciler(plane.server.context, SOON);
});
afterEach(async () => {
  for (const { name } of (await plane.call('GET', '/v1/load-balancers')).body.items)
    await plane.call('DELETE', `/v1/load-balancers/${name}`);
  await waitFor('nothing left in the zone', async () => {
    const zones = (await plane.call('GET', '/v1/dns-zones')).body.items;
    return zones.every(
      (zone: { status: { loadBalancers: string[] } }) => zone.status.loadBalancers.length === 0,
    );
  });
  await dns.stop();
  await plane.stop();
});

/** Without jitter, as soon as it may be. */
const SOON = () => 0;
const zoneSpec = () =>
  ({ provider: 'rfc2136', server: '127.0.0.1', port: bind.port, tsig: bind.key }) as const;
const addZone = (spec: object = zoneSpec()) =>
  plane.call('POST', '/v1/dns-zones', { body: { name: ZONE, spec } });
const create = (name: string, spec: object) =>
  plane.call('POST', '/v1/load-balancers', { body: { name, spec: { type: 'http', ...spec } } });
const patch = (name: string, spec: object) =>
  plane.call('PATCH', `/v1/load-balancers/${name}`, { body: { spec } });
const served = (domain: string) =>
  bind.resolver.resolve4(domain).catch((error: NodeJS.ErrnoException) => [String(error.code)]);
const provider = () => createRfc2136Provider(ZONE, zoneSpec(), PROVIDER_CONTEXT);

const records = async (name: string): Promise<DnsStatus[]> =>
  (await plane.call('GET', `/v1/load-balancers/${name}`)).body.status.dns;
const told = async (name: string): Promise<string[]> => {
  const { body } = await plane.call('GET', `/v1/load-balancers/${name}/events?type=dns.*`);
  return body.items.map(({ type, details }: Event) => `${type} ${String(details['domain'])}`).toReversed();
};

async function condition(name: string, reason: string): Promise<Condition> {
  return waitFor(`${name}: ${reason}`, async () => {
    const { body } = await plane.call('GET', `/v1/load-balancers/${name}`);
    const found = body.status.conditions.find(({ type }: Condition) => type === 'DnsRecords');
    if (found?.reason !== reason) throw new Error(JSON.stringify(found));
    return found;
  });
}

test('records come, move and go with the load balancer', async () => {
  expect((await addZone()).status).toBe(201);
  await create('web-lb', { tls: { domains: ['app.example.com', '*.app.example.com'] } });
  expect(await condition('web-lb', 'Present')).toMatchObject({
    status: 'true',
    message: expect.stringContaining('app.example.com. 60 IN A 192.0.2.1'),
  });
  expect(await served('app.example.com')).toEqual(['192.0.2.1']);
  expect(await served('any.app.example.com')).toEqual(['192.0.2.1']);
  expect(await records('web-lb')).toMatchObject([
    {
      domain: 'app.example.com',
      zone: ZONE,
      state: 'ok',
      records: [{ type: 'A', wanted: ['192.0.2.1'], seen: ['192.0.2.1'] }],
      make: [],
    },
    { domain: '*.app.example.com', state: 'ok' },
  ]);

  await patch('web-lb', { dns: { ttl: 120, addresses: ['203.0.113.5', '2001:db8::5'] } });
  await waitFor('the new address', async () => (await served('app.example.com'))[0] === '203.0.113.5');
  await waitFor('both moved', async () =>
    (await records('web-lb')).every(
      ({ state, records: [a] }) => state === 'ok' && a?.seen?.[0] === '203.0.113.5',
    ),
  );
  expect(await bind.resolver.resolve6('app.example.com')).toEqual(['2001:db8::5']);
  expect(await bind.resolver.resolve4('app.example.com', { ttl: true })).toEqual([
    { address: '203.0.113.5', ttl: 120 },
  ]);

  await patch('web-lb', { tls: { domains: ['other.example.com'] } });
  await waitFor('the old name gone', async () => (await served('app.example.com'))[0] === 'ENOTFOUND');
  await waitFor('the new name', async () => (await served('other.example.com'))[0] === '203.0.113.5');
  await waitFor('all told', async () => (await told('web-lb')).length === 7);
  expect((await told('web-lb')).toSorted()).toEqual([
    'dns.record_created *.app.example.com',
    'dns.record_created app.example.com',
    'dns.record_created other.example.com',
    'dns.record_removed *.app.example.com',
    'dns.record_removed app.example.com',
    'dns.record_updated *.app.example.com',
    'dns.record_updated app.example.com',
  ]);

  await plane.call('DELETE', '/v1/load-balancers/web-lb');
  await waitFor('all names gone', async () => (await served('other.example.com'))[0] === 'ENOTFOUND');
  expect(await provider().read(['_agentmetal.other.example.com'])).toEqual([]);
});

test('what somebody else made is left alone and told, until it is gone', async () => {
  await addZone();
  await create('web-lb', { dns: { domains: ['taken.example.com', 'mine.example.com'] } });
  const { status, message } = await condition('web-lb', 'NotOurs');
  expect({ status, message }).toEqual({
    status: 'false',
    message:
      '1 of 2 domains: taken.example.com has records that AgentMetal did not make (A 203.0.113.9); they are left alone. Remove them and these are made: taken.example.com. 60 IN A 192.0.2.1.',
  });
  expect(await served('taken.example.com')).toEqual(['203.0.113.9']);
  expect((await records('web-lb'))[0]).toMatchObject({
    domain: 'taken.example.com',
    zone: ZONE,
    state: 'foreign',
    reason: 'NotOurs',
    whatToDo: expect.stringContaining('remove the records that are there'),
    records: [{ type: 'A', wanted: ['192.0.2.1'], seen: ['203.0.113.9'] }],
    make: [],
  });
  const { body } = await plane.call('GET', '/v1/load-balancers/web-lb/events?type=dns.record_foreign');
  expect(body.items).toMatchObject([
    {
      severity: 'warning',
      count: 1,
      message: expect.stringContaining('records that AgentMetal did not make (A 203.0.113.9)'),
      details: { domain: 'taken.example.com', seen: { ipv4: ['203.0.113.9'] } },
    },
  ]);
  await waitFor('the other domain', async () => (await served('mine.example.com'))[0] === '192.0.2.1');
  const [theirs] = await provider().read(['taken.example.com']);
  await provider().change({ expect: [], edits: [{ from: theirs, to: undefined }] });
  await condition('web-lb', 'Present');
  expect(await served('taken.example.com')).toEqual(['192.0.2.1']);
  await patch('web-lb', { dns: { domains: ['mine.example.com'] } });
  await waitFor('ours gone', async () => (await served('taken.example.com'))[0] === 'ENOTFOUND');
  await provider().change({ expect: [], edits: [{ from: undefined, to: theirs }] });
});

test('a domain belongs to one load balancer, and to the next when that is gone', async () => {
  await addZone();
  await create('first', { dns: { domains: ['shared.example.com'] } });
  await condition('first', 'Present');
  await create('second', { dns: { domains: ['shared.example.com'] } });
  expect((await condition('second', 'NotOurs')).message).toContain('belong to load balancer first');
  await plane.call('DELETE', '/v1/load-balancers/first');
  await condition('second', 'Present');
  expect(await served('shared.example.com')).toEqual(['192.0.2.2']);
});

test('without a zone the record to make is told, and noticed when it is there', async () => {
  await create('web-lb', { tls: { domain: 'byhand.example.com' } });
  expect((await condition('web-lb', 'Missing')).message).toBe(
    'byhand.example.com has no address in DNS. Make this record: byhand.example.com. 60 IN A 192.0.2.1.',
  );
  const name = 'byhand.example.com';
  expect(await records('web-lb')).toMatchObject([
    {
      domain: name,
      state: 'no_zone',
      reason: 'Missing',
      records: [{ type: 'A', wanted: ['192.0.2.1'], seen: [] }],
      make: ['byhand.example.com. 60 IN A 192.0.2.1'],
      whatToDo: expect.stringContaining('Make this record: byhand.example.com. 60 IN A 192.0.2.1.'),
    },
  ]);
  expect((await records('web-lb'))[0]).not.toHaveProperty('zone');
  const wrong = { name, type: 'A', ttl: 60, values: ['192.0.2.1', '203.0.113.7'] } as const;
  await provider().change({ expect: [], edits: [{ from: undefined, to: wrong }] });
  expect((await condition('web-lb', 'LeadsElsewhere')).message).toBe(
    'byhand.example.com leads to 203.0.113.7, which is not this load balancer: remove that from its records.',
  );
  expect((await records('web-lb'))[0]).toMatchObject({
    state: 'foreign',
    reason: 'LeadsElsewhere',
    whatToDo: 'Remove 203.0.113.7 from the records of byhand.example.com.',
    make: [],
  });
  const right = { ...wrong, values: ['192.0.2.1'] };
  await provider().change({ expect: [], edits: [{ from: wrong, to: right }] });
  expect((await condition('web-lb', 'Present')).status).toBe('true');
  expect(await told('web-lb')).toEqual(
    ['missing', 'foreign', 'found'].map((what) => `dns.record_${what} ${name}`),
  );
  await addZone();
  expect((await condition('web-lb', 'Present')).message).toContain('byhand.example.com leads here');
  await waitFor('the zone looked at', async () =>
    (await plane.call('GET', '/v1/load-balancers/web-lb')).text.includes('somebody else made that'),
  );
  await plane.call('DELETE', '/v1/load-balancers/web-lb');
  await waitFor('the zone left', async () => (await zoneUsers()).length === 0);
  expect(await served(name)).toEqual(['192.0.2.1']);
  await provider().change({ expect: [], edits: [{ from: right, to: undefined }] });
});

const zoneUsers = async (): Promise<string[]> =>
  (await plane.call('GET', `/v1/dns-zones/${ZONE}`)).body.status.loadBalancers;

test('a loopback address is told to be of use on this machine alone; DNS left alone is not asked', async () => {
  await create('web-lb', { tls: { domain: 'local.example.com' }, dns: { addresses: ['127.80.0.1'] } });
  expect((await condition('web-lb', 'Missing')).message).toContain('of use on this machine alone');
  await patch('web-lb', { dns: { enabled: false } });
  const { body } = await plane.call('GET', '/v1/load-balancers/web-lb');
  expect(body.status.conditions.some(({ type }: Condition) => type === 'DnsRecords')).toBe(false);
});

test('a name server that does not answer is told, with the record to make', async () => {
  await dns.stop();
  await plane.stop();
  plane = await startControlPlane({ resolver: `127.0.0.1:${await freePort()}`, addressPool: '192.0.2.1' });
  dns = startDnsReconciler(plane.server.context, SOON);
  await create('web-lb', { tls: { domain: 'app.example.org' } });
  const { status, message } = await condition('web-lb', 'NotKnown');
  expect(status).toBe('unknown');
  expect(message).toMatch(/does not answer \(ECONNREFUSED\).*app\.example\.org\. 60 IN A 192\.0\.2\.1\.$/);
});

test('a provider that fails is told, and the records follow when it works again', async () => {
  await addZone();
  const replace = (tsig: typeof bind.key) =>
    plane.call('PUT', `/v1/dns-zones/${ZONE}`, { body: { name: ZONE, spec: { ...zoneSpec(), tsig } } });
  const wrong = await replace({ ...bind.key, secret: bind.otherKey.secret });
  expect(wrong).toMatchObject({ status: 502, body: { code: 'dns_provider_failed' } });
  expect(wrong.body.detail).toContain('BADSIG');

  // BIND tells of a key that it knows and does not let change the zone only when something is to be changed.
  expect((await replace(bind.otherKey)).status).toBe(200);
  await create('web-lb', { tls: { domain: 'late.example.com' } });
  expect((await condition('web-lb', 'Failed')).message).toContain('REFUSED');
  expect((await records('web-lb'))[0]).toMatchObject({ state: 'missing', reason: 'Failed', zone: ZONE });
  expect((await zone()).body.status).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('REFUSED'),
  });
  expect(await replace(bind.key)).toMatchObject({ status: 200, body: { revision: 3 } });
  await condition('web-lb', 'Present');
  expect((await zone()).body.status.state).toBe('ready');
  expect(await told('web-lb')).toEqual([
    'dns.failed late.example.com',
    'dns.record_created late.example.com',
  ]);
});

const zone = (): Promise<CallResult> => plane.call('GET', `/v1/dns-zones/${ZONE}`);

test('records that are owned follow a restart of the control plane, and are mended', async () => {
  await addZone();
  await create('web-lb', { tls: { domain: 'kept.example.com' } });
  await condition('web-lb', 'Present');
  await dns.stop();
  const [before] = await provider().read(['kept.example.com']);
  await provider().change({ expect: [], edits: [{ from: before, to: undefined }] });
  plane = await plane.restart();
  await plane.server.context.store.transaction((tx) =>
    tx.updateTable('dns_records').set({ next_at: 0 }).execute(),
  );
  dns = startDnsReconciler(plane.server.context, SOON);
  await waitFor('mended', async () => (await served('kept.example.com'))[0] === '192.0.2.1');
});

test('a zone comes back without its secret, which the store holds sealed alone', async () => {
  const { body } = await addZone();
  expect(body).toMatchObject({
    name: ZONE,
    spec: { provider: 'rfc2136', server: '127.0.0.1', tsig: { name: 'lb-key', algorithm: 'hmac-sha256' } },
    status: { state: 'ready', loadBalancers: [] },
    revision: 1,
  });
  const { secret } = bind.key;
  for (const path of ['/v1/dns-zones', `/v1/dns-zones/${body.id}`])
    expect((await plane.call('GET', path)).text).not.toContain(secret);
  for (const file of ['agentmetal.db', 'agentmetal.db-wal'])
    expect((await readFile(join(plane.dataDir, file))).includes(secret)).toBe(false);
  expect(await addZone()).toMatchObject({ status: 409, body: { code: 'name_taken' } });
  expect(await addZone({ ...zoneSpec(), tsig: { ...bind.key, secret: 'not base64!' } })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/spec/tsig/secret' }] },
  });
});

test('a zone in use stays, unless its records are to be left', async () => {
  await addZone();
  await create('web-lb', { tls: { domain: 'left.example.com' }, dns: { zone: ZONE } });
  await condition('web-lb', 'Present');
  const path = `/v1/dns-zones/${ZONE}`;
  expect(await plane.call('DELETE', path)).toMatchObject({ status: 409, body: { code: 'dns_zone_in_use' } });
  expect((await plane.call('DELETE', `${path}?keepRecords=true`)).status).toBe(204);
  expect(await served('left.example.com')).toEqual(['192.0.2.1']);
  expect(await create('other', { dns: { zone: ZONE, domains: ['a.example.com'] } })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/spec/dns/zone', code: 'unknown_zone' }] },
  });
  await addZone();
  expect(await create('other', { dns: { zone: ZONE, domains: ['a.example.org'] } })).toMatchObject({
    body: { errors: [{ code: 'outside_zone' }] },
  });
  await waitFor('the records taken up again', async () => (await zoneUsers()).length === 1);
  await condition('web-lb', 'Present');
});

test('an agent publishes challenges for domains of its own load balancers alone', async () => {
  await addZone();
  await create('web-lb', { tls: { domains: ['*.wild.example.com'] } });
  const name = '_acme-challenge.wild.example.com';
  const publish = (body: object) =>
    plane.call('POST', '/v1/agent/challenges', { key: plane.agentToken, body });
  for (const value of ['token-one', 'token-two']) expect((await publish({ name, value })).status).toBe(204);
  const texts = async () => (await bind.resolver.resolveTxt(name)).flat().sort();
  expect(await texts()).toEqual(['token-one', 'token-two']);
  const path = `/v1/agent/challenges/${name}/token-one`;
  for (let again = 0; again < 2; again++)
    expect((await plane.call('DELETE', path, { key: plane.agentToken })).status).toBe(204);
  expect(await texts()).toEqual(['token-two']);
  await plane.call('DELETE', path.replace('one', 'two'), { key: plane.agentToken });
  await expect(texts()).rejects.toThrow(/ENOTFOUND|ENODATA/);

  expect(await publish({ name: '_acme-challenge.other.example.com', value: 'x' })).toMatchObject({
    status: 403,
  });
  for (const bad of ['wild.example.com', 'www._acme-challenge.wild.example.com'])
    expect((await publish({ name: bad, value: 'x' })).status).toBe(422);
  expect((await plane.call('POST', '/v1/agent/challenges', { body: { name, value: 'x' } })).status).toBe(403);
  await create('elsewhere', { tls: { domain: 'app.example.org' } });
  expect(await publish({ name: '_acme-challenge.app.example.org', value: 'x' })).toMatchObject({
    status: 404,
    body: { detail: 'no DNS zone covers app.example.org' },
  });
});
