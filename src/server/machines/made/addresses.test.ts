import { expect, test } from 'vitest';
import { VpcInput } from '../../../spec/vpc.ts';
import type { VpcRecord } from '../../../store/vpcs.ts';
import { chooseAddresses } from './addresses.ts';
import { machineNetwork } from './network.ts';

function vpc(driver: object, more: object = {}): VpcRecord {
  const input = {
    name: 'prod',
    spec: { cidrs: ['10.60.0.0/28', '10.61.0.0/24'], driver: { type: 'container', ...driver }, ...more },
  };
  return { ...VpcInput.parse(input), id: 'vpc_1', revision: 1, createdAt: 't', updatedAt: 't', sealed: null };
}

const at = (vpcId: string, address: string, publicAddress: string | null = null) => ({
  vpcId,
  address,
  publicAddress,
});

function choose(record: VpcRecord, hosts: ReturnType<typeof at>[] = []) {
  const { driver } = record.spec;
  if (!driver) throw new Error('it has no driver');
  const chosen = chooseAddresses(record, driver, { hosts, vpcs: [record] });
  return { ...chosen, network: machineNetwork(record, driver, chosen) };
}

test('a machine gets an address that nobody has', () => {
  const record = vpc(
    {},
    {
      hosts: [{ name: 'web-1', addresses: ['10.60.0.2'] }],
      nameServers: ['10.60.0.3:53'],
      floatingAddresses: ['10.60.0.4/31'],
    },
  );
  const others = [at('vpc_1', '10.60.0.6'), at('vpc_2', '10.60.0.7')];
  const { address, publicAddress, network } = choose(record, others);
  expect({ address, publicAddress }).toEqual({ address: '10.60.0.7', publicAddress: null });
  expect(network).toEqual({
    vpc: { id: 'vpc_1', bridge: null, address: '10.60.0.1/28' },
    address: '10.60.0.7/28',
    routes: [{ to: '10.61.0.0/24' }],
    public: null,
  });
});

test('on a bridge of the host’s the first address is nobody’s yet, and a router is', () => {
  const { address, network } = choose(vpc({ bridge: 'br0', gateway: '10.60.0.1' }));
  expect(address).toBe('10.60.0.2');
  expect(network.routes).toEqual([
    { to: '10.61.0.0/24', via: '10.60.0.1' },
    { to: '0.0.0.0/0', via: '10.60.0.1' },
  ]);
});

test('machines get addresses of the range that is theirs', () => {
  const record = vpc({ addresses: ['10.61.0.16/30', '10.61.0.40'] });
  const taken = [at('vpc_1', '10.61.0.17'), at('vpc_1', '10.61.0.18')];
  expect(choose(record, taken).address).toBe('10.61.0.40');
  expect(choose(record, taken).network.address).toBe('10.61.0.40/24');
  expect(() => choose(record, [...taken, at('vpc_1', '10.61.0.40')])).toThrow(
    'every address of 10.61.0.16/30, 10.61.0.40 in VPC prod is in use',
  );
});

test('a public address is nobody’s in any VPC, and leads everywhere by the host', () => {
  const record = vpc({ public: { cidr: '203.0.113.16/29' } });
  const { publicAddress, network } = choose(record, [at('vpc_2', '10.0.0.9', '203.0.113.18')]);
  expect(publicAddress).toBe('203.0.113.19');
  expect(network.public).toEqual({
    cidr: '203.0.113.16/29',
    bridge: null,
    address: '203.0.113.17/29',
    own: '203.0.113.19/29',
    routes: [{ to: '0.0.0.0/0', via: '203.0.113.17' }],
  });
});

test('on the operator’s public bridge the router is the operator’s', () => {
  const cidr = '203.0.113.16/29';
  const { publicAddress, network } = choose(vpc({ public: { cidr, bridge: 'br1', gateway: '203.0.113.1' } }));
  expect(publicAddress).toBe('203.0.113.17');
  expect(network.public?.routes).toEqual([{ to: '0.0.0.0/0', via: '203.0.113.1' }]);
  const full = Array.from({ length: 6 }, (_, index) =>
    at('vpc_2', `10.0.0.${index}`, `203.0.113.${17 + index}`),
  );
  expect(() => choose(vpc({ public: { cidr } }), full)).toThrow('the public network of VPC prod, is in use');
});
