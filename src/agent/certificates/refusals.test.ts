import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Fault, ordersOf } from '../../../test/support/acme/fault-front.ts';
import { ID, createAcmeScene } from '../../../test/support/acme/scene.ts';
import type { ReasonCode } from '../../certificates/reason.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const scene = await createAcmeScene({
  records: (address) =>
    ['mine', 'slow', 'broken', 'late', 'kept', 'new'].map((name) => `${name} A ${address}`),
});
const brief = await createAcmeScene({ validitySeconds: 60 });
const mounts: string[] = [];
afterAll(() => {
  for (const mount of mounts) execFileSync('umount', ['-l', mount]);
});

const problem = (path: string, status: number, type: string, words: string): Fault => ({
  kind: 'problem',
  path,
  status,
  type,
  words,
});
const ORDER = '/order-plz';

describe.concurrent('a renewal that the CA refuses', async () => {
  const stand = await scene.stand();
  await scene.zone.update(`add mine.test 0 A ${stand.address}`, `delete mine.test A ${scene.address}`);
  const agent = await scene.agent({ stand, random: () => 0.5 });
  let serial: string | undefined;

  it.sequential('has a certificate to begin with', async () => {
    agent.want(['mine.test']);
    ({ serial } = await agent.until('mine.test', 'to be active', ({ state }) => state === 'active'));
  });

  const minutes = 9 * MINUTE_MS;
  /** The code, the CA's words that are told, where and how it says so, and how long it is not asked again at least. */
  const cases: [ReasonCode, string, Fault, number][] = (
    [
      // The account is some minutes old: something else is wrong, and no other is made.
      ['account_gone', 'no account exists with that URL', ORDER, 400, 'accountDoesNotExist', minutes],
      ['account_gone', 'the account is deactivated', ORDER, 403, 'unauthorized', minutes],
      ['ca_refused', 'the key is known to be weak', '/finalize-order', 400, 'badCSR', minutes],
      ['ca_error', 'the database is away', ORDER, 500, 'serverInternal', minutes],
      ['ca_error', 'the nonce is unknown', ORDER, 400, 'badNonce', minutes],
      ['terms_refused', 'see https://ca.example/terms', ORDER, 403, 'userActionRequired', 11.9 * HOUR_MS],
    ] as const
  ).map(([code, words, path, status, type, wait]) => [code, words, problem(path, status, type, words), wait]);
  it.sequential.each(cases)('is told as %s: %s', async (code, words, fault, wait) => {
    const before = ordersOf(stand.front, 'mine.test');
    const thumbprint = agent.orders.thumbprint();
    stand.front.fault = fault;
    agent.orders.renewNow(ID);
    const seen = await agent.until(
      'mine.test',
      `to meet ${code}`,
      ({ state, reason }) => state === 'active' && reason.includes(words),
    );
    expect(seen).toMatchObject({ reasonCode: code, serial, whatToDo: expect.stringMatching(/./) });
    expect((await agent.certificate('mine.test')).serialNumber.toLowerCase()).toBe(serial);
    const asked = ordersOf(stand.front, 'mine.test');
    expect(asked).toBeGreaterThan(before);
    expect(Date.parse(seen.nextRenewalAt ?? '') - agent.clock.now()).toBeGreaterThan(wait);
    agent.clock.advance(wait - MINUTE_MS);
    expect(agent.state('mine.test').nextRenewalAt).toBe(seen.nextRenewalAt);
    expect(ordersOf(stand.front, 'mine.test')).toBe(asked);
    expect(agent.orders.thumbprint()).toBe(thumbprint);
  });

  it.sequential('is had when the CA does not refuse it any more', async () => {
    stand.front.fault = { kind: 'none' };
    agent.orders.renewNow(ID);
    const seen = await agent.until(
      'mine.test',
      'to be renewed',
      (one) => one.serial !== serial && !one.reasonCode,
    );
    expect(seen).toMatchObject({ state: 'active', attempts: 0 });
    await agent.stop();
  });
});

