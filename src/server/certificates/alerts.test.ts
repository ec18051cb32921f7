import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  createWebLb,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { CertificateReport } from '../../api/certificates.ts';
import type { Event } from '../../api/events.ts';
import type { Condition } from '../../api/load-balancer.ts';
import { systemClock } from '../../base/clock.ts';
import { startWatch } from '../events/watch.ts';
import type { Loop } from '../loop.ts';

const DAY = 86_400_000;
const LB = '/v1/load-balancers/web-lb';
const start = Date.parse('2026-11-23T04:00:00Z');

let clock: ReturnType<typeof adjustableClock>;
let plane: ControlPlane;
let lb: Awaited<ReturnType<typeof createWebLb>>;
let watch: Loop | undefined;
/** How often the watch has looked. */
let looked = 0;
beforeEach(async () => {
  clock = adjustableClock(start);
  plane = await startControlPlane({ clock });
  lb = await createWebLb(plane);
});
afterEach(async () => {
  await watch?.stop();
  watch = undefined;
  await plane.stop();
});

const report = (more: Partial<CertificateReport> = {}): CertificateReport => ({
  domain: 'app.example.com',
  state: 'active',
  source: 'acme',
  certificate: 'app.example.com',
  serial: '0A',
  issuer: 'CN=CA',
  notBefore: new Date(start).toISOString(),
  notAfter: new Date(start + 90 * DAY).toISOString(),
  reason: 'is served',
  attempts: 0,
  alert: 'none',
  ...more,
});
const tell = (...certificates: CertificateReport[]) =>
  plane.agent.report({ ...liveReport(lb, { now: clock.now() }), certificates });
const events = async (type: string): Promise<Event[]> =>
  (await plane.call('GET', `${LB}/events?type=${type}`)).body.items;
const status = async () => (await plane.call('GET', LB)).body.status;

/** Sleeps are a thousandth of what they are, so that the next look comes at once. */
function watchClosely(): void {
  const hurried = {
    now: clock.now,
    sleep(ms: number, signal?: AbortSignal) {
      looked += 1;
      return systemClock.sleep(ms / 1000, signal);
    },
  };
  watch = startWatch({ ...plane.server.context, clock: hurried });
}

test('each stage is told once, by the clock alone, while the agent is dead', async () => {
  await tell(report());
  watchClosely();
  const stages = async () => (await events('certificate.expiring')).map(({ details }) => details['stage']);
  clock.advance(60 * DAY);
  expect((await status()).certificates[0]).toMatchObject({ alert: 'none', state: 'active' });
  clock.advance(10 * DAY);
  await waitFor('the warning', async () => (await stages()).length === 1);
  expect((await status()).certificates[0]).toMatchObject({
    alert: 'warning',
    state: 'active',
    alertReason: 'it ends in 20 days, at 2027-02-21T04:00:00Z, and should have been renewed by now',
    whatToDo: expect.stringContaining('agentmetal lb tls renew web-lb'),
  });
  clock.advance(12 * DAY);
  await waitFor('the critical one', async () => (await stages()).length === 2);
  expect((await status()).state).toBe('active');
  clock.advance(10 * DAY);
  const [over] = await waitFor('the end', async () => {
    const found = await events('certificate.expired');
    return found.length > 0 && found;
  });
  expect(over).toMatchObject({
    severity: 'error',
    count: 1,
    message: expect.stringMatching(/^the certificate for app\.example\.com: it ended 2 days ago/),
    details: { stage: 'expired', domains: ['app.example.com'], serial: '0A' },
  });
  const after = await status();
  expect(after).toMatchObject({
    state: 'degraded',
    certificates: [{ state: 'expired', alert: 'critical', reason: expect.stringContaining('ended at') }],
  });
  expect(after.conditions).toContainEqual(
    expect.objectContaining({
      type: 'CertificatesServed',
      status: 'false',
      message: expect.stringContaining('clients refuse it'),
    }) as Condition,
  );
  await watch?.stop();
  // Whoever looks again, after a restart too, tells nothing twice.
  watchClosely();
  await tell(
    report({
      serial: '0B',
      notBefore: new Date(clock.now()).toISOString(),
      notAfter: new Date(clock.now() + 90 * DAY).toISOString(),
    }),
  );
  await waitFor('the renewal', async () => (await events('certificate.renewed')).length === 1);
  expect([await stages(), (await events('certificate.expired')).length]).toEqual([
    ['critical', 'warning'],
    1,
  ]);
  expect((await status()).state).toBe('active');
});

