import { afterAll, expect, test } from 'vitest';
import { specOf } from '../../../test/support/service.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import type { DesiredLoadBalancer } from '../../api/agent.ts';
import { detectLayout } from '../layout.ts';
import { wantedOf } from './wanted.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

const DOMAINS = ['app.example.com', 'a.example.org', 'example.net'];

function wanted(tls: object, certificate?: DesiredLoadBalancer['certificate']) {
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
