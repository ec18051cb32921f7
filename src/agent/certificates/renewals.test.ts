import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ordersAsked } from '../../../test/support/acme/fault-front.ts';
import { ID, createAcmeScene } from '../../../test/support/acme/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const HOUR_MS = 3_600_000;

const scene = await createAcmeScene({
  records: (address) => [`app A ${address}`, `shop A ${address}`],
});
const { front } = scene;

it('goes by the CA’s window when it tells one', async () => {
  front.renewalInfo = {
    start: new Date(Date.now() + 48 * HOUR_MS).toISOString(),
    end: new Date(Date.now() + 72 * HOUR_MS).toISOString(),
    retryAfter: '60',
  };
  const agent = await scene.agent();
  agent.want(['shop.test']);
  const { serial } = await agent.until('shop.test', 'to have advice', ({ nextRenewalAt }) => {
    const at = Date.parse(nextRenewalAt ?? '') - Date.now();
    return at > 47 * HOUR_MS && at < 73 * HOUR_MS;
  });
  const asked = ordersAsked(front);
  // The CA revokes it: it is to be renewed now.
  front.renewalInfo = { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z', retryAfter: '60' };
  agent.clock.advance(25 * HOUR_MS);
  await agent.until(
    'shop.test',
    'to be renewed',
    (seen) => seen.serial !== undefined && seen.serial !== serial,
  );
  expect(ordersAsked(front)).toBe(asked + 1);
  front.renewalInfo = undefined;
  await agent.stop();
});

it('never asks the CA above its limits', async () => {
  const agent = await scene.agent({
    limits: {
      issued: { max: 2, windowMs: HOUR_MS },
      failed: { max: 10, windowMs: HOUR_MS },
      ordersOfName: { max: 10, windowMs: HOUR_MS },
      ordersOfAccount: { max: 10, windowMs: HOUR_MS },
    },
  });
  agent.want(['app.test']);
  await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
  const asked = ordersAsked(front) - 1;
  agent.orders.renewNow(ID);
  await waitFor('the second order', () => ordersAsked(front) === asked + 2);
  await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
  agent.orders.renewNow(ID);
  const seen = await agent.until(
    'app.test',
    'to be spent',
    ({ reasonCode }) => reasonCode === 'budget_spent',
  );
  expect(ordersAsked(front)).toBe(asked + 2);
  expect(seen.reason).toContain('2 certificates in 1 hours; next at');
  expect(Date.parse(seen.nextRenewalAt ?? '') - Date.now()).toBeGreaterThan(0.9 * HOUR_MS);
  await agent.stop();
});

const isRoot = process.getuid?.() === 0;
const mounts: string[] = [];
afterAll(() => {
  for (const mount of mounts) execFileSync('umount', ['-l', mount]);
});

it.runIf(isRoot)('asks the CA for nothing while the disk is full, and goes on when it has room', async () => {
  const root = join(scene.directory, 'small');
  mkdirSync(root);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root]);
  mounts.push(root);
  const ballast = join(root, 'ballast');
  writeFileSync(ballast, Buffer.alloc(12 * 1024 * 1024));
  const asked = ordersAsked(front);
  const agent = await scene.agent({ root });
  agent.want(['app.test']);
  const seen = await agent.until(
    'app.test',
    'to find no room',
    ({ reasonCode }) => reasonCode === 'disk_full',
  );
  expect(seen.reason).toMatch(/the disk of the load balancer machine is full: 1\d MiB are free/);
  expect(ordersAsked(front)).toBe(asked);
  execFileSync('rm', [ballast]);
  agent.clock.advance(60_000);
  await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
  await agent.stop();
});
