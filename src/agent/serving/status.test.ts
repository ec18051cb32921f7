import { describe, expect, it } from 'vitest';
import type { Bundle } from '../../certificates/bundle.ts';
import type { Offered } from './keeper.ts';
import { alertOf, certificateReports } from './status.ts';
import type { OrderState } from './source.ts';

const DAY = 86_400_000;
const BEGIN = Date.parse('2026-01-01T00:00:00Z');
const bundle = (days = 80): Bundle => ({
  names: ['a.test'],
  subject: 'CN=a.test',
  issuer: 'CN=CA',
  serial: '01',
  notBefore: new Date(BEGIN).toISOString(),
  notAfter: new Date(BEGIN + days * DAY).toISOString(),
  fingerprint: 'AA',
  key: 'EC',
  chain: '',
  privateKey: '',
});
const acme = (more: Partial<Offered> = {}): Offered => ({
  source: 'acme',
  name: 'a.test',
  file: 'acme-a.test',
  domains: ['a.test'],
  served: bundle(),
  fault: undefined,
  ...more,
});
const uploaded = (more: Partial<Offered> = {}): Offered => ({
  ...acme(),
  source: 'uploaded',
  name: 'main',
  domains: ['*.u.test', 'u.test'],
  ...more,
});

function reports(domains: string[], offered: Offered[], orders: OrderState[] = [], day = 1) {
  const tls = {
    mode: 'terminate',
    autoRenew: true,
    redirect: true,
    minVersion: '1.2',
    challenge: 'http',
    domains,
  } as const;
  return certificateReports({
    name: 'lb',
    spec: { tls: { ...tls, domains } },
    offered,
    orders,
    now: BEGIN + day * DAY,
  });
}

describe('how it stands with the certificate of a domain', () => {
  it('is told of each domain, and of further names of the uploaded one', () => {
    const all = reports(['a.test', 'b.test', 'x.u.test'], [uploaded(), acme()]);
    expect(all.map(({ domain, source, state }) => `${domain} ${source} ${state}`)).toEqual([
      'a.test acme active',
      'b.test acme pending',
      'x.u.test uploaded active',
      '*.u.test uploaded active',
      'u.test uploaded active',
    ]);
    expect(all[0]).toMatchObject({ serial: '01', issuer: 'CN=CA', alert: 'none', certificate: 'a.test' });
  });

  it.each<[string, Offered[], Partial<OrderState>, number, object]>([
    ['nothing yet', [], {}, 1, { state: 'pending', alert: 'none' }],
    [
      'an order on its way',
      [],
      { state: 'obtaining', reason: 'asking' },
      1,
      { state: 'obtaining', reason: 'asking' },
    ],
    [
      'a failed order',
      [],
      { state: 'failed', reasonCode: 'caa_forbids', whatToDo: 'Add CAA.' },
      1,
      { state: 'failed', reasonCode: 'caa_forbids', whatToDo: 'Add CAA.' },
    ],
    [
      'a renewal that fails',
      [acme()],
      {
        state: 'active',
        reasonCode: 'rate_limited',
        attempts: 3,
        alert: { level: 'warning', message: 'three times' },
      },
      1,
      { state: 'active', attempts: 3, alert: 'warning', alertReason: 'three times' },
    ],
    ['a renewal on its way', [acme()], { state: 'renewing' }, 1, { state: 'renewing' }],
    ['little time left', [acme()], { state: 'active' }, 65, { state: 'active', alert: 'warning' }],
    ['hardly any time left', [acme()], { state: 'active' }, 75, { state: 'active', alert: 'critical' }],
    ['no time left', [acme()], { state: 'active' }, 81, { state: 'expired', alert: 'critical' }],
    [
      'one that its CA has revoked',
      [acme({ revocation: { at: BEGIN, reason: 'keyCompromise' } })],
      { state: 'renewing' },
      1,
      {
        state: 'revoked',
        alert: 'critical',
        revokedAt: new Date(BEGIN).toISOString(),
        revocationReason: 'keyCompromise',
        reason: expect.stringContaining('was revoked by its CA at 2026-01-01T00:00:00Z'),
      },
    ],
    [
      'one of which the order alone knows that it is revoked',
      [acme()],
      { state: 'revoked', revocation: {}, reasonCode: 'revoked', reason: 'revoked by its CA' },
      1,
      { state: 'revoked', alert: 'critical', reasonCode: 'revoked', reason: 'revoked by its CA' },
    ],
    [
      'one that is revoked and over',
      [acme({ revocation: {} })],
      { state: 'expired' },
      81,
      { state: 'expired', alert: 'critical' },
    ],
    [
      'a newer one that cannot be served',
      [acme({ fault: 'broken' })],
      { state: 'active' },
      1,
      {
        state: 'active',
        reasonCode: 'not_servable',
        alert: 'critical',
        serial: '01',
        reason: expect.stringContaining('broken; the one before goes on'),
      },
    ],
    [
      'one that cannot be served, and none before',
      [acme({ fault: 'broken', served: undefined })],
      { state: 'active' },
      1,
      { state: 'failed', reasonCode: 'not_servable' },
    ],
  ])('with %s', (_what, offered, order, day, expected) => {
    const orders = Object.keys(order).length === 0 ? [] : [{ domain: 'a.test', state: 'pending', ...order }];
    expect(reports(['a.test'], offered, orders, day)).toMatchObject([expected]);
  });

  it('of an uploaded one says when its successor is wanted', () => {
    const [soon] = reports([], [uploaded()], [], 70);
    expect(soon).toMatchObject({
      state: 'active',
      reasonCode: 'ends_soon',
      alert: 'warning',
      whatToDo: expect.stringContaining('lb tls upload lb --certificate main'),
    });
    expect(reports([], [uploaded()], [], 90)[0]).toMatchObject({
      state: 'expired',
      reasonCode: 'expired',
      alert: 'critical',
    });
    expect(reports([], [uploaded({ revocation: { reason: 'superseded' } })])[0]).toMatchObject({
      state: 'revoked',
      reasonCode: 'revoked',
      alert: 'critical',
      revocationReason: 'superseded',
      reason: expect.stringContaining('revoked by its CA (superseded: another one took its place)'),
      whatToDo: expect.stringContaining('lb tls upload lb --certificate main'),
    });
    expect(reports([], [uploaded({ served: undefined, domains: [], fault: 'broken' })])[0]).toMatchObject({
      domain: 'main',
      state: 'failed',
      reasonCode: 'not_servable',
    });
  });
});

it('alerts go by the share of a lifetime', () => {
  const at = (days: number, left: number) => alertOf(bundle(days), BEGIN + (days - left) * DAY);
  expect([at(80, 21), at(80, 19), at(80, 7), at(8, 3), at(8, 1.5), at(8, 0.7)]).toEqual([
    'none',
    'warning',
    'critical',
    'none',
    'warning',
    'critical',
  ]);
});
