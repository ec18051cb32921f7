import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Revision } from '../../src/api/load-balancer.ts';
import { VPC } from '../support/floating/network.ts';
import { type RealFleet, startRealFleet } from '../support/real-fleet/fleet.ts';
import { BACKENDS } from '../support/real-fleet/places.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 180_000;
/** Time in which keepalived would long have taken the address: it waits for less than half a second. */
const TEMPTATION_MS = 4000;

describe.runIf(process.getuid?.() === 0)('a machine that is lost, of three with agents of their own', () => {
  let fleet: RealFleet;
  let lost: number;
  beforeAll(async () => {
    fleet = await startRealFleet(3);
    const backends = BACKENDS.map((port) => ({ target: `${VPC.backends}:${port}` }));
    const spec = {
      type: 'http',
      vpc: 'prod',
      nodes: 2,
      backends,
      healthCheck: { type: 'tcp', interval: '1s' },
    };
    await fleet.call('POST', '/v1/load-balancers', { name: 'web-lb', spec });
    await waitFor('both nodes', async () => String(await roles()) === 'active,standby', LONG_MS);
    await waitFor('an answer', () => fleet.ask());
  }, LONG_MS);
  afterAll(() => fleet?.end());

  const status = async () => (await fleet.loadBalancer('web-lb')).status;
  const roles = async () => (await status()).nodes.map(({ floating }) => floating?.role ?? 'none').toSorted();
  const names = async () => (await status()).nodes.map(({ machine }) => machine).toSorted();
  const nameOf = (index: number) => `lb-${index + 1}`;

  test(
    'is replaced by the one that is free, and the receipt says why',
    async () => {
      const active =
        (await status()).nodes.find(({ floating }) => floating?.role === 'active')?.machine ?? '';
      lost = Number(active.slice(-1)) - 1;
      const others = [0, 1, 2].map(nameOf).filter((name) => name !== active);
      await fleet.crash(lost);
      await waitFor('the other node to answer', () => fleet.ask());
      await waitFor('the third', async () => String(await names()) === String(others), LONG_MS);
      await waitFor('both nodes', async () => String(await roles()) === 'active,standby', LONG_MS);
      expect(await fleet.ask()).toBeDefined();
      const { receipts } = await fleet.call<Revision>('GET', '/v1/load-balancers/web-lb/revisions/1');
      const reason = expect.stringMatching(
        /^silent for \d+ seconds, and no port of web-lb takes connections there/,
      );
      expect(receipts).toContainEqual(
        expect.objectContaining({ machine: 'lb-3', replaces: { machine: active, reason } }),
      );
      expect((await fleet.machine(active)).lost).toMatchObject({ state: 'replaced', replacedBy: 'lb-3' });
    },
    LONG_MS,
  );

  test(
    'comes back with its old orders, and does not take the address while nobody tells it better',
    async () => {
      await fleet.cutOff(lost, true);
      await fleet.boot(lost);
      await waitFor('its keepalived', () => fleet.processes(lost, 'keepalived').length > 0, LONG_MS);
      const until = performance.now() + TEMPTATION_MS;
      while (performance.now() < until) expect(await fleet.hasAddress(lost), fleet.logs()).toBe(false);
      expect(await fleet.ask()).toBeDefined();
    },
    LONG_MS,
  );

  test(
    'takes off what it served when it is told, and is free',
    async () => {
      await fleet.cutOff(lost, false);
      await waitFor(
        'it to be free',
        async () => {
          const { lost: stands, state } = await fleet.machine(nameOf(lost));
          return stands === undefined && state === 'online';
        },
        LONG_MS,
      );
      await waitFor('its HAProxy to be gone', () => fleet.processes(lost, 'haproxy').length === 0, LONG_MS);
      expect(fleet.processes(lost, 'keepalived')).toEqual([]);
      expect(await names()).not.toContain(nameOf(lost));
      expect(await fleet.ask()).toBeDefined();
    },
    LONG_MS,
  );
});
