import { afterAll, describe, expect, it } from 'vitest';
import { ordersOf } from '../../../../test/support/acme/fault-front.ts';
import { createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { startSecondary } from '../../../../test/support/acme/secondary.ts';
import { loopbackAddress } from '../../../../test/support/temporary.ts';
import { waitFor } from '../../../../test/support/wait.ts';

const MINUTE_MS = 60_000;

/** A zone with a second name server, which does not follow by itself. The CA could ask either. */
const address = loopbackAddress();
const scene = await createAcmeScene({ origin: 'zone.test', records: () => ['@ NS ns2', `ns2 A ${address}`] });
const { front, zone } = scene;
const secondary = await startSecondary(scene.directory, zone, address);
afterAll(() => secondary.stop());

const looksOfTheCa = () => [...front.asked.keys()].filter((path) => path.startsWith('/chalZ/')).length;
const published = (name: string) =>
  waitFor('the record', async () => (await zone.txt(`_acme-challenge.${name}`)).length > 0);

describe('a name server that lags behind', () => {
  it('is waited for, and the CA is not told to look when it does not follow in time', async () => {
    const agent = await scene.agent({ publisher: zone.publisher, random: () => 0.5 });
    agent.want(['late.zone.test'], { challenge: 'dns' });
    await published('late.zone.test');
    expect(agent.state('late.zone.test').state).toBe('obtaining');
    const seen = await waitFor('it to be given up', () => {
      const now = agent.state('late.zone.test');
      if (now.state === 'failed') return now;
      agent.clock.advance(10_000);
      return undefined;
    });
    expect(seen).toMatchObject({
      reasonCode: 'txt_not_visible',
      attempts: 1,
      whatToDo: expect.stringContaining('secondaries'),
    });
    expect(seen.reason).toContain(
      `is not seen by the name servers: _acme-challenge.late.zone.test: ns2.zone.test (${address}:`,
    );
    expect(seen.reason).toMatch(/\) does not show it$/);
    expect(looksOfTheCa()).toBe(0);
    await waitFor(
      'nothing to stay behind',
      async () => (await zone.txt('_acme-challenge.late.zone.test')).length === 0,
    );

    // It is asked again later; this time it follows.
    expect(Date.parse(seen.nextRenewalAt ?? '') - agent.clock.now()).toBeGreaterThan(9 * MINUTE_MS);
    expect(ordersOf(front, 'late.zone.test')).toBe(1);
    agent.clock.advance(12 * MINUTE_MS);
    await published('late.zone.test');
    await secondary.follow();
    await agent.until('late.zone.test', 'to be active', ({ state }) => state === 'active');
    expect(ordersOf(front, 'late.zone.test')).toBe(2);
    expect(await zone.txt('_acme-challenge.late.zone.test')).toEqual([]);
    await agent.stop();
  });

  it('is not looked at where the operator wants nothing looked at', async () => {
    const agent = await scene.agent({ publisher: zone.publisher, settings: { preflight: false } });
    agent.want(['unasked.zone.test'], { challenge: 'dns' });
    await agent.until('unasked.zone.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });

  it('is not waited for when it does not answer at all: neither does the CA', async () => {
    await secondary.stop();
    const agent = await scene.agent({ publisher: zone.publisher });
    agent.want(['alone.zone.test'], { challenge: 'dns' });
    await agent.until('alone.zone.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });
});
