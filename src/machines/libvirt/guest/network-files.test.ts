import { expect, test } from 'vitest';
import { networkFiles } from './network-files.ts';

test('a card has its name, its address and its routes', () => {
  const files = networkFiles([
    {
      name: 'eth0',
      mac: '52:01:02:03:04:05',
      address: '10.60.0.2/24',
      routes: [{ to: '10.61.0.0/16' }, { to: '10.62.0.0/16', via: '10.60.0.1' }],
    },
    { name: 'host0', mac: '52:01:02:03:04:06', address: 'fd00::a/64', routes: [] },
  ]);
  expect([...files.keys()]).toEqual([
    '05-agentmetal-eth0.link',
    '05-agentmetal-eth0.network',
    '05-agentmetal-host0.link',
    '05-agentmetal-host0.network',
  ]);
  expect(files.get('05-agentmetal-eth0.link')).toBe(
    '[Match]\nMACAddress=52:01:02:03:04:05\n\n[Link]\nName=eth0\n\n',
  );
  const network = files.get('05-agentmetal-eth0.network') ?? '';
  expect(network).toContain('[Address]\nAddress=10.60.0.2/24\n\n');
  expect(network).toContain('[Route]\nDestination=10.61.0.0/16\nScope=link\n\n');
  expect(network).toContain('[Route]\nDestination=10.62.0.0/16\nGateway=10.60.0.1\nGatewayOnLink=yes\n\n');
  expect(files.get('05-agentmetal-host0.network')).toContain(
    'Address=fd00::a/64\nDuplicateAddressDetection=none\n',
  );
});

test('a value with a line break is no line of its own', () => {
  const files = networkFiles([
    { name: 'eth0', mac: 'x\n[Link]\nName=evil', address: '10.0.0.1/24\nDHCP=yes', routes: [] },
  ]);
  for (const text of files.values()) {
    expect(text).not.toMatch(/^DHCP=yes$/m);
    expect(text).not.toMatch(/^Name=evil$/m);
  }
});
