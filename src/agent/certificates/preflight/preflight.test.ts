import { createSocket } from 'node:dgram';
import { afterAll, expect, it } from 'vitest';
import { ordersAsked } from '../../../../test/support/acme/fault-front.ts';
import { startOtherServers } from '../../../../test/support/acme/other-servers.ts';
import { createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { startZone } from '../../../../test/support/acme/zone.ts';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import type { ReasonCode } from '../../../certificates/reason.ts';
import { probe } from './probe.ts';

const others = await startOtherServers();
const scene = await createAcmeScene({
  records: (address, dead) => [
    `app A ${address}`,
    `dead A ${dead}`,
    `stranger A ${others.stranger}`,
    `client A ${others.client}`,
    `half A ${address}`,
    `half A ${others.stranger}`,
    `six A ${address}`,
    'six AAAA 2001:db8::1',
    `caa A ${address}`,
    'caa CAA 0 issue "other.example"',
    `sub.caa A ${address}`,
    `allowed A ${address}`,
    'allowed CAA 0 issue "pebble.example; validationmethods=http-01"',
  ],
});
scene.front.meta = { caaIdentities: ['pebble.example'] };
const elsewhere = await temporaryDirectory();
afterAll(async () => {
  silent.close();
  await others.stop();
  await elsewhere.remove();
});

const CASES: [string, ReasonCode, string][] = [
  ['none.test', 'name_not_found', scene.zone.address],
  ['dead.test', 'connection_refused', `${scene.deadAddress}:5080 refuses connections`],
  ['stranger.test', 'points_elsewhere', `${others.stranger}:5080 is another server (it answers 404)`],
  ['client.test', 'wrong_answer', others.client],
  ['half.test', 'points_elsewhere', others.stranger],
  ['six.test', 'ipv6_elsewhere', '[2001:db8::1]:5080'],
  ['caa.test', 'caa_forbids', 'caa.test has issue "other.example"; needed is: CAA 0 issue "pebble.example"'],
  ['sub.caa.test', 'caa_forbids', 'caa.test has issue'],
  ['*.app.test', 'wildcard_needs_dns', ''],
];
const agent = await scene.agent();

/** A name server that hears questions and answers none. */
const silent = createSocket('udp4');
await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', () => resolve()));
const deaf = await scene.agent({
  root: agent.root,
  settings: { resolver: `127.0.0.1:${silent.address().port}` },
});

it('finds what the CA would find, and asks it for nothing', async () => {
  agent.want(CASES.map(([name]) => name));
  await agent.until('dead.test', 'to be looked at', ({ reasonCode }) => reasonCode !== undefined);
  // It has the account by now, and waits for its name server while the others are looked at.
  deaf.want(['app.test']);
  for (const [name, code, words] of CASES) {
    const seen = await agent.until(name, `to be ${code}`, ({ reasonCode }) => reasonCode === code);
    expect(seen).toMatchObject({ state: 'failed', attempts: 0, reason: expect.stringContaining(words) });
    expect(seen.whatToDo).toBeTruthy();
  }
  expect(agent.state('none.test').whatToDo).toContain(`none.test A ${scene.address}`);
  expect(ordersAsked(scene.front)).toBe(0);
});

it('notices when it has been set right', async () => {
  const { zone, address } = scene;
  await zone.update(`add none.test 0 A ${address}`, 'delete six.test AAAA');
  agent.clock.advance(60_000);
  await agent.until('none.test', 'to be active', ({ state }) => state === 'active');
  await agent.until('six.test', 'to be active', ({ state }) => state === 'active');
  expect(agent.state('dead.test').reasonCode).toBe('connection_refused');
  expect(ordersAsked(scene.front)).toBe(2);
});

it('reads the CAA records that allow it', async () => {
  agent.want(['allowed.test']);
  await agent.until('allowed.test', 'to be active', ({ state }) => state === 'active');
});

it('asks a public name server too, and waits for what it does not know yet', async () => {
  const open = await startZone(elsewhere.path);
  try {
    const careful = await scene.agent({ publicServers: [open.address], root: agent.root });
    await agent.stop();
    careful.want(['app.test']);
    await careful.until('app.test', 'to be local', ({ reasonCode }) => reasonCode === 'name_not_public');
    await open.update(`add app.test 0 A ${scene.address}`);
    careful.clock.advance(60_000);
    await careful.until('app.test', 'to be active', ({ state }) => state === 'active');
  } finally {
    await open.stop();
  }
});

it('does not wait for ever where nobody says a word', async () => {
  const question = { domain: 'silent.test', address: others.silent, port: 5080, token: 'x', thumbprint: 'y' };
  expect(await probe({ ...question, timeoutMs: 100 })).toEqual({ kind: 'timeout' });
  await deaf.until('app.test', 'to be unheard of', ({ reasonCode }) => reasonCode === 'dns_unreachable');
  expect(deaf.state('app.test').reason).toContain('ETIMEOUT');
});
