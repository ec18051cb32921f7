import { describe, expect, test } from 'vitest';
import type { LoadBalancer } from '../../api/load-balancer.ts';
import { addressTexts, clientPlace, listenerText, placeholderText } from './addresses.ts';

interface Given {
  type?: 'http' | 'tcp';
  port?: number;
  ports?: string[];
  addresses?: string[];
  listeners?: string[];
}

function loadBalancer({ type = 'http', port = 80, ports, addresses = [], listeners = [] }: Given) {
  const node = {
    machine: 'local',
    address: listeners[0]?.replace(/:\d+$/, '') ?? '127.80.0.1',
    listeners,
    observedRevision: 1,
    state: 'active',
    connected: true,
  } as const;
  return {
    spec: { type, port, ports } as LoadBalancer['spec'],
    status: { addresses, nodes: [node], certificates: [], dns: [] } as unknown as LoadBalancer['status'],
  };
}

describe('on all addresses of a machine whose addresses are not known', () => {
  const lb = loadBalancer({ listeners: ['*:80', '*:443'] });

  test('says so', () => expect(addressTexts(lb)).toEqual(['all addresses']));
  test('is reached on this machine', () => expect(clientPlace(lb)).toBe('127.0.0.1'));
});

test('a known address stands for all', () => {
  const lb = loadBalancer({ addresses: ['fd00::7', '10.0.0.7'], listeners: ['*:18080', '*:18443'] });
  expect(addressTexts(lb)).toEqual(['fd00::7', '10.0.0.7']);
  expect(clientPlace(lb)).toBe('[fd00::7]:18080');
});

test.each([
  [{ listeners: ['127.80.0.1:80', '127.80.0.1:443'] }, '127.80.0.1:80, 127.80.0.1:443', 443],
  [
    { listeners: ['127.80.0.1:18080', '127.80.0.1:18443'] },
    '127.80.0.1:18080, 127.80.0.1:18443 (ports below 1024 are moved by 18000 on this machine)',
    18443,
  ],
  [
    { port: 8088, listeners: ['[fd00::1]:8088', '[fd00::1]:8443'] },
    '[fd00::1]:8088, [fd00::1]:8443 (ports below 1024 are moved by 8000 on this machine)',
    8443,
  ],
])('%j', (given, text, https) => {
  const lb = loadBalancer(given);
  expect(listenerText(lb)).toBe(text);
  expect(placeholderText(lb)).toBe(`none; ${https} answers with a self-signed placeholder`);
});

test('tcp has no certificate', () => {
  const lb = loadBalancer({ type: 'tcp', port: 5432, listeners: ['127.80.0.1:5432'] });
  expect([listenerText(lb), placeholderText(lb)]).toEqual(['127.80.0.1:5432', '']);
});

test('several ports of tcp, moved or not, and many of them only counted', () => {
  const lb = loadBalancer({
    type: 'tcp',
    port: 81,
    ports: ['81-82', '6000'],
    listeners: ['127.80.0.1:8081', '127.80.0.1:8082', '127.80.0.1:6000'],
  });
  expect(listenerText(lb)).toBe(
    '127.80.0.1:8081, 127.80.0.1:8082, 127.80.0.1:6000 (ports below 1024 are moved by 8000 on this machine)',
  );
  const listeners = Array.from({ length: 30 }, (_, index) => `127.80.0.1:${6000 + index}`);
  const many = loadBalancer({ type: 'tcp', port: 6000, ports: ['6000-6029'], listeners });
  expect(listenerText(many)).toMatch(/^127.80.0.1:6000, .*, 127.80.0.1:6009 and 20 more$/);
});
