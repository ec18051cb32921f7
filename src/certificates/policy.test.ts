import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PUBLIC_CA_LIMITS, type Spent, judgeBudget } from './budget.ts';
import { type CaaRecord, caaForbids } from './caa.ts';
import { decide, nextHold } from './decision.ts';
import { certificateNames, folderOf, nameOfFolder } from './names.ts';
import {
  type DnsAnswer,
  type Probe,
  type ProbeOutcome,
  judgeCaa,
  judgeHttp,
  judgeRoom,
} from './preflight.ts';
import type { ReasonCode } from './reason.ts';
import { alertOf, nextOrder, renewalDue } from './renewal-policy.ts';
import { describeState } from './state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-23T10:00:00Z');
const life = (days: number) => ({ notBefore: NOW, notAfter: NOW + days * DAY });

describe('when a certificate is renewed', () => {
  it.each([
    [90, 60],
    [64, 42.67],
    [45, 30],
    [10, 6.67],
    [160 / 24, 80 / 24],
    [6, 3],
  ])('one of %d days after %d', (days, due) => {
    expect((renewalDue(life(days), 0.5) - NOW) / DAY).toBeCloseTo(due, 1);
  });

  it('is spread by a twentieth of the life either way, and never outside of it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 400 }),
        (dice, days) => {
          const share = (renewalDue(life(days), dice) - NOW) / (days * DAY);
          const middle = days < 10 ? 1 / 2 : 2 / 3;
          expect(Math.abs(share - middle)).toBeLessThanOrEqual(0.0501);
        },
      ),
    );
  });

  it('is at the CA’s wish, even when that has passed', () => {
    const window = { start: NOW + DAY, end: NOW + 3 * DAY };
    expect(renewalDue(life(90), 0.25, window)).toBe(NOW + 1.5 * DAY);
    // But not in its first hours: the next one would have the same wish.
    expect(renewalDue(life(90), 0.9, { start: NOW - 2 * DAY, end: NOW - DAY })).toBe(NOW + 0.9 * DAY);
  });
});

describe('when it is tried again', () => {
  it('after longer and longer times', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((count) => (nextOrder({ count }, NOW, 0.5) - NOW) / MINUTE);
    expect(delays).toEqual([10, 30, 60, 180, 360, 720, 720, 720]);
  });

  it('never before the CA allows it, however the dice fall', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 8 * DAY }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, after, dice) => {
          expect(nextOrder({ count, retryAt: NOW + after }, NOW, dice)).toBeGreaterThanOrEqual(NOW + after);
        },
      ),
    );
  });

  it('soon enough for what lives shortly', () => {
    expect(nextOrder({ count: 6, life: life(6) }, NOW, 0.5) - NOW).toBe(0.3 * DAY);
    expect(nextOrder({ count: 6, life: life(90) }, NOW, 0.5) - NOW).toBe(12 * HOUR);
    const brief = (ms: number) =>
      nextOrder({ count: 6, life: { notBefore: NOW, notAfter: NOW + ms } }, NOW, 0.5);
    expect(brief(30_000) - NOW).toBe(1500);
    expect(brief(1000) - NOW).toBe(1000);
  });
});

