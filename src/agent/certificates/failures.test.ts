import { createSocket } from 'node:dgram';
import { afterAll, describe, expect, it } from 'vitest';
import { type Fault, ordersOf } from '../../../test/support/acme/fault-front.ts';
import { startOtherServers } from '../../../test/support/acme/other-servers.ts';
import { ID, createAcmeScene } from '../../../test/support/acme/scene.ts';
import { startZone } from '../../../test/support/acme/zone.ts';
import { freePort, temporaryDirectory } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { ReasonCode } from '../../certificates/reason.ts';
import { probe } from './preflight/probe.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const others = await startOtherServers();
const scene = await createAcmeScene({
  blocked: ['blocked.test'],
  records: (address, dead) => [
    ...['app', 'lone', 'open', 'blocked', 'caa', 'sub.caa', 'allowed', 'half', 'six', 'ca-six'].map(
      (name) => `${name} A ${address}`,
    ),
    ...['dead', 'ca-dead'].map((name) => `${name} A ${dead}`),
    ...['silent', 'ca-silent'].map((name) => `${name} A ${others.silent}`),
    `ca-rude A ${others.rude}`,
    ...['stranger', 'half', 'ca-stranger'].map((name) => `${name} A ${others.stranger}`),
    ...['client', 'ca-client'].map((name) => `${name} A ${others.client}`),
    ...['six', 'ca-six'].map((name) => `${name} AAAA 2001:db8::1`),
    'caa CAA 0 issue "other.example"',
    'allowed CAA 0 issue "pebble.example; validationmethods=http-01"',
  ],
});
const { front, zone } = scene;
front.meta = { caaIdentities: ['pebble.example'] };

/** A name server that hears questions and answers none. */
const silent = createSocket('udp4');
await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', () => resolve()));
const elsewhere = await temporaryDirectory();
const publicZone = await startZone(elsewhere.path);
const brief = await createAcmeScene({ validitySeconds: 20 });
afterAll(async () => {
  silent.close();
  await Promise.all([others.stop(), publicZone.stop()]);
  await elsewhere.remove();
});

describe.concurrent('what speaks against asking the CA', async () => {
  const cases: [string, ReasonCode, string][] = [
    ['none.test', 'name_not_found', zone.address],
    ['dead.test', 'connection_refused', `${scene.deadAddress}:5080 refuses connections`],
    ['stranger.test', 'points_elsewhere', `${others.stranger}:5080 is another server (it answers 404)`],
    ['client.test', 'wrong_answer', others.client],
    ['silent.test', 'port_blocked', `${others.silent}:5080 does not answer`],
    ['half.test', 'points_elsewhere', others.stranger],
    ['six.test', 'ipv6_elsewhere', '[2001:db8::1]:5080'],
    [
      'caa.test',
      'caa_forbids',
      'caa.test has issue "other.example"; needed is: CAA 0 issue "pebble.example"',
    ],
    ['sub.caa.test', 'caa_forbids', 'caa.test has issue'],
    ['*.app.test', 'wildcard_needs_dns', ''],
  ];
  const agent = await scene.agent();

  it.sequential('is found, and the CA is asked for nothing', async () => {
    agent.want(cases.map(([name]) => name));
    for (const [name, code, words] of cases) {
      const seen = await agent.until(name, `to be ${code}`, ({ reasonCode }) => reasonCode === code);
      expect(seen).toMatchObject({ state: 'pending', attempts: 0, reason: expect.stringContaining(words) });
      expect(seen.reason).toMatch(/^the CA is not asked yet; /);
      expect(seen.whatToDo).toBeTruthy();
    }
    expect(agent.state('none.test').whatToDo).toContain(`none.test A ${scene.address}`);
    expect(ordersOf(front, ...cases.map(([name]) => name))).toBe(0);
  });

  it.sequential('is noticed to have been set right', async () => {
    await zone.update(`add none.test 0 A ${scene.address}`, 'delete six.test AAAA');
    agent.clock.advance(MINUTE_MS);
    await agent.until('none.test', 'to be active', ({ state }) => state === 'active');
    await agent.until('six.test', 'to be active', ({ state }) => state === 'active');
    expect(agent.state('dead.test').reasonCode).toBe('connection_refused');
    await agent.stop();
  });
});

