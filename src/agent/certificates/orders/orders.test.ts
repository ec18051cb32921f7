import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ordersOf } from '../../../../test/support/acme/fault-front.ts';
import { ID, createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { waitFor } from '../../../../test/support/wait.ts';
import type { ChallengePublisher } from '../challenges/publisher.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const HTTP_NAMES = [
  'app',
  'shop',
  'internal',
  'cut',
  'killed',
  'copy',
  'short',
  'spent',
  'full',
  'back',
  'filled',
  'twice',
];
const scene = await createAcmeScene({
  records: (address) => HTTP_NAMES.map((name) => `${name} A ${address}`),
});
const { front, zone } = scene;

const KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
const bound = await createAcmeScene({ externalAccounts: { 'kid-1': KEY } });

const runFileOf = (root: string, name: string) => join(root, 'names', name, 'order', 'run.json');
const mounts: string[] = [];
afterAll(() => {
  for (const mount of mounts) execFileSync('umount', ['-l', mount]);
});

describe.concurrent('certificates', async () => {
  const agent = await scene.agent();

  it.sequential('are obtained, one for each name', async () => {
    agent.want(['app.test', 'shop.test']);
    await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
    const { serial, notAfter, nextRenewalAt, ...state } = await agent.until(
      'shop.test',
      'to be active',
      (seen) => seen.state === 'active',
    );
    expect(state).toMatchObject({ attempts: 0, issuer: expect.stringContaining('Pebble') });
    expect(state).not.toHaveProperty('reasonCode');
    expect(Date.parse(notAfter ?? '') - Date.now()).toBeGreaterThan(89 * DAY_MS);
    const renewalIn = Date.parse(nextRenewalAt ?? '') - Date.now();
    expect(renewalIn).toBeGreaterThan(54 * DAY_MS);
    expect(renewalIn).toBeLessThan(66 * DAY_MS);

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
    expect(ordersOf(front, 'app.test', 'shop.test')).toBe(2);
  });

  it.sequential('are kept from others, and nothing of certbot stays behind', async () => {
    for (const name of ['app.test', 'shop.test'])
      await waitFor(
        'the order to be cleared away',
        () => !existsSync(join(agent.root, 'names', name, 'order')),
      );
    const files = readdirSync(agent.root, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const open = files.filter(
      ({ parentPath, name }) => (statSync(join(parentPath, name)).mode & 0o077) !== 0,
    );
    // certbot writes these two so, in folders that are 0700.
    expect(new Set(open.map(({ name }) => name))).toEqual(new Set(['meta.json', 'regr.json']));
    const account = files.find(
      ({ name, parentPath }) => name === 'account.json' && !parentPath.includes('backup'),
    );
    expect(statSync(account?.parentPath ?? '').mode & 0o077).toBe(0);
    expect(JSON.parse(readFileSync(join(account?.parentPath ?? '', 'account.json'), 'utf8'))).toMatchObject({
      server: front.directoryUrl,
      termsOfService: expect.stringContaining('data:'),
    });
  });

  it.sequential('are renewed when somebody asks; those of before stay beside them', async () => {
    const before = await agent.certificate('app.test');
    agent.orders.renewNow(ID, 'app.test');
    await agent.until(
      'app.test',
      'to be renewed',
      ({ state, serial }) => state === 'active' && serial !== before.serialNumber.toLowerCase(),
    );
    const previous = new X509Certificate(readFileSync(join(agent.root, 'names', 'app.test', 'previous.pem')));
    expect(previous.serialNumber).toBe(before.serialNumber);
    expect(ordersOf(front, 'app.test')).toBe(2);
    expect(ordersOf(front, 'shop.test')).toBe(1);
  });

  it.sequential('are put back when HAProxy refuses the new ones', async () => {
    const before = readFileSync(join(agent.root, 'names', 'app.test', 'previous.pem'), 'utf8');
    const { serial = '' } = agent.state('app.test');
    await agent.orders.refuse('app.test', 'abcd', 'another one');
    expect(agent.state('app.test').serial).toBe(serial);
    const refused = await waitFor('it to be refused', async () => {
      await agent.orders.refuse('app.test', serial.toUpperCase(), 'unable to load certificate');
      const seen = agent.state('app.test');
      return seen.reasonCode === 'not_servable' && seen;
    });
    expect(refused).toMatchObject({
      state: 'active',
      reason: expect.stringContaining('unable to load certificate'),
      attempts: 1,
    });
    expect(readFileSync(agent.orders.obtained(ID)[0]?.bundlePath ?? '', 'utf8')).toBe(before);
    // Another one is ordered, but not at once.
    expect(ordersOf(front, 'app.test')).toBe(2);
    agent.clock.advance(12 * MINUTE_MS);
    await agent.until(
      'app.test',
      'to have another',
      (seen) => seen.state === 'active' && seen.attempts === 0 && seen.serial !== serial,
    );
  });

  it.sequential('are there after a restart, and the CA is asked for nothing', async () => {
    const shop = await agent.certificate('shop.test');
    await agent.stop();
    const next = await scene.agent({ root: agent.root });
    next.want(['app.test', 'shop.test']);
    expect(next.orders.thumbprint()).toBe(agent.orders.thumbprint());
    expect(next.state('shop.test')).toMatchObject({
      state: 'active',
      serial: shop.serialNumber.toLowerCase(),
    });
    // A load balancer that is made anew gets what the one of before had.
    next.orders.forget(ID);
    expect(next.orders.obtained(ID)).toEqual([]);
    next.want(['internal.test', 'shop.test']);
    expect(next.orders.obtained(ID)).toHaveLength(1);
    await next.until('internal.test', 'to be active', ({ state }) => state === 'active');
    expect(ordersOf(front, 'app.test', 'shop.test')).toBe(4);
    await next.stop();
  });
});

it.concurrent('what its CA has revoked is replaced at once, but not again and again, and not against the operator’s wish', async () => {
  const name = 'back.test';
  const first = await scene.agent();
  let agent = first;
  const active = (than?: string) =>
    agent.until(
      name,
      'to be active',
      ({ state, serial }) => state === 'active' && serial !== than?.toLowerCase(),
      90_000,
    );
  const hear = (serial: string | undefined, revocation: object | undefined, ago = 0) =>
    agent.orders.hear(name, serial ?? '', { saidAt: agent.clock.now() - ago, revocation });
  agent.want([name]);
  const { serial: one = '' } = await active();
  hear('abcd', { reason: 'keyCompromise' });
  expect(agent.state(name).state).toBe('active');

  const at = Date.parse('2026-11-20T01:02:03Z');
  hear(one.toUpperCase(), { at, reason: 'keyCompromise' });
  // What another load balancer has heard before that is no news.
  hear(one, undefined, MINUTE_MS);
  expect(agent.state(name)).toMatchObject({
    state: 'revoked',
    reasonCode: 'revoked',
    revocation: { at, reason: 'keyCompromise' },
    reason: expect.stringMatching(
      /^revoked by its CA at 2026-11-20T01:02:03Z \(keyCompromise: somebody else may have its key\), and served until there is another; who had that done is not known/,
    ),
    whatToDo: expect.stringContaining('another one with a new key is asked for by itself'),
    alert: { level: 'critical', message: expect.stringContaining('its CA has revoked it') },
  });
  const { serial: two, ...well } = await active(one);
  expect(well).not.toHaveProperty('revocation');
  expect(well).not.toHaveProperty('alert');

  // A CA that revokes whatever it issues is asked by the table of failed orders, over restarts too.
  hear(two, { reason: 'cessationOfOperation' });
  const { clock, root } = agent;
  await agent.stop();
  agent = await scene.agent({ root, clock });
  agent.want([name]);
  const waiting = await agent.until(name, 'to be revoked', ({ state }) => state === 'revoked');
  const wait = Date.parse(waiting.nextRenewalAt ?? '') - clock.now();
  expect(wait).toBeGreaterThan(8 * MINUTE_MS);
  expect(wait).toBeLessThan(12 * MINUTE_MS);
  expect(ordersOf(front, name)).toBe(2);
  clock.advance(12 * MINUTE_MS);
  const { serial: three } = await active(two);
  expect(ordersOf(front, name)).toBe(3);

  clock.advance(DAY_MS);
  agent.want([name], { autoRenew: false });
  hear(three, { reason: 'certificateHold' });
  expect(agent.state(name)).toMatchObject({
    state: 'revoked',
    reasonCode: 'renewal_off',
    reason: expect.stringContaining('tls.autoRenew is off'),
    alert: { level: 'critical' },
  });
  hear(three, undefined);
  expect(agent.state(name)).toMatchObject({ state: 'active' });
  expect(ordersOf(front, name)).toBe(3);
  await agent.stop();
}, 240_000);

describe.concurrent('an end in the middle', () => {
  it('of the agent: the next one sees the order through', async () => {
    const first = await scene.agent();
    first.want(['cut.test']);
    const runFile = runFileOf(first.root, 'cut.test');
    await waitFor('certbot to run', () => existsSync(runFile));
    await first.stop();
    const second = await scene.agent({ root: first.root });
    second.want(['cut.test']);
    await second.until('cut.test', 'to be active', ({ state }) => state === 'active');
    await waitFor('the order to be cleared away', () => !existsSync(runFile));
    expect(ordersOf(front, 'cut.test')).toBe(1);
    await second.stop();
  });

  it('of certbot: it is ordered again', async () => {
    const agent = await scene.agent();
    agent.want(['killed.test']);
    const runFile = runFileOf(agent.root, 'killed.test');
    const { pid } = await waitFor(
      'certbot to run',
      () => existsSync(runFile) && (JSON.parse(readFileSync(runFile, 'utf8')) as { pid: number }),
    );
    process.kill(-pid, 'SIGKILL');
    await agent.until('killed.test', 'to have failed', ({ reasonCode }) => reasonCode === 'interrupted');
    agent.clock.advance(61_000);
    await agent.until('killed.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });

  it('of a write: the certificate is there all the same', async () => {
    const agent = await scene.agent();
    agent.want(['short.test']);
    const { serial } = await agent.until('short.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
    const record = join(agent.root, 'names', 'short.test', 'record.json');
    writeFileSync(record, readFileSync(record, 'utf8').slice(0, 40));
    const next = await scene.agent({ root: agent.root });
    next.want(['short.test']);
    expect(next.state('short.test')).toMatchObject({ state: 'active', serial });
    expect(ordersOf(front, 'short.test')).toBe(1);
    await next.stop();
  });

  it('of the disk’s memory: the account is there from its copy', async () => {
    const agent = await scene.agent();
    await agent.stop();
    execFileSync('sh', ['-c', 'rm -rf "$1"/accounts/*/config', 'sh', agent.root]);
    const next = await scene.agent({ root: agent.root });
    expect(next.orders.thumbprint()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(next.orders.thumbprint()).toBe(agent.orders.thumbprint());
    await next.stop();
    // Half a key is none.
    execFileSync('sh', [
      '-c',
      'truncate -s 100 "$1"/accounts/*/config/accounts/*/*/*/private_key.json',
      'sh',
      agent.root,
    ]);
    const last = await scene.agent({ root: agent.root });
    expect(last.orders.thumbprint()).toBe(agent.orders.thumbprint());
    await last.stop();
  });

  it('of somebody’s work in its folders: of two accounts the same one is used for all', async () => {
    const agent = await scene.agent();
    await agent.stop();
    // certbot would ask which one is meant.
    const copy = 'cd "$1"/accounts/*/config/accounts/*/dir && cp -a "$(ls)" ffffffffffffffffffffffffffffffff';
    execFileSync('sh', ['-c', copy, 'sh', agent.root]);
    const next = await scene.agent({ root: agent.root });
    next.want(['twice.test']);
    await next.until('twice.test', 'to be active', ({ state }) => state === 'active');
    expect(next.orders.thumbprint()).toBe(agent.orders.thumbprint());
    await next.stop();
  });
});

describe.concurrent('proof by DNS', () => {
  it('of a name and its wildcard is at the same name, and leaves nothing there', async () => {
    const record = '_acme-challenge.wild.test';
    const seen = new Set<string>();
    const publisher: ChallengePublisher = {
      async publish(name, value) {
        await zone.publisher.publish(name, value);
        seen.add(`${name} ${value}`);
      },
      remove: zone.publisher.remove,
    };
    const agent = await scene.agent({ publisher });
    agent.want(['wild.test', '*.wild.test'], { challenge: 'dns' });
    await agent.until('wild.test', 'to be active', ({ state }) => state === 'active');
    await agent.until('*.wild.test', 'to be active', ({ state }) => state === 'active');
    expect((await agent.certificate('*.wild.test')).subjectAltName).toBe('DNS:*.wild.test');
    expect(seen.size).toBe(2);
    expect([...seen].every((one) => one.startsWith(`${record} `))).toBe(true);
    expect(await zone.txt(record)).toEqual([]);
    await agent.stop();
  });

  it('is not begun when there is nobody to make records', async () => {
    const agent = await scene.agent();
    agent.want(['*.lone.test'], { challenge: 'dns' });
    const seen = await agent.until(
      '*.lone.test',
      'to want a zone',
      ({ reasonCode }) => reasonCode === 'no_dns_zone',
    );
    expect(seen.whatToDo).toContain('agentmetal dns zone add');
    await agent.stop();
  });

  it('ends before the CA looks when a record cannot be made', async () => {
    const stand = await scene.stand();
    const agent = await scene.agent({ publisher: zone.halfPublisher, stand });
    agent.want(['refused.test'], { challenge: 'dns' });
    const seen = await agent.until('refused.test', 'to have failed', ({ state }) => state === 'failed');
    expect(seen).toMatchObject({
      reasonCode: 'txt_not_published',
      reason: expect.stringContaining('update failed: REFUSED'),
    });
    expect(ordersOf(stand.front, 'refused.test')).toBe(1);
    expect([...stand.front.asked.keys()].filter((path) => path.startsWith('/chalZ/'))).toEqual([]);
    await agent.stop();
  });

  it('goes on with the next agent when one ends while it makes records', async () => {
    const never = Promise.withResolvers<void>();
    const first = await scene.agent({
      publisher: { publish: () => never.promise, remove: () => Promise.resolve() },
    });
    first.want(['handed.test'], { challenge: 'dns' });
    const file = join(first.root, 'names', 'handed.test', 'published.json');
    await waitFor('the record to be asked for', () => existsSync(file));
    await first.stop();
    const second = await scene.agent({ root: first.root, publisher: zone.publisher });
    second.want(['handed.test'], { challenge: 'dns' });
    await second.until('handed.test', 'to be active', ({ state }) => state === 'active');
    never.resolve();
    expect(ordersOf(front, 'handed.test')).toBe(1);
    await waitFor(
      'the record to go',
      async () => (await zone.txt('_acme-challenge.handed.test')).length === 0,
    );
    await second.stop();
  });
});

describe.concurrent('the CA is asked for nothing', () => {
  it('above its limits', async () => {
    const many = { max: 10, windowMs: HOUR_MS };
    const agent = await scene.agent({
      limits: {
        issued: { max: 2, windowMs: HOUR_MS },
        failed: many,
        ordersOfName: many,
        ordersOfAccount: many,
      },
    });
    agent.want(['spent.test']);
    const first = await agent.until('spent.test', 'to be active', ({ state }) => state === 'active');
    agent.orders.renewNow(ID);
    await agent.until(
      'spent.test',
      'to be renewed',
      ({ state, serial }) => state === 'active' && serial !== first.serial,
    );
    agent.orders.renewNow(ID);
    const seen = await agent.until(
      'spent.test',
      'to be spent',
      ({ reasonCode }) => reasonCode === 'budget_spent',
    );
    expect(ordersOf(front, 'spent.test')).toBe(2);
    expect(seen.reason).toContain('2 certificates in 1 hours; next at');
    expect(Date.parse(seen.nextRenewalAt ?? '') - Date.now()).toBeGreaterThan(0.9 * HOUR_MS);
    await agent.stop();
  });

  it.runIf(process.getuid?.() === 0)('while the disk is full; it goes on when there is room', async () => {
    const root = join(scene.directory, 'small');
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root]);
    mounts.push(root);
    const ballast = join(root, 'ballast');
    writeFileSync(ballast, Buffer.alloc(12 * 1024 * 1024));
    const seed = await scene.agent();
    await seed.stop();
    execFileSync('sh', ['-c', 'cp -a "$1"/. "$2"', 'sh', seed.root, root]);
    const agent = await scene.agent({ root });
    agent.want(['full.test']);
    const seen = await agent.until(
      'full.test',
      'to find no room',
      ({ reasonCode }) => reasonCode === 'disk_full',
    );
    expect(seen.reason).toMatch(/the disk of the load balancer machine is full: 1\d MiB are free/);
    expect(ordersOf(front, 'full.test')).toBe(0);
    execFileSync('rm', [ballast]);
    agent.clock.advance(MINUTE_MS);
    await agent.until('full.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  });
});

it.runIf(process.getuid?.() === 0)(
  'a disk that fills up while certbot runs is told of, and it goes on when there is room',
  async () => {
    const root = join(scene.directory, 'filling');
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', root]);
    mounts.push(root);
    const seed = await scene.agent();
    await seed.stop();
    execFileSync('sh', ['-c', 'cp -a "$1"/. "$2"', 'sh', seed.root, root]);
    const agent = await scene.agent({ root });
    agent.want(['filled.test']);
    await waitFor('certbot to run', () => existsSync(runFileOf(root, 'filled.test')));
    const ballast = join(root, 'ballast');
    execFileSync('sh', ['-c', 'cat /dev/zero >"$1" 2>/dev/null || true', 'sh', ballast]);
    const seen = await agent.until(
      'filled.test',
      'to find no room',
      ({ reasonCode }) => reasonCode === 'disk_full',
    );
    expect(seen.whatToDo).toContain('Make room');
    execFileSync('rm', [ballast]);
    agent.clock.advance(15 * MINUTE_MS);
    await agent.until('filled.test', 'to be active', ({ state }) => state === 'active');
    await agent.stop();
  },
);

it.concurrent('the account is bound to one with the CA by a key that nobody else can read, and made anew when the CA forgets it', async () => {
  const hmacKeyFile = join(bound.directory, 'hmac');
  writeFileSync(hmacKeyFile, `${KEY}\n`, { mode: 0o600 });

  const unbound = await bound.agent({ hasAccount: false });
  unbound.want(['app.test']);
  await unbound.until('app.test', 'to want a key', ({ reasonCode }) => reasonCode === 'eab_required');
  await unbound.stop();
  expect(bound.front.asked.get('/sign-me-up')).toBeUndefined();

  const wrong = await bound.agent({ root: unbound.root, settings: { eab: { kid: 'kid-2', hmacKeyFile } } });
  wrong.want(['app.test']);
  const refused = await wrong.until(
    'app.test',
    'to be refused',
    ({ reasonCode }) => reasonCode === 'eab_refused',
  );
  expect(refused.reason).toContain("the field 'kid' references a key that is not known");
  const tries = bound.front.asked.get('/sign-me-up');
  expect(
    execFileSync('sh', ['-c', 'grep -rl "$1" "$2" || true', 'sh', KEY, wrong.root], { encoding: 'utf8' }),
  ).toBe('');
  wrong.clock.advance(8 * 60_000);
  await wrong.stop();

  // The same settings are not tried again in vain after a restart; other ones are, at once.
  const again = await bound.agent({ root: unbound.root, settings: { eab: { kid: 'kid-2', hmacKeyFile } } });
  again.want(['app.test']);
  await again.until('app.test', 'to be refused', ({ reasonCode }) => reasonCode === 'eab_refused');
  await again.stop();
  expect(bound.front.asked.get('/sign-me-up')).toBe(tries);

  const failures: unknown[] = [];
  const right = await bound.agent({
    root: unbound.root,
    logger: {
      debug: () => {},
      info: () => {},
      warn: (fields) => void failures.push(fields),
      error: () => {},
    },
    settings: { eab: { kid: 'kid-1', hmacKeyFile }, email: 'ops@example.com' },
  });
  right.want(['app.test']);
  const first = await right.until('app.test', 'to be active', ({ state }) => state === 'active');
  const holders = execFileSync('sh', ['-c', 'grep -rl "$1" "$2" || true', 'sh', KEY, right.root], {
    encoding: 'utf8',
  });
  expect(holders).toBe('');

  // The CA forgets the account: another one is made, bound again, and the order goes on.
  const before = right.orders.thumbprint();
  await bound.pebble.restart();
  right.clock.advance(2 * 3_600_000);
  right.orders.renewNow(ID);
  await right.until('app.test', 'to have a new account', () => right.orders.thumbprint() !== before);
  expect(failures).toEqual([expect.objectContaining({ name: 'app.test', code: 'account_gone' })]);
  right.clock.advance(60_000);
  await right.until(
    'app.test',
    'to be renewed',
    (seen) => seen.state === 'active' && seen.attempts === 0 && seen.serial !== first.serial,
  );
  await right.stop();
});