describe.concurrent('an order', () => {
  it('that the CA does not answer is ended in time', async () => {
    const stand = await scene.stand();
    await scene.zone.update(`add slow.test 0 A ${stand.address}`, `delete slow.test A ${scene.address}`);
    stand.front.fault = { kind: 'silent', path: ORDER };
    const agent = await scene.agent({ stand, limitSeconds: 5, random: () => 0.5 });
    agent.want(['slow.test']);
    const seen = await agent.until('slow.test', 'to have failed', ({ state }) => state === 'failed');
    expect(seen).toMatchObject({ reasonCode: 'certbot_slow', attempts: 1 });
    expect(Date.parse(seen.nextRenewalAt ?? '') - agent.clock.now()).toBeGreaterThan(9 * MINUTE_MS);
    await agent.stop();
  });

  it('by a certbot that does not work says so', async () => {
    const agent = await scene.agent({ settings: { certbot: '/bin/false' } });
    agent.want(['broken.test']);
    const seen = await agent.until('broken.test', 'to have failed', ({ state }) => state === 'failed');
    expect(seen).toMatchObject({ reasonCode: 'certbot_failed', attempts: 1 });
    expect(ordersOf(scene.front, 'broken.test')).toBe(0);
    await agent.stop();
  });

  it('for which the CA gives what is over already leaves what there is', async () => {
    const agent = await brief.agent();
    agent.want(['app.test']);
    await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
    agent.clock.advance(HOUR_MS);
    const seen = await agent.until(
      'app.test',
      'to be refused',
      ({ reasonCode }) => reasonCode === 'bundle_invalid',
    );
    expect(seen).toMatchObject({
      state: 'expired',
      reason: expect.stringContaining('it has expired already'),
    });
    expect(agent.orders.obtained(ID)).toHaveLength(1);
    await agent.stop();
  });

  it('without an account, because the CA refuses the mail address, is not placed again and again', async () => {
    const stand = await scene.stand();
    await scene.zone.update(`add new.test 0 A ${stand.address}`, `delete new.test A ${scene.address}`);
    const words = 'contact email has forbidden domain "example.com"';
    stand.front.fault = problem('/sign-me-up', 400, 'invalidContact', words);
    const options = { stand, hasAccount: false, settings: { email: 'ops@example.com' } };
    const agent = await scene.agent(options);
    agent.want(['new.test']);
    const seen = await agent.until(
      'new.test',
      'to be refused',
      ({ reasonCode }) => reasonCode === 'email_refused',
    );
    expect(seen).toMatchObject({ state: 'failed', attempts: 0, reason: expect.stringContaining(words) });
    const tries = stand.front.asked.get('/sign-me-up');
    agent.clock.advance(8 * MINUTE_MS);
    await agent.stop();
    const later = await scene.agent({ ...options, root: agent.root, clock: agent.clock });
    later.want(['new.test']);
    await later.until('new.test', 'to be refused', ({ reasonCode }) => reasonCode === 'email_refused');
    expect(stand.front.asked.get('/sign-me-up')).toBe(tries);
    expect(ordersOf(stand.front, 'new.test')).toBe(0);
    await later.stop();
  });

  it.runIf(process.getuid?.() === 0)('is not placed on a disk that takes nothing', async () => {
    const root = join(scene.directory, 'read-only');
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', root]);
    mounts.push(root);
    const seed = await scene.agent();
    await seed.stop();
    execFileSync('sh', ['-c', 'cp -a "$1"/. "$2" && mount -o remount,ro "$2"', 'sh', seed.root, root]);
    const agent = await scene.agent({ root });
    agent.want(['kept.test']);
    const seen = await agent.until(
      'kept.test',
      'to be held',
      ({ reasonCode }) => reasonCode === 'not_writable',
    );
    expect(seen.reason).toContain('EROFS');
    expect(ordersOf(scene.front, 'kept.test')).toBe(0);
    execFileSync('mount', ['-o', 'remount,rw', root]);
    agent.clock.advance(MINUTE_MS);
    await agent.until('kept.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });
});
