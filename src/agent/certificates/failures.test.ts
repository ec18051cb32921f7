import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Fault, ordersAsked } from '../../../test/support/acme/fault-front.ts';
import { startOtherServers } from '../../../test/support/acme/other-servers.ts';
import { ID, type TestAgent, createAcmeScene } from '../../../test/support/acme/scene.ts';
import { freePort } from '../../../test/support/temporary.ts';
import type { ReasonCode } from '../../certificates/reason.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const others = await startOtherServers();
afterAll(() => others.stop());
const scene = await createAcmeScene({
  blocked: ['blocked.test'],
  records: (address, dead) => [
    `app A ${address}`,
    `blocked A ${address}`,
    `dead A ${dead}`,
    `stranger A ${others.stranger}`,
    `client A ${others.client}`,
    `six A ${address}`,
    'six AAAA 2001:db8::1',
  ],
});
const { front } = scene;

/** What the agent would hold back, asked of the CA all the same: that is when the CA's own words count. */
describe('what the CA finds', () => {
  const cases: [string, ReasonCode][] = [
    ['none.test', 'name_not_found'],
    ['dead.test', 'connection_refused'],
    ['stranger.test', 'points_elsewhere'],
    ['client.test', 'wrong_answer'],
    ['six.test', 'ipv6_elsewhere'],
    ['blocked.test', 'name_refused'],
  ];

  it('is told by its code, and it is not asked again before it should be', async () => {
    const agent = await scene.agent({ settings: { preflight: false }, random: () => 0.5 });
    agent.want(cases.map(([name]) => name));
    for (const [name, code] of cases) {
      const seen = await agent.until(name, `to be ${code}`, ({ reasonCode }) => reasonCode === code);
      expect(seen).toMatchObject({ state: 'failed', attempts: 1 });
    }
    const asked = ordersAsked(front);
    expect(asked).toBe(cases.length);
    agent.clock.advance(9 * MINUTE_MS);
    await scene.zone.update(`add none.test 0 A ${scene.address}`);
    const next = Date.parse(agent.state('none.test').nextRenewalAt ?? '');
    expect(next - agent.clock.now()).toBeGreaterThan(30_000);
    // A restart changes nothing of that.
    await agent.stop();
    const later = await scene.agent({ root: agent.root, clock: agent.clock, settings: { preflight: false } });
    later.want(['none.test']);
    expect(Date.parse(later.state('none.test').nextRenewalAt ?? '')).toBe(next);
    expect(ordersAsked(front)).toBe(asked);
    later.clock.advance(2 * MINUTE_MS);
    await later.until(
      'none.test',
      'to be active',
      ({ state, attempts }) => state === 'active' && attempts === 0,
    );
    await later.stop();
  });
});