describe('what is decided', () => {
  const base = { hasCertificate: true, dueAt: NOW + DAY, autoRenew: true, isAsked: false, waitUntil: 0 };
  it.each([
    ['the first one', { hasCertificate: false, dueAt: undefined, autoRenew: false }, { kind: 'order' }],
    ['not due', {}, { kind: 'wait', until: NOW + DAY }],
    ['due', { dueAt: NOW }, { kind: 'order' }],
    ['due, but not by itself', { dueAt: NOW, autoRenew: false }, { kind: 'wait' }],
    ['asked for', { autoRenew: false, isAsked: true }, { kind: 'order' }],
    [
      'asked for, but it is too early',
      { isAsked: true, waitUntil: NOW + 5 },
      { kind: 'wait', until: NOW + 5 },
    ],
    ['due, in a backoff', { dueAt: NOW, waitUntil: NOW + 5 }, { kind: 'wait', until: NOW + 5 }],
    ['not due, in a backoff', { waitUntil: NOW + 5 }, { kind: 'wait', until: NOW + DAY }],
  ])('%s', (_what, given, expected) => {
    expect(decide({ ...base, ...given }, NOW)).toEqual(expected);
  });

  it('what keeps the CA from being asked is looked at every minute, sooner in the beginning', () => {
    expect([0, 1, 2, 5, 6, 7, 1000].map((holds) => nextHold(holds, undefined, NOW) - NOW)).toEqual([
      1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000,
    ]);
    expect(nextHold(0, NOW + DAY, NOW)).toBe(NOW + DAY);
  });
});

describe('who is told', () => {
  it.each([
    ['nothing', { life: life(45), failures: 0 }, NOW + DAY, undefined],
    ['a quarter is left', { life: life(45), failures: 0 }, NOW + 34 * DAY, 'warning'],
    ['a tenth is left', { life: life(45), failures: 0 }, NOW + 41 * DAY, 'critical'],
    ['a tenth of six days is left', { life: life(6), failures: 0 }, NOW + 5.5 * DAY, 'critical'],
    ['over', { life: life(45), failures: 0 }, NOW + 46 * DAY, 'critical'],
    ['three failures', { failures: 3 }, NOW, 'warning'],
    ['two failures', { failures: 2 }, NOW, undefined],
    ['long due', { life: life(45), failures: 0, dueAt: NOW }, NOW + 4 * DAY, 'warning'],
  ])('%s', (_what, standing, now, level) => {
    expect(alertOf(standing, now)?.level).toBe(level);
  });

  it('a certificate that is due and not renewed by itself is told of', () => {
    const subject = { domain: 'a.example.com', addresses: [] };
    const issued = { ...life(45), names: ['a.example.com'], issuer: 'CA', serial: '01' };
    const known = { subject, issued, isBusy: false, autoRenew: false, failures: 0, dueAt: NOW + 30 * DAY };
    expect(describeState(known, NOW + 29 * DAY)).toMatchObject({ state: 'active' });
    expect(describeState(known, NOW + 29 * DAY).alert).toBeUndefined();
    expect(describeState(known, NOW + 31 * DAY)).toMatchObject({
      state: 'active',
      reasonCode: 'renewal_off',
      alert: { level: 'warning' },
      whatToDo: expect.stringContaining('lb tls renew'),
    });
    expect(describeState(known, NOW + 46 * DAY)).toMatchObject({
      state: 'expired',
      alert: { level: 'critical' },
    });
  });
});

describe('a name without a certificate', () => {
  const known = { subject: { domain: 'a.example.com', addresses: [] }, isBusy: false, autoRenew: true };
  it.each<[ReasonCode | undefined, number, string]>([
    [undefined, 0, 'pending: waits for its turn'],
    ['name_not_found', 0, 'pending: the CA is not asked yet; a.example.com has no A or AAAA record'],
    ['ca_unreachable', 0, 'pending: the CA is not asked yet; the CA cannot be reached'],
    ['eab_refused', 0, 'failed: the CA refuses the key that binds the account'],
    ['caa_forbids', 1, 'failed: a CAA record of a.example.com forbids this CA to issue'],
    ['name_not_found', 2, 'failed: a.example.com has no A or AAAA record'],
  ])('with %s after %d failed orders', (code, failures, words) => {
    const finding = code && { code, detail: '' };
    const { state, reason } = describeState({ ...known, finding, failures }, NOW);
    expect(`${state}: ${reason}`).toBe(words);
  });
});

