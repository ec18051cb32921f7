import { afterAll, expect, test } from 'vitest';
import { specOf } from '../../../test/support/service.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import type { DesiredLoadBalancer, NodeOrder } from '../../api/agent.ts';
import { detectLayout } from '../layout.ts';
import { wantedNames, wantedOf } from './wanted.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

const DOMAINS = ['app.example.com', 'a.example.org', 'example.net'];

function wanted(tls: object, certificate?: DesiredLoadBalancer['certificate'], node?: NodeOrder) {
  const spec = specOf({ type: 'http', tls });
  const vpc = { name: 'default', cidrs: [], hosts: [], nameServers: [] };
  const desired: Omit<DesiredLoadBalancer, 'allowLoopbackBackends'> = {
    id: 'lb_1',
    name: 'lb',
    revision: 1,
    spec,
    address: '127.80.0.1',
    vpc,
  };
  return wantedOf(
    {
      ...desired,
      allowLoopbackBackends: true,
      ...(certificate ? { certificate } : {}),
      ...(node ? { node } : {}),
    },
    detectLayout('/tmp', 0),
  );
}

test('what an uploaded certificate is for is not ordered; the rest is', () => {
  const { certificate, privateKey } = createTestCa(directory.path).issue({
    names: ['app.example.com', '*.example.org'],
  });
  const uploaded = { name: 'own', pem: `${certificate}${privateKey}` };
  expect(wanted({ domains: DOMAINS })?.domains).toEqual(DOMAINS);
  expect(wanted({ domains: DOMAINS, certificate: 'own' }, uploaded)?.domains).toEqual(['example.net']);
  expect(wanted({ domains: DOMAINS.slice(0, 2), certificate: 'own' }, uploaded)).toBeUndefined();
  // Until it has been uploaded there is nothing that could be served in place of what is ordered.
  expect(wanted({ domains: DOMAINS, certificate: 'own' })?.domains).toEqual(DOMAINS);
});

test('a name is obtained by as many nodes as there are of the load balancer that has most', () => {
  const members = ['lb-1', 'lb-2', 'lb-3'].map((name, index) => ({ name, address: `10.0.0.${index}` }));
  const node = { name: 'lb-1', priority: 150, address: '10.0.0.0', floatingAddresses: [], members };
  const [alone, shared] = [
    wanted({ domains: DOMAINS.slice(1) }),
    wanted({ domains: DOMAINS.slice(0, 2) }, undefined, node),
  ];
  if (!alone || !shared) throw new Error('nothing is wanted');
  expect([alone.nodes, shared.nodes]).toEqual([1, 3]);
  expect([alone.others, shared.others]).toEqual([[], ['10.0.0.1', '10.0.0.2']]);
  const names = wantedNames([{ ...shared, id: 'lb_2' }, alone]);
  expect(DOMAINS.map((name) => names.get(name)?.nodes)).toEqual([3, 3, 1]);
  expect(DOMAINS.map((name) => names.get(name)?.others)).toEqual([shared.others, shared.others, []]);
});
