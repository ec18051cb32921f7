import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ordersAsked } from '../../../../test/support/acme/fault-front.ts';
import { ID, createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { waitFor } from '../../../../test/support/wait.ts';

const DAY_MS = 86_400_000;

const scene = await createAcmeScene({
  records: (address) => [`app A ${address}`, `shop A ${address}`, `internal A ${address}`],
});
const agent = await scene.agent();

it('obtains a certificate for each name, with the account made on the way', async () => {
  agent.want(['app.test', 'shop.test']);
  await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
  const { serial, notAfter, nextRenewalAt, ...state } = await agent.until(
    'shop.test',
    'to be active',
    (seen) => seen.state === 'active',
  );
  expect(state).toMatchObject({ attempts: 0, issuer: expect.stringContaining('Pebble') });
  expect(state).not.toHaveProperty('reasonCode');
  const lifeLeft = Date.parse(notAfter ?? '') - Date.now();
  expect(lifeLeft).toBeGreaterThan(89 * DAY_MS);
  expect(Date.parse(nextRenewalAt ?? '') - Date.now()).toBeGreaterThan(54 * DAY_MS);
  expect(Date.parse(nextRenewalAt ?? '') - Date.now()).toBeLessThan(66 * DAY_MS);

  const certificate = await agent.certificate('shop.test');
  expect(certificate.subjectAltName).toBe('DNS:shop.test');
  expect(certificate.serialNumber.toLowerCase()).toBe(serial);
  expect(certificate.publicKey.asymmetricKeyType).toBe('ec');
  const [, obtained] = agent.orders.obtained(ID);
  expect(obtained).toMatchObject({ name: 'shop.test', domains: ['shop.test'] });
  const bundle = readFileSync(obtained?.bundlePath ?? '', 'utf8');
  expect(bundle).not.toMatch(/\n\n/);
  expect(certificate.checkPrivateKey(createPrivateKey(bundle))).toBe(true);
  const intermediate = new X509Certificate(bundle.split(/(?<=-----END CERTIFICATE-----\n)/)[1] ?? '');
  expect(intermediate.verify(new X509Certificate(await scene.pebble.root()).publicKey)).toBe(true);
  expect(certificate.verify(intermediate.publicKey)).toBe(true);
  expect(ordersAsked(scene.front)).toBe(2);
});

it('keeps everything for itself, and nothing that certbot leaves behind', async () => {
  for (const name of ['app.test', 'shop.test'])
    await waitFor('orders to be cleared away', () => !existsSync(join(agent.root, 'names', name, 'order')));
  const files = readdirSync(agent.root, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const open = files.filter(({ parentPath, name }) => (statSync(join(parentPath, name)).mode & 0o077) !== 0);
  // certbot writes these two so; every folder above is 0700.
  expect(new Set(open.map(({ name }) => name))).toEqual(new Set(['meta.json', 'regr.json']));
  expect(statSync(agent.root).mode & 0o077).toBe(0);
  const [about] = files.filter(
    ({ name, parentPath }) => name === 'account.json' && !parentPath.includes('backup'),
  );
  const account = JSON.parse(readFileSync(join(about?.parentPath ?? '', 'account.json'), 'utf8')) as object;
  expect(account).toMatchObject({
    server: scene.front.directoryUrl,
    termsOfService: expect.stringContaining('data:'),
  });
});

it('renews one when somebody asks, and keeps the one of before beside it', async () => {
  const before = await agent.certificate('app.test');
  agent.orders.renewNow(ID, 'app.test');
  await agent.until(
    'app.test',
    'to be renewed',
    ({ state, serial }) => state === 'active' && serial !== before.serialNumber.toLowerCase(),
  );
  const previous = new X509Certificate(readFileSync(join(agent.root, 'names', 'app.test', 'previous.pem')));
  expect(previous.serialNumber).toBe(before.serialNumber);
  expect(agent.state('app.test')).toMatchObject({ state: 'active', attempts: 0 });
  expect(ordersAsked(scene.front)).toBe(3);
});

it('puts the one of before back when HAProxy refuses the new one', async () => {
  const before = readFileSync(join(agent.root, 'names', 'app.test', 'previous.pem'), 'utf8');
  const { serial = '' } = agent.state('app.test');
  await agent.orders.refuse('app.test', 'abcd', 'another one');
  expect(agent.state('app.test').serial).toBe(serial);
  const refused = await waitFor('it to be refused', async () => {
    await agent.orders.refuse('app.test', serial, 'unable to load certificate');
    const seen = agent.state('app.test');
    return seen.reasonCode === 'not_servable' && seen;
  });
  expect(refused).toMatchObject({
    state: 'active',
    reasonCode: 'not_servable',
    reason: expect.stringContaining('unable to load certificate'),
    attempts: 1,
  });
  expect(readFileSync(agent.orders.obtained(ID)[0]?.bundlePath ?? '', 'utf8')).toBe(before);
  // Another one is ordered, but not at once.
  expect(ordersAsked(scene.front)).toBe(3);
  agent.clock.advance(12 * 60_000);
  await agent.until(
    'app.test',
    'to have another',
    (seen) => seen.state === 'active' && seen.attempts === 0 && seen.serial !== serial,
  );
});

it('takes up after a restart what there is, and asks the CA for nothing', async () => {
  const { front } = scene;
  const asked = ordersAsked(front);
  const shop = await agent.certificate('shop.test');
  await agent.stop();
  const next = await scene.agent({ root: agent.root });
  next.want(['app.test', 'shop.test']);
  expect(next.orders.thumbprint()).toBe(agent.orders.thumbprint());
  expect(next.state('shop.test')).toMatchObject({ state: 'active', serial: shop.serialNumber.toLowerCase() });
  // A load balancer that is made anew gets what the one of before had.
  next.orders.forget(ID);
  expect(next.orders.obtained(ID)).toEqual([]);
  next.want(['shop.test']);
  expect(next.orders.obtained(ID)).toHaveLength(1);
  next.want(['internal.test', 'shop.test']);
  await next.until('internal.test', 'to be active', ({ state }) => state === 'active');
  expect(ordersAsked(front)).toBe(asked + 1);
  await next.stop();
});

it('sees an order through that it was killed in', async () => {
  const first = await scene.agent();
  await scene.zone.update(`add cut.test 0 A ${scene.address}`);
  first.want(['cut.test']);
  const runFile = join(first.root, 'names', 'cut.test', 'order', 'run.json');
  await waitFor('certbot to run', () => existsSync(runFile));
  await first.stop();
  const asked = ordersAsked(scene.front);
  const second = await scene.agent({ root: first.root });
  second.want(['cut.test']);
  await second.until('cut.test', 'to be active', ({ state }) => state === 'active');
  expect(ordersAsked(scene.front) - asked).toBeLessThanOrEqual(1);
  await waitFor('the order to be cleared away', () => !existsSync(runFile));
  await second.stop();
});

it('gets over a certbot that was killed', async () => {
  const killed = await scene.agent();
  await scene.zone.update(`add killed.test 0 A ${scene.address}`);
  killed.want(['killed.test']);
  const runFile = join(killed.root, 'names', 'killed.test', 'order', 'run.json');
  const { pid } = await waitFor(
    'certbot to run',
    () => existsSync(runFile) && (JSON.parse(readFileSync(runFile, 'utf8')) as { pid: number }),
  );
  process.kill(-pid, 'SIGKILL');
  await killed.until('killed.test', 'to have failed', ({ reasonCode }) => reasonCode === 'interrupted');
  killed.clock.advance(61_000);
  await killed.until('killed.test', 'to be active', ({ state }) => state === 'active');
  await killed.stop();
});

it('has the account back from its copy when the disk has forgotten it', async () => {
  const thumbprint = agent.orders.thumbprint();
  execFileSync('sh', ['-c', 'rm -rf "$1"/accounts/*/config', 'sh', agent.root]);
  const next = await scene.agent({ root: agent.root });
  expect(next.orders.thumbprint()).toBe(thumbprint);
  await next.stop();
});
