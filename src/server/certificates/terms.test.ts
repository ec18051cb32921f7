import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  adjustableClock,
  createWebLb,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import type { CertificateAuthority, TermsAgreement } from '../../api/certificates.ts';

const LB = '/v1/load-balancers/web-lb';
const DIRECTORY = 'https://ca.test/directory';
const OLD = 'https://ca.test/terms-1';
const NEW = 'https://ca.test/terms-2';

let clock: ReturnType<typeof adjustableClock>;
let plane: ControlPlane;
beforeEach(async () => {
  clock = adjustableClock();
  plane = await startControlPlane({ clock });
});
afterEach(() => plane.stop());

const agreements = async (): Promise<TermsAgreement[]> =>
  (await plane.call('GET', `${LB}/certificates`)).body.agreements;
const patch = (spec: object, query = '', key = plane.key) =>
  plane.call('PATCH', `${LB}${query}`, { key, body: { spec } });
const tell = (authority: CertificateAuthority) => plane.agent.tell({ authority });
const changes = async () =>
  (await plane.call('GET', `${LB}/events?type=certificate.terms_changed`)).body.items;

test('who named a domain first, and what the CA’s terms were, is kept', async () => {
  await createWebLb(plane);
  const first = { agreedBy: 'admin', agreedAt: '2026-11-23T04:00:00.000Z', isCurrent: true };
  expect(await agreements()).toEqual([first]);
  clock.advance(1000);
  await tell({ directory: DIRECTORY });
  expect(await agreements()).toEqual([first]);
  await tell({ directory: DIRECTORY, termsOfService: OLD });
  expect(await agreements()).toEqual([{ ...first, directory: DIRECTORY, termsOfService: OLD }]);
  await patch({ tls: { domain: null, domains: ['app.example.com', 'www.example.com'] } });
  await patch({ algorithm: 'leastconn' });
  // An agent that has started anew has not asked yet.
  await tell({ directory: DIRECTORY });
  await tell({ directory: DIRECTORY, termsOfService: OLD });
  expect(await agreements()).toHaveLength(1);
  expect(await changes()).toEqual([]);
  expect((await plane.call('GET', '/v1/machines/local')).body.authority).toEqual({
    directory: DIRECTORY,
    termsOfService: OLD,
  });
});

test('new terms are told, and agreed to by naming a domain again alone', async () => {
  await tell({ directory: DIRECTORY, termsOfService: OLD });
  await createWebLb(plane);
  await tell({ directory: DIRECTORY, termsOfService: NEW });
  await tell({ directory: DIRECTORY, termsOfService: NEW });
  expect(await changes()).toMatchObject([
    {
      severity: 'warning',
      count: 1,
      resource: { kind: 'machine', name: 'local' },
      details: { directory: DIRECTORY, termsOfService: NEW, previousTermsOfService: OLD },
    },
  ]);
  expect(await agreements()).toMatchObject([{ termsOfService: OLD, isCurrent: false }]);
  await patch({ algorithm: 'leastconn' });
  await patch({ tls: { domain: 'app.example.com' } }, '?dryRun=true');
  expect(await agreements()).toHaveLength(1);
  const { body } = await plane.call('POST', '/v1/keys', { body: { name: 'deployer', role: 'operator' } });
  clock.advance(60_000);
  const { revision } = (await patch({ tls: { domain: 'app.example.com' } }, '', body.key)).body;
  expect(revision).toBe(2);
  expect(await agreements()).toMatchObject([
    { termsOfService: NEW, agreedBy: 'deployer', agreedAt: '2026-11-23T04:01:00.000Z', isCurrent: true },
    { termsOfService: OLD, agreedBy: 'admin', isCurrent: false },
  ]);
});

test('nothing is agreed to where no CA is asked, and another CA is another agreement', async () => {
  await plane.call('POST', '/v1/load-balancers', { body: { name: 'web-lb', spec: { type: 'http' } } });
  expect(await agreements()).toEqual([]);
  await tell({ directory: DIRECTORY, termsOfService: OLD });
  await patch({ tls: { domain: 'app.example.com' } });
  await tell({ directory: 'https://other.test/directory', termsOfService: NEW });
  expect(await changes()).toEqual([]);
  await patch({ tls: { domain: 'app.example.com' } });
  expect((await agreements()).map(({ directory, isCurrent }) => [directory, isCurrent])).toEqual(
    expect.arrayContaining([
      ['https://other.test/directory', true],
      [DIRECTORY, false],
    ]),
  );
});
