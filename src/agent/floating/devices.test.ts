import { describe, expect, it } from 'vitest';
import { type Interfaces, deviceOf } from './devices.ts';

const info = (cidr: string, internal = false) => {
  const address = cidr.split('/')[0] ?? '';
  const family = address.includes(':') ? ('IPv6' as const) : ('IPv4' as const);
  const rest = { netmask: '', mac: '', internal, address, cidr };
  return family === 'IPv6' ? { ...rest, family, scopeid: 0 } : { ...rest, family };
};

const interfaces: Interfaces = {
  lo: [info('127.0.0.1/8', true), info('203.0.113.100/32', true)],
  eth0: [info('10.80.0.11/24'), info('fd00::11/64')],
  eth1: [info('203.0.113.11/24'), info('203.0.113.100/32')],
  wide: [info('203.0.0.1/16')],
};
const without = ['203.0.113.100', '198.51.100.7'];

describe('the interface of an address', () => {
  it.each([
    ['10.80.0.11', 'eth0'],
    ['10.80.0.99', 'eth0'],
    ['fd00::99', 'eth0'],
    ['203.0.113.100', 'eth1'],
    ['203.0.112.5', 'wide'],
    ['198.51.100.7', undefined],
    ['127.0.0.9', undefined],
    ['no address', undefined],
  ])('%s: %s', (address, device) => expect(deviceOf(address, interfaces, without)).toBe(device));

  it('is not one that only has the floating address itself', () => {
    expect(deviceOf('203.0.113.100', { eth2: [info('203.0.113.100/32')] }, without)).toBeUndefined();
  });
});
