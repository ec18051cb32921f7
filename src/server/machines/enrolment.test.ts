import { afterEach, beforeEach, expect, test } from 'vitest';
import { adjustableClock, liveReport, receiptFor } from '../../../test/support/control-plane.ts';
import { type Fleet, enrolWith, startFleet } from '../../../test/support/fleet.ts';

let fleet: Fleet;
let clock: ReturnType<typeof adjustableClock>;
beforeEach(async () => {
  clock = adjustableClock();
  fleet = await startFleet({ clock });
});
afterEach(() => fleet.stop());

/** A machine whose line was made and not yet typed. */
async function newToken(name = 'lb-1'): Promise<string> {
  const { body } = await fleet.call('POST', '/v1/machines', { body: { driver: 'manual', name } });
  return /ame_[\w-]+/.exec(body.enrolment.command)?.[0] ?? '';
}
const enrol = (token: string, credential: string) => enrolWith(fleet.plane, token, credential);
const desiredAs = (key: string) => fleet.call('GET', '/v1/agent/desired', { key });

test('a token gives one credential, once; the same one may ask again', async () => {
  const token = await newToken();
  expect(Buffer.from(token.slice(4), 'base64url')).toHaveLength(32);
  const answer = await enrol(token, 'first');
  expect(answer).toMatchObject({ status: 200, body: { machine: 'lb-1' } });
  expect(await enrol(token, 'first')).toMatchObject({ status: 200, body: answer.body });
  expect((await desiredAs('first')).body.controlPlaneId).toBe(answer.body.controlPlaneId);
  const second = await enrol(token, 'second');
  expect(second).toMatchObject({
    status: 403,
    body: { code: 'enrolment_refused', hint: 'Make a new one: agentmetal machine retry lb-1' },
  });
  expect((await desiredAs('second')).status).toBe(401);
  clock.advance(3_600_000);
  expect((await enrol(token, 'first')).status).toBe(200);
});

test('a token is worth nothing after ten minutes, and as an API key never', async () => {
  const token = await newToken();
  expect((await fleet.call('GET', '/v1/machines', { key: token })).status).toBe(401);
  expect((await desiredAs(token)).status).toBe(401);
  clock.advance(10 * 60_000 - 1);
  expect((await fleet.call('GET', '/v1/agent/install', { key: token })).status).toBe(200);
  clock.advance(1);
  expect((await fleet.call('GET', '/v1/agent/install', { key: token })).status).toBe(403);
  expect((await enrol(token, 'late')).body.detail).toContain('older than ten minutes');
});

test('the credential of another machine is not to be had, and nonsense is refused', async () => {
  const token = await newToken('lb-1');
  await enrol(token, 'credential-of-1');
  const other = await newToken('lb-2');
  expect((await enrol(other, 'credential-of-1')).body.code).toBe('enrolment_refused');
  expect((await enrol(other, fleet.plane.agentToken)).body.code).toBe('enrolment_refused');
  expect((await desiredAs('credential-of-1')).status).toBe(200);
  expect((await enrol('ame_guessed', 'x')).status).toBe(403);
  const body = { token: other, credentialHash: 'short' };
  expect((await fleet.call('POST', '/v1/agent/enrol', { key: null, body })).status).toBe(422);
});

test('a machine that is made ready again has one credential, the newest', async () => {
  await fleet.ready('lb-1', '10.0.0.5');
  const [before] = fleet.provisioner.orders;
  await fleet.call('POST', '/v1/machines/lb-1/retry', { body: {} });
  await fleet.waitForState('lb-1', 'online');
  const [, after] = fleet.provisioner.orders;
  const old = `amt_of_lb-1_by_${before?.agent.token}`;
  expect((await desiredAs(old)).status).toBe(401);
  expect((await desiredAs(`amt_of_lb-1_by_${after?.agent.token}`)).status).toBe(200);
  expect((await enrol(before?.agent.token ?? '', old)).status).toBe(403);
});

test('a machine’s credential reads and changes what is its own alone', async () => {
  await fleet.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
  const spec = { type: 'http', vpc: 'prod', tls: { domain: 'app.example.com' } };
  const backends = [{ target: '10.0.0.80:80' }];
  await fleet.ready('lb-1', '10.0.0.5', { vpc: 'prod' });
  const stranger = await fleet.ready('lb-2', '10.0.0.6', { vpc: 'prod' });
  const { body: lb } = await fleet.call('POST', '/v1/load-balancers', {
    body: { name: 'web-lb', spec: { ...spec, backends } },
  });
  const { agent: owner } = fleet.machines.get('lb-1') ?? stranger;
  const path = '/v1/load-balancers/web-lb';
  const status = async () => (await fleet.call('GET', path)).body.status;
  await owner.report({ ...liveReport(lb, { now: clock.now() }) });
  const before = await status();
  expect(before.state).toBe('active');

  expect(await stranger.agent.desired()).toMatchObject({ ids: [], changed: [] });
  const lies = { ...liveReport(lb, { state: 'down', now: clock.now() }), receipt: receiptFor(1, 'failed') };
  await stranger.agent.tell({
    loadBalancers: [{ ...lies, certificates: [] }],
    guards: [{ id: lb.id, revision: 1, verdict: 'violated', reason: 'lies' }],
  });
  expect(await status()).toEqual(before);
  expect((await fleet.call('GET', path)).body.revision).toBe(1);

  const asStranger = (method: string, at: string, body?: unknown) =>
    fleet.call(method, at, { key: stranger.token, ...(body === undefined ? {} : { body }) });
  const challenge = { name: '_acme-challenge.app.example.com', value: 'A'.repeat(43) };
  expect((await asStranger('POST', '/v1/agent/challenges', challenge)).status).toBe(403);
  const removal = `/v1/agent/challenges/${challenge.name}/${challenge.value}`;
  expect((await asStranger('DELETE', removal)).status).toBe(403);

  const asking = fleet.call('GET', `${path}/stats`);
  const question = await fleet.call('GET', '/v1/agent/questions?wait=10', {
    key: fleet.machines.get('lb-1')?.token ?? '',
  });
  const [asked] = question.body.questions;
  expect((await asStranger('GET', '/v1/agent/questions')).body.questions).toEqual([]);
  const refused = { id: asked.id, body: { kind: 'refused', reason: 'failed', detail: 'answered by ' } };
  await asStranger('POST', '/v1/agent/answers', {
    answers: [{ ...refused, body: { ...refused.body, detail: 'answered by a stranger' } }],
  });
  await fleet.call('POST', '/v1/agent/answers', {
    key: fleet.machines.get('lb-1')?.token ?? '',
    body: { answers: [{ ...refused, body: { ...refused.body, detail: 'answered by its own' } }] },
  });
  expect((await asking).body.detail).toContain('answered by its own');

  for (const [method, at] of [
    ['GET', '/v1/load-balancers'],
    ['GET', '/v1/machines'],
    ['PATCH', path],
    ['DELETE', '/v1/machines/lb-1'],
    ['GET', '/v1/agent/bundle'],
  ] as const)
    expect((await asStranger(method, at)).status).toBe(403);
});