describe('what was spent at the CA', () => {
  const spent = (part: Partial<Spent>): Spent => ({ orders: [], issued: [], failed: [], ...part });
  const at = (...hours: number[]) => hours.map((hour) => NOW - hour * HOUR);
  it.each<[string, Spent, number[], number | undefined]>([
    ['nothing', spent({}), [], undefined],
    ['some', spent({ issued: at(1, 2, 3), failed: at(0.1, 0.2), orders: at(1, 2) }), [], undefined],
    ['certificates of a week', spent({ issued: at(167, 100, 50, 1) }), [], NOW + HOUR],
    ['certificates of longer ago', spent({ issued: at(169, 100, 50, 1) }), [], undefined],
    ['failed proofs of an hour', spent({ failed: at(0.9, 0.5, 0.4, 0.3) }), [], NOW + 0.1 * HOUR],
    ['orders of a day', spent({ orders: at(20, 19, 18, 17, 16, 15) }), [], NOW + 4 * HOUR],
    ['orders of the account', spent({}), Array.from({ length: 250 }, () => NOW - HOUR), NOW + 2 * HOUR],
    [
      'two at once: the longer counts',
      spent({ failed: at(0.9, 0.5, 0.4, 0.3), issued: at(160, 100, 50, 1) }),
      [],
      NOW + 8 * HOUR,
    ],
  ])('%s', (_what, given, account, retryAt) => {
    expect(judgeBudget(given, account, PUBLIC_CA_LIMITS, { now: NOW })?.retryAt).toBe(retryAt);
  });

  it.each([
    [1, at(100, 1), undefined],
    [2, at(1), undefined],
    [2, at(100, 1), NOW + 68 * HOUR],
    [3, at(100), NOW + 68 * HOUR],
    [9, [], undefined],
    [9, at(100), NOW + 68 * HOUR],
  ])('is that of all nodes: with %d of them', (nodes, issued, retryAt) => {
    expect(judgeBudget(spent({ issued }), [], PUBLIC_CA_LIMITS, { now: NOW, nodes })?.retryAt).toBe(retryAt);
  });
});

