import { expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { validateLoadBalancer } from '../spec/validate.ts';
import { createNameResolver } from './resolver.ts';

test('names of all pools are resolved, each once', async () => {
  const spec = {
    type: 'http',
    backends: [{ target: 'web-1:80' }, { target: '10.0.0.9:80' }],
    pools: { api: { backends: [{ target: 'web-1:81' }, { target: 'api.internal:80' }] } },
  };
  const definition = validateLoadBalancer({ name: 'web-lb', spec });
  if (!definition.ok) throw new Error(JSON.stringify(definition.errors));
  const asked: string[] = [];
  const resolver = createNameResolver({
    clock: systemClock,
    onChange: () => undefined,
    async query(host) {
      asked.push(host);
      return ['10.0.0.8'];
    },
  });
  const { addresses, faults } = await resolver.resolve({
    ...definition.value,
    id: 'lb_1',
    revision: 1,
    address: '127.80.0.1',
    vpc: {
      name: 'default',
      cidrs: ['10.0.0.0/8'],
      nameServers: [],
      hosts: [{ name: 'web-1', addresses: ['10.0.0.7'] }],
    },
    allowLoopbackBackends: false,
  });
  expect(Object.fromEntries(addresses)).toEqual({
    'api.internal': '10.0.0.8',
    'web-1': '10.0.0.7',
  });
  expect(asked).toEqual(['api.internal']);
  expect(faults.size).toBe(0);
});