test('a control plane that was away says nothing of certificates before their machine has told of the newer ones', async () => {
  await tell(report());
  clock.advance(120 * DAY);
  watchClosely();
  const looks = looked;
  await waitFor('some looks', () => looked > looks + 3);
  expect(await events('certificate.*')).toHaveLength(1);
  // It never comes: after three heartbeats that is told, and so is the certificate.
  clock.advance(31_000);
  await waitFor('its end', async () => (await events('certificate.expired')).length === 1);
});

test('one that nobody renews is told when others are renewed', async () => {
  await plane.call('PATCH', LB, { body: { spec: { tls: { autoRenew: false } } } });
  lb = (await plane.call('GET', LB)).body;
  await tell(report());
  watchClosely();
  clock.advance(61 * DAY);
  const [told] = await waitFor('the warning', async () => {
    const found = await events('certificate.expiring');
    return found.length > 0 && found;
  });
  expect(told).toMatchObject({
    severity: 'warning',
    message: expect.stringMatching(/tls\.autoRenew is off.*lb tls set web-lb --auto-renew/),
  });
});

test('an uploaded one with many names is one event', async () => {
  const names = ['app.example.com', 'a.example.com', 'b.example.com'];
  await tell(...names.map((domain) => report({ domain, source: 'uploaded', certificate: 'main' })));
  watchClosely();
  clock.advance(70 * DAY);
  const told = await waitFor('the warning', async () => {
    const found = await events('certificate.expiring');
    return found.length > 0 && found;
  });
  expect(told).toMatchObject([
    {
      details: { certificate: 'main', source: 'uploaded' },
      message: expect.stringContaining('lb tls upload web-lb'),
    },
  ]);
});

test('that its CA has revoked one is told at once and once, and its load balancer is degraded', async () => {
  const revoked = {
    state: 'revoked',
    reasonCode: 'revoked',
    reason: 'revoked by its CA (keyCompromise)',
    revocationReason: 'keyCompromise',
    whatToDo: 'Find out why.',
    alert: 'critical',
    alertReason: 'its CA has revoked it',
  } as const;
  const names = ['app.example.com', 'a.example.com'];
  const uploads = (more: Partial<CertificateReport>) =>
    names.map((domain) => report({ domain, source: 'uploaded', certificate: 'main', ...more }));
  await tell(report());
  expect((await status()).state).toBe('active');
  await tell(report(revoked));
  await tell(report({ ...revoked, reason: 'revoked by its CA; the CA is being asked' }));
  const told = await events('certificate.revoked');
  expect(told).toMatchObject([
    {
      severity: 'error',
      count: 1,
      message: 'the certificate for app.example.com: revoked by its CA (keyCompromise). Find out why.',
      details: { domains: ['app.example.com'], serial: '0A', revocationReason: 'keyCompromise' },
    },
  ]);
  const seen = await status();
  expect(seen).toMatchObject({ state: 'degraded', certificates: [{ state: 'revoked', alert: 'critical' }] });
  expect(seen.conditions).toContainEqual(
    expect.objectContaining({
      type: 'CertificatesServed',
      status: 'false',
      message: expect.stringContaining('its CA has revoked it'),
    }) as Condition,
  );
  // What keeps the CA from being asked is told once it lasts; that one is revoked is not of that kind.
  const tls = { domain: null, domains: ['app.example.com', 'b.example.com'] };
  await plane.call('PATCH', LB, { body: { spec: { tls } } });
  lb = (await plane.call('GET', LB)).body;
  const held = { state: 'failed', reasonCode: 'name_not_found', reason: 'no record' } as const;
  await tell(report(revoked), report({ ...held, domain: 'b.example.com', serial: undefined }));
  watchClosely();
  await waitFor('what lasts', async () => (await events('certificate.failed')).length > 0);
  expect((await events('certificate.failed')).map(({ details }) => details['domain'])).toEqual([
    'b.example.com',
  ]);
  clock.advance(3_600_000);
  await tell(report({ serial: '0B' }));
  // Another one that is revoked is told again; an uploaded one with several names is one event.
  await tell(report({ ...revoked, serial: '0B' }));
  clock.advance(3_600_000);
  await tell(...uploads({ serial: '0C' }));
  await tell(...uploads({ ...revoked, serial: '0C' }));
  expect((await events('certificate.revoked')).map(({ details }) => details['serial'])).toEqual([
    '0C',
    '0B',
    '0A',
  ]);
  expect((await events('certificate.revoked'))[0]).toMatchObject({
    message: expect.stringMatching(/^the certificate for app\.example\.com and 1 more: /),
    details: { domains: names, certificate: 'main' },
  });
});