describe('what is seen before the CA is asked', () => {
  const found = (...addresses: string[]): DnsAnswer => ({ outcome: 'found', addresses });
  const probe = (address: string, outcome: ProbeOutcome): Probe => ({ address, port: 80, outcome });
  const ours = { kind: 'ours' } as const;
  const look = (local: DnsAnswer, probes: Probe[] = [], open?: DnsAnswer) =>
    judgeHttp({ resolver: '10.0.0.53:53', local, public: open, probes });

  it.each<[string, ReturnType<typeof look>, ReasonCode | undefined]>([
    ['all is well', look(found('1.2.3.4'), [probe('1.2.3.4', ours)]), undefined],
    ['no record', look({ outcome: 'none' }), 'name_not_found'],
    ['silent name servers', look({ outcome: 'failed', detail: 'ETIMEOUT' }), 'dns_unreachable'],
    [
      'not known outside',
      look(found('1.2.3.4'), [probe('1.2.3.4', ours)], { outcome: 'none' }),
      'name_not_public',
    ],
    ['refused', look(found('1.2.3.4'), [probe('1.2.3.4', { kind: 'refused' })]), 'connection_refused'],
    ['silent', look(found('1.2.3.4'), [probe('1.2.3.4', { kind: 'timeout' })]), 'port_blocked'],
    [
      'another server',
      look(found('1.2.3.4'), [probe('1.2.3.4', { kind: 'other_server', status: 404 })]),
      'points_elsewhere',
    ],
    [
      'another account',
      look(found('1.2.3.4'), [probe('1.2.3.4', { kind: 'other_account' })]),
      'wrong_answer',
    ],
    [
      'one of two',
      look(found('1.2.3.4', '1.2.3.5'), [probe('1.2.3.4', ours), probe('1.2.3.5', { kind: 'refused' })]),
      'connection_refused',
    ],
    [
      'a stale AAAA',
      look(found('1.2.3.4', '2001:db8::1'), [
        probe('1.2.3.4', ours),
        probe('2001:db8::1', { kind: 'failed', detail: 'no way' }),
      ]),
      'ipv6_elsewhere',
    ],
    [
      'IPv6 alone',
      look(found('2001:db8::1'), [probe('2001:db8::1', { kind: 'refused' })]),
      'connection_refused',
    ],
  ])('%s', (_what, finding, code) => {
    expect(finding?.code).toBe(code);
  });

  it('names the address that is wrong', () => {
    expect(look(found('1.2.3.4'), [probe('1.2.3.4', { kind: 'other_server', status: 404 })])?.detail).toBe(
      '1.2.3.4:80 is another server (it answers 404)',
    );
  });

  it('a disk without room', () => {
    expect(judgeRoom({ freeBytes: 1024 * 1024 }, '/x')?.code).toBe('disk_full');
    expect(judgeRoom({ freeBytes: 2 ** 30, freeFiles: 3 }, '/x')?.code).toBe('disk_full');
    expect(judgeRoom({ freeBytes: 2 ** 30, freeFiles: 10_000 }, '/x')).toBeUndefined();
    expect(judgeRoom({ freeBytes: 2 ** 30 }, '/x')).toBeUndefined();
  });

  const record = (tag: string, value: string, critical = false): CaaRecord => ({ tag, value, critical });
  it.each<[string, CaaRecord[], boolean, 'http' | 'dns', boolean]>([
    ['none', [], false, 'http', false],
    ['ours', [record('issue', 'ca.test')], false, 'http', false],
    ['another', [record('issue', 'other.test')], false, 'http', true],
    ['nobody', [record('issue', ';')], false, 'http', true],
    [
      'ours among others',
      [record('issue', 'other.test'), record('issue', 'CA.test; accounturi=x')],
      false,
      'http',
      false,
    ],
    [
      'wildcards by another',
      [record('issue', 'ca.test'), record('issuewild', 'other.test')],
      true,
      'dns',
      true,
    ],
    [
      'wildcards by another, of no wildcard',
      [record('issue', 'ca.test'), record('issuewild', 'other.test')],
      false,
      'dns',
      false,
    ],
    ['a wildcard by issue', [record('issue', 'ca.test')], true, 'dns', false],
    ['another method', [record('issue', 'ca.test; validationmethods=dns-01')], false, 'http', true],
    ['the method', [record('issue', 'ca.test; validationmethods=tls-alpn-01,http-01')], false, 'http', false],
    ['only where to complain', [record('iodef', 'mailto:a@b')], false, 'http', false],
    ['an unknown tag that counts', [record('future', 'x', true)], false, 'http', true],
  ])('CAA: %s', (_what, records, wildcard, challenge, isForbidden) => {
    expect(caaForbids({ records, identities: ['ca.test'], wildcard, challenge })).toBe(isForbidden);
  });

  it('CAA: a CA that does not say what it is called judges by itself; the words name the record that is needed', () => {
    const records = [record('issue', 'other.test')];
    expect(caaForbids({ records, identities: [], wildcard: false, challenge: 'http' })).toBe(false);
    expect(
      judgeCaa(
        { at: 'example.com', records },
        { identities: ['ca.test'], wildcard: false, challenge: 'http' },
      ),
    ).toEqual({
      code: 'caa_forbids',
      detail: 'example.com has issue "other.test"; needed is: CAA 0 issue "ca.test"',
    });
  });
});

describe('names', () => {
  it('are certificates of their own, in folders of their own', () => {
    expect(certificateNames(['A.example.com', 'a.example.com', '*.example.com', '../x', 'x y.com'])).toEqual([
      'a.example.com',
      '*.example.com',
    ]);
    expect(folderOf('*.example.com')).toBe('_wildcard.example.com');
    expect(nameOfFolder('_wildcard.example.com')).toBe('*.example.com');
    expect(nameOfFolder('lost+found')).toBeUndefined();
  });
});