describe.concurrent('name servers', () => {
  it('whose CAA records name the CA let it pass', async () => {
    const agent = await scene.agent();
    agent.want(['allowed.test']);
    await agent.until('allowed.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });

  it('of the public are asked too, and waited for', async () => {
    const agent = await scene.agent({ publicServers: [publicZone.address] });
    agent.want(['open.test']);
    await agent.until('open.test', 'to be local', ({ reasonCode }) => reasonCode === 'name_not_public');
    await publicZone.update(`add open.test 0 A ${scene.address}`);
    agent.clock.advance(MINUTE_MS);
    await agent.until('open.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });

  it('and servers that say nothing are not waited for without end', async () => {
    const agent = await scene.agent({ settings: { resolver: `127.0.0.1:${silent.address().port}` } });
    agent.want(['app.test']);
    const question = {
      domain: 'silent.test',
      address: others.silent,
      port: 5080,
      token: 'x',
      thumbprint: 'y',
    };
    expect(await probe({ ...question, timeoutMs: 100 })).toEqual({ kind: 'timeout' });
    const seen = await agent.until(
      'app.test',
      'to be unheard of',
      ({ reasonCode }) => reasonCode === 'dns_unreachable',
    );
    expect(seen.reason).toContain('ETIMEOUT');
    await agent.stop();
  });
});

/** What the agent would hold back, asked of the CA all the same: that is when the CA's own words count. */
describe.concurrent('what the CA finds', () => {
  const cases: [string, ReasonCode][] = [
    ['ca-none.test', 'name_not_found'],
    ['ca-dead.test', 'connection_refused'],
    ['ca-stranger.test', 'points_elsewhere'],
    ['ca-client.test', 'wrong_answer'],
    ['ca-six.test', 'ipv6_elsewhere'],
    ['ca-silent.test', 'port_blocked'],
    ['ca-rude.test', 'challenge_failed'],
    ['blocked.test', 'name_refused'],
  ];
  const names = cases.map(([name]) => name);

  it('is told by its code, and it is not asked again before it should be', async () => {
    const agent = await scene.agent({ settings: { preflight: false }, random: () => 0.5 });
    agent.want(names);
    for (const [name, code] of cases) {
      // The CA itself waits for some that are silent.
      const seen = await agent.until(name, `to be ${code}`, ({ reasonCode }) => reasonCode === code, 90_000);
      expect(seen).toMatchObject({ state: 'failed', attempts: 1 });
    }
    expect(ordersOf(front, ...names)).toBe(cases.length);
    agent.clock.advance(9 * MINUTE_MS);
    await zone.update(`add ca-none.test 0 A ${scene.address}`);
    const next = Date.parse(agent.state('ca-none.test').nextRenewalAt ?? '');
    expect(next - agent.clock.now()).toBeGreaterThan(10_000);
    // A restart changes nothing of that.
    await agent.stop();
    const later = await scene.agent({ root: agent.root, clock: agent.clock, settings: { preflight: false } });
    later.want(['ca-none.test']);
    expect(Date.parse(later.state('ca-none.test').nextRenewalAt ?? '')).toBe(next);
    expect(ordersOf(front, ...names)).toBe(cases.length);
    later.clock.advance(2 * MINUTE_MS);
    await later.until(
      'ca-none.test',
      'to be active',
      ({ state, attempts }) => state === 'active' && attempts === 0,
    );
    await later.stop();
  }, 180_000);
});

describe.concurrent('a renewal', async () => {
  const stand = await scene.stand();
  await zone.update(`add mine.test 0 A ${stand.address}`);
  const agent = await scene.agent({ stand, random: () => 0.5 });
  const asked = () => ordersOf(stand.front, 'mine.test');
  let serial: string | undefined;

  const fails = async (fault: Fault, code: ReasonCode) => {
    stand.front.fault = fault;
    agent.orders.renewNow(ID);
    const seen = await agent.until(
      'mine.test',
      `to meet ${code}`,
      (one) => one.reasonCode === code && one.state === 'active',
    );
    // The one of before is still there.
    expect(seen.serial).toBe(serial);
    expect((await agent.certificate('mine.test')).serialNumber.toLowerCase()).toBe(serial);
    return seen;
  };

  it.sequential('that fails leaves the certificate of before', async () => {
    agent.want(['mine.test']);
    ({ serial } = await agent.until('mine.test', 'to be active', ({ state }) => state === 'active'));
    await fails({ kind: 'caa' }, 'caa_forbids');
    expect(agent.state('mine.test')).toMatchObject({
      attempts: 1,
      reason: expect.stringMatching(/^valid until .*forbids this CA/),
    });
    agent.clock.advance(2 * MINUTE_MS);
    await fails({ kind: 'maintenance' }, 'ca_error');
    expect(asked()).toBe(2);
  });

  it.sequential('that meets a limit is not tried again before the CA allows it, whoever asks', async () => {
    agent.clock.advance(2 * MINUTE_MS);
    const tomorrow = new Date(agent.clock.now() + DAY_MS).toISOString().slice(0, 19).replace('T', ' ');
    const words = `too many certificates (5) already issued, retry after ${tomorrow} UTC: see https://ca.example`;
    const seen = await fails({ kind: 'rate-limit', retryAfter: '3600', words }, 'rate_limited');
    expect(seen.reason).toContain('too many certificates (5) already issued');
    const next = Date.parse(seen.nextRenewalAt ?? '');
    expect(next - agent.clock.now()).toBeGreaterThan(23.9 * HOUR_MS);
    expect(asked()).toBe(3);
    stand.front.fault = { kind: 'none' };
    agent.orders.renewNow(ID);
    agent.clock.advance(20 * HOUR_MS);
    agent.orders.renewNow(ID);
    expect(Date.parse(agent.state('mine.test').nextRenewalAt ?? '')).toBe(next);
    expect(asked()).toBe(3);
    agent.clock.advance(4.1 * HOUR_MS);
    const renewed = await agent.until(
      'mine.test',
      'to be renewed',
      (one) => one.state === 'active' && one.attempts === 0,
    );
    expect(renewed.serial).not.toBe(serial);
    expect(asked()).toBe(4);
    ({ serial } = renewed);
  });

  it.sequential('goes by the CA’s window when it tells one', async () => {
    const at = agent.clock.now();
    const window = (from: number, to: number) => ({
      start: new Date(at + from * HOUR_MS).toISOString(),
      end: new Date(at + to * HOUR_MS).toISOString(),
      retryAfter: '60',
    });
    stand.front.renewalInfo = window(48, 72);
    agent.clock.advance(25 * HOUR_MS);
    await agent.until('mine.test', 'to have advice', ({ nextRenewalAt }) => {
      const next = Date.parse(nextRenewalAt ?? '') - at;
      return next > 47 * HOUR_MS && next < 73 * HOUR_MS;
    });
    expect(asked()).toBe(4);
    // The CA revokes it: it is to be renewed now. By this clock, which is ahead, the next one is no younger.
    stand.front.renewalInfo = { ...window(-48, -24), serial };
    agent.clock.advance(61_000);
    const renewed = await agent.until(
      'mine.test',
      'to be renewed',
      (one) => one.state === 'active' && one.serial !== serial,
    );
    stand.front.renewalInfo = undefined;
    expect(asked()).toBe(5);
    ({ serial } = renewed);
  });

  it.sequential('waits for a CA that is dead for days, and what is over is kept all the same', async () => {
    agent.clock.advance(61 * DAY_MS);
    for (let day = 0; day < 8; day++) {
      await fails({ kind: 'dead' }, 'ca_unreachable');
      agent.clock.advance(DAY_MS);
    }
    await agent.until('mine.test', 'to be told of', ({ alert }) => alert?.level === 'warning');
    expect(agent.state('mine.test').alert?.message).toContain('less than a quarter of its life');
    expect(asked()).toBe(5);
    agent.clock.advance(40 * DAY_MS);
    await agent.until(
      'mine.test',
      'to be over',
      (one) => one.state === 'expired' && one.alert?.level === 'critical',
    );
    expect(agent.orders.obtained(ID)).toHaveLength(1);
    await agent.stop();
    stand.front.fault = { kind: 'none' };
    // The clock of this one is right, so that what the CA issues is not over at once.
    const next = await scene.agent({ stand, root: agent.root });
    next.orders.renewNow(ID);
    next.want(['mine.test']);
    next.orders.renewNow(ID);
    next.clock.advance(25 * HOUR_MS);
    await next.until('mine.test', 'to be renewed', (one) => one.state === 'active' && one.serial !== serial);
    await next.stop();
  });

  it.sequential('that is switched off is not begun, and is told of', async () => {
    const before = asked();
    const manual = await scene.agent({ stand, root: agent.root });
    manual.want(['mine.test'], { autoRenew: false });
    manual.clock.advance(66 * DAY_MS);
    const seen = await manual.until(
      'mine.test',
      'to be due',
      ({ reasonCode, nextRenewalAt }) => reasonCode === 'renewal_off' && nextRenewalAt === undefined,
    );
    expect(seen).toMatchObject({ state: 'active', alert: { level: 'warning' } });
    expect(asked()).toBe(before);
    manual.orders.renewNow(ID, 'MINE.test');
    await manual.until(
      'mine.test',
      'to be renewed',
      (one) => one.state === 'active' && one.serial !== seen.serial,
    );
    expect(asked()).toBe(before + 1);
    await manual.stop();
  });
});

it.concurrent('a certificate of seconds is renewed again and again, before it is over', async () => {
  const agent = await brief.agent();
  agent.want(['app.test']);
  const serials = new Set<string>();
  let left = Number.POSITIVE_INFINITY;
  await waitFor(
    'three certificates',
    () => {
      const { serial, notAfter } = agent.state('app.test');
      if (serial !== undefined) serials.add(serial);
      if (notAfter !== undefined) left = Math.min(left, Date.parse(notAfter) - Date.now());
      return serials.size >= 3;
    },
    60_000,
  );
  expect(left).toBeGreaterThan(0);
  expect(agent.state('app.test').attempts).toBe(0);
  await agent.stop();
});

describe.concurrent('nothing is asked of', () => {
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
      'anybody, with settings that cannot be',
      async () => ({ fault: 'AGENTMETAL_ACME_EMAIL is not a mail address: x' }),
      'settings_invalid',
    ],
    [
      'a CA that hears and says nothing',
      async () => {
        const stand = await scene.stand();
        stand.front.fault = { kind: 'silent', path: '/dir' };
        return { server: stand.front.directoryUrl };
      },
      'ca_unreachable',
    ],
    ['a CA, without certbot', async () => ({ certbot: '/nowhere/certbot' }), 'certbot_missing'],
  ])('%s', async (_what, settings, code) => {
    const agent = await scene.agent({ settings: await settings(), hasAccount: false });
    agent.want(['lone.test']);
    const seen = await agent.until('lone.test', `to meet ${code}`, ({ reasonCode }) => reasonCode === code);
    expect(seen).toMatchObject({ state: 'pending', attempts: 0, whatToDo: expect.any(String) });
    expect(ordersOf(front, 'lone.test')).toBe(0);
    await agent.stop();
  });
});
