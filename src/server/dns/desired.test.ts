import { expect, test } from 'vitest';
import type { DnsRecordRow } from '../../store/dns-records.ts';
import { type DnsBalancer, desiredRecords, syncRecords } from './desired.ts';
import { nextLook } from './schedule.ts';

const NOW = Date.parse('2026-11-23T04:00:00Z');
const ZONES = new Map([
  ['example.com', { id: 'zone_1' }],
  ['eu.example.com', { id: 'zone_2' }],
]);
const balancer = (spec: DnsBalancer['spec'], addresses = ['192.0.2.1', '2001:db8::1']): DnsBalancer => ({
  id: 'lb_1',
  spec,
  addresses,
});
const DNS = { enabled: true, domains: [], ttl: 60 };
const tls = (...domains: string[]) =>
  ({
    mode: 'terminate',
    challenge: 'http',
    autoRenew: true,
    redirect: true,
    minVersion: '1.2',
    domains,
  }) as const;

test('each domain goes into the longest zone that covers it, or into none', () => {
  const spec = {
    tls: { ...tls('app.eu.example.com', '*.example.com', 'example.com', 'notexample.com') },
    dns: { ...DNS, domains: ['app.example.org', 'example.com'] },
  };
  const desired = desiredRecords([balancer(spec)], ZONES);
  expect(desired.map(({ domain, zoneId }) => [domain, zoneId])).toEqual([
    ['app.eu.example.com', 'zone_2'],
    ['*.example.com', 'zone_1'],
    ['example.com', 'zone_1'],
    ['notexample.com', ''],
    ['app.example.org', ''],
  ]);
  expect(desired[0]?.wanted).toEqual({ ttl: 60, ipv4: ['192.0.2.1'], ipv6: ['2001:db8::1'] });
});

test('the spec says zone, TTL and addresses, or that DNS is left alone', () => {
  const domains = ['app.eu.example.com'];
  const named = { dns: { ...DNS, domains, zone: 'example.com', ttl: 300, addresses: ['203.0.113.5'] } };
  expect(desiredRecords([balancer(named)], ZONES)).toEqual([
    {
      loadBalancerId: 'lb_1',
      domain: 'app.eu.example.com',
      zoneId: 'zone_1',
      wanted: { ttl: 300, ipv4: ['203.0.113.5'], ipv6: [] },
    },
  ]);
  expect(
    desiredRecords([balancer({ dns: { ...DNS, domains, zone: 'gone.example' } })], ZONES)[0]?.zoneId,
  ).toBe('');
  expect(desiredRecords([balancer({ dns: { ...DNS, domains, enabled: false } })], ZONES)).toEqual([]);
});

const row = (more: Partial<DnsRecordRow> = {}): DnsRecordRow => ({
  loadBalancerId: 'lb_1',
  domain: 'app.example.com',
  zoneId: 'zone_1',
  state: 'present',
  wanted: { ttl: 60, ipv4: ['192.0.2.1'], ipv6: [] },
  seen: null,
  message: 'm',
  since: '2026-11-23T03:00:00.000Z',
  attempts: 3,
  nextAt: NOW + 1000,
  ...more,
});
const desired = (more: Partial<DnsRecordRow> = {}) => {
  const { loadBalancerId, domain, zoneId, wanted } = row(more);
  return { loadBalancerId, domain, zoneId, wanted };
};

test('what is new or wanted otherwise is looked at now; what is as before stays as it is', () => {
  expect(syncRecords([row()], [desired()], NOW)).toEqual({ save: [], forget: [] });
  const moved = desired({ wanted: { ttl: 60, ipv4: ['192.0.2.2'], ipv6: [] } });
  for (const [kept, wanted] of [
    [[], desired()],
    [[row()], moved],
    [[row({ state: 'removing' })], desired()],
  ] as const) {
    const { save, forget } = syncRecords(kept, [wanted], NOW);
    expect(save).toMatchObject([{ ...wanted, state: 'pending', attempts: 0, nextAt: NOW }]);
    expect(forget).toEqual([]);
  }
});

test('what nobody wants is removed from its zone; without a zone it is forgotten', () => {
  const { save, forget } = syncRecords([row(), row({ zoneId: '' })], [], NOW);
  expect(save).toMatchObject([{ zoneId: 'zone_1', state: 'removing', nextAt: NOW }]);
  expect(forget).toMatchObject([{ zoneId: '' }]);
  expect(syncRecords([row({ state: 'removing' })], [], NOW)).toEqual({ save: [], forget: [] });
});

test('a domain that comes into another zone goes out of the one before', () => {
  const { save } = syncRecords([row()], [desired({ zoneId: 'zone_2' })], NOW);
  expect(save.map(({ zoneId, state }) => [zoneId, state])).toEqual([
    ['zone_2', 'pending'],
    ['zone_1', 'removing'],
  ]);
});

test('failures are tried later and later; what somebody must do is noticed soon', () => {
  const most = () => 1;
  const failed = [1, 2, 3, 20].map((attempts) => nextLook('failed', { ageMs: 0, attempts }, most));
  expect(failed).toEqual([4000, 8000, 16_000, 300_000]);
  expect(nextLook('failed', { ageMs: 0, attempts: 1 }, () => 0)).toBe(3000);
  const missing = [0, 60_000, 3_600_000].map((ageMs) => nextLook('missing', { ageMs, attempts: 0 }, most));
  expect(missing).toEqual([2000, 6000, 300_000]);
  expect(nextLook('present', { ageMs: 0, attempts: 0 }, most)).toBe(300_000);
});
