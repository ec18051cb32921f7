import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ordersOf } from '../../../test/support/acme/fault-front.ts';
import { HTTP_PORT, ID, type Stand, createAcmeScene } from '../../../test/support/acme/scene.ts';
import { createTestClock } from '../../../test/support/acme/test-clock.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { Logger } from '../../base/logger.ts';
import { type FollowedOrders, createFollowedOrders } from './followed-orders.ts';
import { createCertificateOrders } from './orders/orders.ts';

const scene = await createAcmeScene({ records: (address) => [`* A ${address}`] });
const clock = createTestClock();
const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const PATIENCE_MS = 60_000;

/** What the control plane of an operator who uses that CA tells. */
const settingsFor = ({ front }: Stand) => ({
  server: front.directoryUrl,
  caBundle: readFileSync(scene.pebble.caBundle, 'utf8'),
  resolver: scene.zone.address,
});

function start(root: string, env: Record<string, string> = {}): FollowedOrders {
  const orders = createFollowedOrders({
    root,
    env,
    make: (settings) => createCertificateOrders({ root, settings, clock, random: Math.random, logger }),
  });
  orders.onChange(() => {
    const thumbprint = orders.thumbprint();
    if (thumbprint !== undefined) void scene.answerer.setThumbprint(thumbprint);
  });
  return orders;
}

const want = (orders: FollowedOrders, ...domains: string[]) =>
  orders.want({
    id: ID,
    domains,
    challenge: 'http',
    autoRenew: true,
    addresses: [scene.address],
    port: HTTP_PORT,
  });
const state = (orders: FollowedOrders, domain: string) =>
  orders.state(ID).find((each) => each.domain === domain);

it('a machine orders from the CA that its control plane names, from another one when it names that, and after a restart without it', async () => {
  const root = join(scene.directory, 'machine');
  const other = await scene.stand();
  const orders = start(root);
  const ending = new AbortController();
  await orders.load();
  const running = orders.run(ending.signal);
  await orders.follow(settingsFor(scene));
  want(orders, 'one.test');
  const active = (from: FollowedOrders, domain: string) =>
    waitFor(`${domain} to be active`, () => state(from, domain)?.state === 'active', PATIENCE_MS);
  await active(orders, 'one.test');
  expect(orders.authority()?.directory).toBe(scene.front.directoryUrl);
  expect(ordersOf(scene.front, 'one.test')).toBe(1);

  // Another CA in the middle of an order: that is seen through, and what comes after is asked of the new one.
  want(orders, 'one.test', 'cut.test');
  await waitFor('certbot to run', () => existsSync(join(root, 'names/cut.test/order/run.json')), PATIENCE_MS);
  await orders.follow(settingsFor(other));
  expect(orders.obtained(ID).map(({ name }) => name)).toContain('one.test');
  await active(orders, 'cut.test');
  want(orders, 'one.test', 'cut.test', 'two.test');
  await active(orders, 'two.test');
  expect(orders.authority()?.directory).toBe(other.front.directoryUrl);
  expect([scene.front, other.front].map((front) => ordersOf(front, 'cut.test'))).toEqual([1, 0]);
  expect([scene.front, other.front].map((front) => ordersOf(front, 'two.test'))).toEqual([0, 1]);
  ending.abort();
  await running;

  // No control plane tells anything after the restart.
  const next = start(root);
  const over = new AbortController();
  await next.load();
  const after = next.run(over.signal);
  want(next, 'one.test', 'three.test');
  await active(next, 'three.test');
  expect(ordersOf(other.front, 'three.test')).toBe(1);
  over.abort();
  await after;
}, 240_000);

it('a machine with settings of its own goes by them', async () => {
  const { server, resolver } = settingsFor(scene);
  const orders = start(join(scene.directory, 'own'), {
    AGENTMETAL_ACME_SERVER: server,
    AGENTMETAL_ACME_CA_BUNDLE: scene.pebble.caBundle,
    AGENTMETAL_RESOLVER: resolver,
  });
  await orders.load();
  await orders.follow({ server: 'https://127.0.0.1:9/directory', fault: 'whatever' });
  expect(orders.authority()?.directory).toBe(server);
});