test('what keeps the CA from being asked is told when it lasts, and once', async () => {
  const held = (reasonCode: string) =>
    tell({
      domain: 'app.example.com',
      state: 'failed',
      source: 'acme',
      reasonCode,
      reason: `app.example.com has a fault: ${reasonCode}`,
      whatToDo: 'Mend it.',
      attempts: 0,
      alert: 'none',
    });
  const codes = async () => (await events('certificate.failed')).map(({ details }) => details['reasonCode']);
  await held('points_elsewhere');
  expect(await codes()).toEqual([]);
  await held('name_not_found');
  watchClosely();
  await waitFor('the first', async () => (await codes()).length === 1);
  expect(await events('certificate.failed')).toMatchObject([
    { severity: 'error', count: 1, message: 'app.example.com has a fault: name_not_found. Mend it.' },
  ]);
  clock.advance(3_600_000);
  await held('port_blocked');
  await waitFor('the second', async () => (await codes()).length === 2);
  clock.advance(3_600_000);
  await tell(report());
  await held('port_blocked');
  await waitFor('the same again', async () => (await codes()).length === 3);
  expect(await codes()).toEqual(['port_blocked', 'port_blocked', 'name_not_found']);
  await watch?.stop();
  watchClosely();
  clock.advance(3_600_000);
  await held('caa_forbids');
  await waitFor('the last', async () => (await codes()).length === 4);
});

test('what is obtained, renewed, refused and put back is told, and failures are counted', async () => {
  await tell({ domain: 'app.example.com', state: 'pending', source: 'acme', reason: 'waits', alert: 'none' });
  const failing = {
    domain: 'app.example.com',
    state: 'failed',
    source: 'acme',
    reasonCode: 'rate_limited',
    reason: 'the CA refuses for a while',
    whatToDo: 'Nothing: it is tried again.',
    alert: 'none',
  } as const;
  for (const attempts of [1, 1, 2]) {
    await tell({ ...failing, attempts });
    clock.advance(3_600_000);
  }
  await tell(report());
  await tell(report());
  await tell(report({ serial: '0B' }));
  await tell(
    report({ serial: '0B', attempts: 1, reasonCode: 'ca_unreachable', reason: 'the CA cannot be reached' }),
  );
  await tell(
    report({
      serial: '0B',
      attempts: 2,
      reasonCode: 'not_servable',
      reason: 'HAProxy refuses it',
      alert: 'critical',
    }),
  );
  expect((await events('certificate.*')).map(({ type, severity }) => `${type} ${severity}`)).toEqual([
    'certificate.rolled_back warning',
    'certificate.failed warning',
    'certificate.renewed info',
    'certificate.issued info',
    'certificate.failed error',
    'certificate.failed error',
  ]);
  expect((await events('certificate.failed'))[2]).toMatchObject({
    message: 'app.example.com: the CA refuses for a while. Nothing: it is tried again.',
    details: { reasonCode: 'rate_limited', attempts: 1 },
  });
  const { text } = await plane.call('GET', '/metrics');
  const labels = '{load_balancer="web-lb",domain="app.example.com"}';
  expect(text).toContain(`agentmetal_certificate_renewal_failures_total${labels} 4\n`);
  expect(text).toContain(`agentmetal_certificate_alert${labels} 2\n`);
});
