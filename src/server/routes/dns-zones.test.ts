import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';
import { startKnot } from '../../../test/support/dns/knot.ts';
import { ZONE, type ZoneServer, newTsigKey } from '../../../test/support/dns/zone-server.ts';
import { findDnsZone } from '../../store/dns-zones.ts';
import { freePort } from '../../../test/support/temporary.ts';

let knot: ZoneServer;
let plane: ControlPlane;
beforeAll(async () => {
  knot = await startKnot();
});
afterAll(() => knot.stop());
beforeEach(async () => {
  plane = await startControlPlane();
});
afterEach(() => plane.stop());

const body = (spec: object = {}, more: object = {}) => ({
  name: ZONE,
  spec: { provider: 'rfc2136', server: '127.0.0.1', port: knot.port, tsig: knot.key, ...spec },
  ...more,
});
const post = (value: object, path = '/v1/dns-zones') => plane.call('POST', path, { body: value });

describe('what is refused', () => {
  test('fields that are wrong', async () => {
    const cases: [spec: object, pointer: string][] = [
      [{ provider: 'bind' }, '/spec/provider'],
      [{ apiToken: 'a field of another provider' }, '/spec/apiToken'],
      [{ server: 'two words' }, '/spec/server'],
      [{ tsig: { ...newTsigKey(), algorithm: 'hmac-md5' } }, '/spec/tsig/algorithm'],
      [{ tsig: { name: 'lb-key' } }, '/spec/tsig/secret'],
    ];
    for (const [spec, pointer] of cases) {
      const answer = await post(body(spec));
      expect(answer.status).toBe(422);
      expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    }
  });

  test('names that are no zones', async () => {
    const names = [
      'com',
      'example..com',
      'exa mple.com',
      'example.com\nx',
      '*.example.com',
      '-a.example.com',
    ];
    for (const name of names) {
      const answer = await post(body({}, { name }));
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/name' }] } });
    }
  });

  test('a server that does not answer, that does not know the key, or does not have the zone', async () => {
    for (const [spec, more, detail] of [
      [{ port: await freePort() }, {}, 'ECONNREFUSED'],
      [{ tsig: { ...knot.key, name: 'nobody' } }, {}, 'BADKEY'],
      [{}, { name: 'example.org' }, 'example.org'],
    ] as const) {
      const answer = await post(body(spec, more));
      expect(answer).toMatchObject({ status: 502, body: { code: 'dns_provider_failed' } });
      expect(answer.body.detail).toContain(detail);
      expect(answer.body.hint).toBeDefined();
      expect(answer.text).not.toContain(knot.key.secret);
    }
    expect((await plane.call('GET', '/v1/dns-zones')).body.items).toEqual([]);
  });

  test('a zone that is not there, another name, and an old revision', async () => {
    expect((await plane.call('GET', '/v1/dns-zones/example.com')).body).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('agentmetal dns zone add'),
    });
    await post(body());
    const put = (value: object, headers = {}) =>
      plane.call('PUT', `/v1/dns-zones/${ZONE}`, { body: value, headers });
    expect((await put(body(), { 'if-match': '"7"' })).status).toBe(412);
    const [, other] = [await put(body({}, { labels: { env: 'prod' } })), await put(body())];
    expect(other.body).toMatchObject({ revision: 3, labels: {} });
    expect((await put(body())).body.revision).toBe(3);
  });
});

test('only admins may write; others read', async () => {
  await post(body());
  const key = async (role: string) => (await post({ name: role, role }, '/v1/keys')).body.key as string;
  const [operator, viewer] = [await key('operator'), await key('viewer')];
  for (const other of [operator, viewer]) {
    const path = `/v1/dns-zones/${ZONE}`;
    expect((await plane.call('GET', path, { key: other })).status).toBe(200);
    expect((await plane.call('POST', '/v1/dns-zones', { key: other, body: body() })).status).toBe(403);
    expect((await plane.call('PUT', path, { key: other, body: body() })).status).toBe(403);
    expect((await plane.call('DELETE', path, { key: other })).status).toBe(403);
  }
});

test('a dry run tries the provider and keeps nothing', async () => {
  const answer = await post(body(), '/v1/dns-zones?dryRun=true');
  expect(answer).toMatchObject({ status: 200, body: { dryRun: true, diff: [{ to: { name: ZONE } }] } });
  expect(answer.text).not.toContain(knot.key.secret);
  expect((await plane.call('GET', '/v1/dns-zones')).body.items).toEqual([]);
  await post(body());
  await plane.call('DELETE', `/v1/dns-zones/${ZONE}?dryRun=true`);
  expect((await plane.call('GET', '/v1/dns-zones?labelSelector=!env')).body.items).toHaveLength(1);
  expect((await plane.call('DELETE', `/v1/dns-zones/${ZONE}`)).status).toBe(204);
  expect((await plane.call('GET', '/v1/dns-zones')).body.items).toEqual([]);
});

test('a zone and its credential outlive a restart', async () => {
  await post(body());
  plane = await plane.restart();
  const { zones, store } = plane.server.context;
  const record = await store.transaction((tx) => findDnsZone(tx, ZONE));
  if (!record) throw new Error('the zone is gone');
  await expect((await zones.of(record)).check()).resolves.toBeUndefined();
});