describe('a renewal that fails', () => {
  let agent: TestAgent;
  let serial: string | undefined;

  const fails = async (fault: Fault, code: ReasonCode) => {
    front.fault = fault;
    agent.orders.renewNow(ID);
    const seen = await agent.until(
      'app.test',
      `to meet ${code}`,
      (one) => one.reasonCode === code && one.state === 'active',
    );
    // The one of before is still there.
    expect(seen.serial).toBe(serial);
    expect((await agent.certificate('app.test')).serialNumber.toLowerCase()).toBe(serial);
    return seen;
  };

  it('leaves the certificate of before', async () => {
    front.fault = { kind: 'none' };
    agent = await scene.agent({ random: () => 0.5 });
    agent.want(['app.test']);
    ({ serial } = await agent.until('app.test', 'to be active', ({ state }) => state === 'active'));
    await fails({ kind: 'maintenance' }, 'ca_error');
    await fails({ kind: 'caa' }, 'caa_forbids');
    expect(agent.state('app.test')).toMatchObject({
      attempts: 2,
      reason: expect.stringMatching(/^valid until .*forbids this CA/),
    });
  });

  it('by a limit of the CA is not tried again before the CA allows it, whoever asks', async () => {
    const words = `too many certificates (5) already issued, retry after ${new Date(agent.clock.now() + DAY_MS).toISOString().slice(0, 19).replace('T', ' ')} UTC: see https://ca.example`;
    const seen = await fails({ kind: 'rate-limit', retryAfter: '3600', words }, 'rate_limited');
    expect(seen.reason).toContain('too many certificates (5) already issued');
    expect(seen.alert).toEqual({ level: 'warning', message: '3 orders have failed in a row' });
    const next = Date.parse(seen.nextRenewalAt ?? '') - agent.clock.now();
    expect(next).toBeGreaterThan(23.9 * HOUR_MS);
    const asked = ordersAsked(front);
    front.fault = { kind: 'none' };
    agent.orders.renewNow(ID);
    agent.clock.advance(20 * HOUR_MS);
    agent.orders.renewNow(ID);
    expect(Date.parse(agent.state('app.test').nextRenewalAt ?? '')).toBe(
      Date.parse(seen.nextRenewalAt ?? ''),
    );
    expect(ordersAsked(front)).toBe(asked);
    agent.clock.advance(4.1 * HOUR_MS);
    const renewed = await agent.until(
      'app.test',
      'to be renewed',
      (one) => one.state === 'active' && one.attempts === 0,
    );
    expect(renewed.serial).not.toBe(serial);
    expect(ordersAsked(front)).toBe(asked + 1);
  });

  it('because of a CA that is dead for days is made up for when it is back', async () => {
    ({ serial } = agent.state('app.test'));
    agent.clock.advance(61 * DAY_MS);
    const asked = ordersAsked(front);
    await fails({ kind: 'dead' }, 'ca_unreachable');
    for (let day = 0; day < 6; day++) {
      agent.clock.advance(DAY_MS);
      await fails({ kind: 'dead' }, 'ca_unreachable');
    }
    expect(agent.state('app.test').alert).toEqual({
      level: 'warning',
      message: expect.stringContaining('less than a quarter of its life') as string,
    });
    expect(ordersAsked(front)).toBe(asked);
    agent.clock.advance(40 * DAY_MS);
    await agent.until(
      'app.test',
      'to be over',
      (one) => one.state === 'expired' && one.alert?.level === 'critical',
    );
    // Expired, and served all the same.
    expect(agent.orders.obtained(ID)).toHaveLength(1);
    front.fault = { kind: 'none' };
    agent.clock.advance(2 * MINUTE_MS);
  });

  it('because the CA has forgotten the account is tried again with another one', async () => {
    await agent.stop();
    const next = await scene.agent({ root: agent.root });
    const before = next.orders.thumbprint();
    await scene.pebble.restart();
    next.clock.advance(2 * DAY_MS);
    next.want(['app.test']);
    next.orders.renewNow(ID);
    await next.until('app.test', 'to have a new account', () => next.orders.thumbprint() !== before);
    next.clock.advance(MINUTE_MS);
    await next.until('app.test', 'to be active', (one) => one.state === 'active' && one.attempts === 0);
    await next.stop();
    agent = next;
  });

  it('is never begun when renewal is off, and is told of', async () => {
    const asked = ordersAsked(front);
    const manual = await scene.agent({ root: agent.root });
    manual.want(['app.test'], { autoRenew: false });
    manual.clock.advance(61 * DAY_MS);
    expect(manual.state('app.test')).toMatchObject({
      state: 'active',
      reasonCode: 'renewal_off',
      alert: { level: 'warning' },
    });
    expect(manual.state('app.test')).not.toHaveProperty('nextRenewalAt');
    const before = manual.state('app.test').serial;
    expect(ordersAsked(front)).toBe(asked);
    manual.orders.renewNow(ID, 'APP.test');
    await manual.until(
      'app.test',
      'to be renewed',
      (seen) => seen.state === 'active' && seen.serial !== before,
    );
    expect(ordersAsked(front)).toBe(asked + 1);
    await manual.stop();
  });
});

describe('what stands in the way before', () => {
  it.each<[string, () => Promise<object>, ReasonCode]>([
    [
      'a CA that is not there',
      async () => ({ server: `https://127.0.0.1:${await freePort()}/dir` }),
      'ca_unreachable',
    ],
    ['a CA that is not trusted', async () => ({ caBundle: undefined }), 'ca_untrusted'],
    [
      'a server that is no CA',
      async () => ({ server: front.directoryUrl.replace(/dir$/, 'nonce-plz') }),
      'settings_invalid',
    ],
    [
      'settings that cannot be',
      async () => ({ fault: 'AGENTMETAL_ACME_EMAIL is not a mail address: x' }),
      'settings_invalid',
    ],
    ['no certbot', async () => ({ certbot: '/nowhere/certbot' }), 'certbot_missing'],
  ])('%s', async (_what, settings, code) => {
    const asked = ordersAsked(front);
    const agent = await scene.agent({ settings: await settings() });
    agent.want(['app.test']);
    const seen = await agent.until('app.test', `to meet ${code}`, ({ reasonCode }) => reasonCode === code);
    expect(seen).toMatchObject({ state: 'failed', attempts: 0, whatToDo: expect.any(String) });
    expect(ordersAsked(front)).toBe(asked);
    await agent.stop();
  });

  it('a record that somebody has cut short: the certificate is there all the same', async () => {
    const agent = await scene.agent();
    agent.want(['app.test']);
    const { serial } = await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
    const record = join(agent.root, 'names', 'app.test', 'record.json');
    writeFileSync(record, readFileSync(record, 'utf8').slice(0, 40));
    const asked = ordersAsked(front);
    const next = await scene.agent({ root: agent.root });
    next.want(['app.test']);
    expect(next.state('app.test')).toMatchObject({ state: 'active', serial });
    expect(ordersAsked(front)).toBe(asked);
    expect(existsSync(record)).toBe(true);
    await next.stop();
  });
});
