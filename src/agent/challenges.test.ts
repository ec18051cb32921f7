import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../test/support/control-plane.ts';
import { startKnot } from '../../test/support/dns/knot.ts';
import { ZONE, type ZoneServer } from '../../test/support/dns/zone-server.ts';
import type { ChallengePublisher } from './certificates/challenges/publisher.ts';
import { createChallengePublisher } from './challenges.ts';

let knot: ZoneServer;
let plane: ControlPlane;
let publisher: ChallengePublisher;

beforeAll(async () => {
  knot = await startKnot();
  plane = await startControlPlane();
  const url = await plane.server.listen();
  publisher = createChallengePublisher({ url, tokenFile: join(plane.dataDir, 'agent', 'token') });
  const spec = { provider: 'rfc2136', server: '127.0.0.1', port: knot.port, tsig: knot.key };
  await plane.call('POST', '/v1/dns-zones', { body: { name: ZONE, spec } });
  const tls = { domains: ['app.example.com', '*.app.example.com'] };
  await plane.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec: { type: 'http', tls } } });
});
afterAll(async () => {
  await plane?.stop();
  await knot?.stop();
});

test('an agent puts challenges into the zone and takes them out, several of a name at a time', async () => {
  const name = '_acme-challenge.app.example.com';
  await Promise.all(['for-the-apex', 'for-the-wildcard'].map((value) => publisher.publish(name, value)));
  expect((await knot.resolver.resolveTxt(name)).flat().sort()).toEqual(['for-the-apex', 'for-the-wildcard']);
  await publisher.remove(name, 'for-the-apex');
  expect((await knot.resolver.resolveTxt(name)).flat()).toEqual(['for-the-wildcard']);
  await publisher.remove(name, 'for-the-wildcard');
  await expect(knot.resolver.resolveTxt(name)).rejects.toThrow(/ENODATA|ENOTFOUND/);
  await expect(publisher.publish('_acme-challenge.www.example.com', 'x')).rejects.toMatchObject({
    code: 'forbidden',
  });
});
