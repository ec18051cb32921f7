import { DatabaseSync } from 'node:sqlite';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type ControlPlane,
  PRODUCT_PAGE_BODY,
  adjustableClock,
  createWebLb,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { type Issued, createTestCa } from '../../../test/support/test-ca.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { CertificateReport } from '../../api/certificates.ts';

const PATH = '/v1/load-balancers/web-lb/certificates';
const clock = adjustableClock(Date.now());
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let plane: ControlPlane;
let issued: Issued;
let next: Issued;
beforeEach(async () => {
  directory = await temporaryDirectory();
  const ca = createTestCa(directory.path);
  issued = ca.issue({ names: ['app.example.com', 'www.example.com'] });
  next = ca.issue({ names: ['app.example.com', 'www.example.com'] });
  plane = await startControlPlane({ clock });
});
afterEach(async () => {
  await plane.stop();
  await directory.remove();
});

const body = ({ certificate, privateKey }: Issued) => ({ certificate, privateKey });
const put = (name: string, which: Issued, headers: Record<string, string> = {}) =>
  plane.call('PUT', `${PATH}/${name}`, { body: body(which), headers });
const serve = (certificate: string | null) =>
  plane.call('PATCH', '/v1/load-balancers/web-lb', { body: { spec: { tls: { certificate } } } });

/** The middle of a key, which nobody may see again. */
const secretOf = ({ privateKey }: Issued) => privateKey.split('\n')[1]?.slice(20, 50) ?? '';

describe('uploads', () => {
  test('are checked, kept, shown without their key, replaced and deleted', async () => {
    await createWebLb(plane);
    const made = await plane.call('POST', PATH, { body: { name: 'main', ...body(issued) } });
    expect(made.status).toBe(201);
    expect(made.headers['location']).toMatch(/\/certificates\/main$/);
    expect(made.body).toMatchObject({
      name: 'main',
      inUse: false,
      names: ['app.example.com', 'www.example.com'],
      serial: issued.serial,
      issuer: 'CN=Test CA',
      uploadedBy: 'admin',
      key: 'EC prime256v1',
    });
    expect((await plane.call('POST', PATH, { body: { name: 'main', ...body(next) } })).body.code).toBe(
      'name_taken',
    );
    expect((await put('main', issued)).body.updatedAt).toBe(made.body.updatedAt);
    clock.advance(1000);
    const replaced = await put('main', next);
    expect(replaced).toMatchObject({
      status: 200,
      body: { serial: next.serial, createdAt: made.body.createdAt },
    });
    const shown = await plane.call('GET', `${PATH}/main`);
    for (const { text } of [made, replaced, shown, await plane.call('GET', PATH)])
      for (const which of [issued, next]) expect(text).not.toContain(secretOf(which));
    expect(shown.body.certificate).toContain('BEGIN CERTIFICATE');
    expect((await plane.call('GET', PATH)).body.items.at(-1)).toMatchObject({
      certificate: 'main',
      state: 'unused',
      serial: next.serial,
    });

    await serve('main');
    expect((await plane.call('DELETE', `${PATH}/main`)).body).toMatchObject({
      code: 'certificate_in_use',
      hint: expect.stringContaining('--clear-certificate'),
    });
    await serve(null);
    expect((await plane.call('DELETE', `${PATH}/main`)).status).toBe(204);
    expect((await plane.call('GET', `${PATH}/main`)).body).toMatchObject({ code: 'not_found' });
  });

  test('lie in the store with their keys sealed, and go with the load balancer', async () => {
    await createWebLb(plane);
    await put('main', issued);
    const file = join(plane.dataDir, 'agentmetal.db');
    for (const suffix of ['', '-wal']) {
      const bytes = await readFile(file + suffix).catch(() => Buffer.alloc(0));
      expect(bytes.includes(secretOf(issued))).toBe(false);
    }
    await plane.call('DELETE', '/v1/load-balancers/web-lb');
    const database = new DatabaseSync(file, { readOnly: true });
    expect(database.prepare('select count(*) as rows from certificates').get()).toEqual({ rows: 0 });
    database.close();
  });

  test('of what cannot be served are refused with each fault', async () => {
    await createWebLb(plane);
    const faulty = await plane.call('PUT', `${PATH}/main`, {
      body: { certificate: issued.certificate, privateKey: next.privateKey },
    });
    expect(faulty).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/privateKey', code: 'key_mismatch' }] },
    });
    const none = await plane.call('PUT', `${PATH}/main`, { body: { certificate: 'x', privateKey: 'y' } });
    expect(none.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/certificate',
      '/privateKey',
    ]);
    for (const name of ['renew', 'UPPER', 'a..b'])
      expect([name, (await put(name, issued)).status]).toEqual([name, 422]);
    const late = await startControlPlane({ clock: adjustableClock(Date.now() + 40 * 86_400_000) });
    await createWebLb(late);
    const expired = await late.call('PUT', `${PATH}/main`, { body: body(issued) });
    expect(expired.body.errors[0]).toMatchObject({ pointer: '/certificate', code: 'expired' });
    await late.stop();
  });

  test('can be tried without being kept', async () => {
    await createWebLb(plane);
    const tried = await plane.call('PUT', `${PATH}/main?dryRun=true`, { body: body(issued) });
    expect(tried).toMatchObject({ status: 200, body: { serial: issued.serial } });
    expect((await plane.call('GET', `${PATH}/main`)).status).toBe(404);
  });

  test('are told to the agent that serves them, at once when they are replaced, without a revision', async () => {
    const { id } = await createWebLb(plane);
    await put('main', issued);
    expect((await plane.agent.desired()).changed[0]).not.toHaveProperty('certificate');
    const { body: after } = await serve('main');
    const told = await plane.agent.desired();
    expect(told.changed[0]?.certificate).toMatchObject({
      name: 'main',
      pem: expect.stringContaining(secretOf(issued)),
    });

    const replacing = put('main', next, { prefer: 'wait=10' });
    const again = await plane.agent.desired(told.version, 5);
    expect(again.changed[0]).toMatchObject({ id, revision: after.revision });
    expect(again.changed[0]?.certificate?.pem).toContain(secretOf(next));
    const report: CertificateReport = {
      domain: 'app.example.com',
      state: 'active',
      source: 'uploaded',
      certificate: 'main',
      serial: next.serial,
      reason: 'is served',
      alert: 'none',
    };
    await plane.agent.report({ ...liveReport(after), certificates: [report] });
    expect((await replacing).headers['preference-applied']).toBe('wait=10');
  });
});

describe('how it stands with certificates', () => {
  const report: CertificateReport = {
    domain: 'app.example.com',
    state: 'active',
    source: 'acme',
    certificate: 'app.example.com',
    serial: '0A',
    issuer: 'CN=CA',
    notAfter: '2027-01-01T00:00:00.000Z',
    nextRenewalAt: '2026-12-12T00:00:00.000Z',
    reason: 'is served',
    attempts: 0,
    alert: 'none',
  };

  test('is told as the agent tells it: in the list, the status, the health and a condition', async () => {
    const lb = await createWebLb(plane);
    await plane.agent.report({ ...liveReport(lb), certificates: [report] });
    const seen = { ...report, machine: 'local' };
    expect((await plane.call('GET', PATH)).body.items).toEqual([seen]);
    const shown = (await plane.call('GET', '/v1/load-balancers/web-lb')).body.status;
    expect(shown).toMatchObject({ state: 'active', certificates: [seen] });
    expect(shown.conditions).toContainEqual(
      expect.objectContaining({ type: 'CertificatesServed', status: 'true' }),
    );
    expect((await plane.call('GET', '/v1/load-balancers/web-lb/health')).body.certificates).toEqual([seen]);

    expect((await plane.call('GET', '/metrics')).text).toContain(
      `agentmetal_certificate_not_after_timestamp_seconds{load_balancer="web-lb",domain="app.example.com"} ${Date.parse('2027-01-01') / 1000}\n`,
    );

    const ill: CertificateReport = {
      ...report,
      state: 'expired',
      reasonCode: 'rate_limited',
      whatToDo: 'Wait.',
      alert: 'critical',
    };
    await plane.agent.report({ ...liveReport(lb), certificates: [ill] });
    const { status } = (await plane.call('GET', '/v1/load-balancers/web-lb')).body;
    expect(status.state).toBe('degraded');
    expect(status.conditions).toContainEqual(
      expect.objectContaining({
        type: 'CertificatesServed',
        status: 'false',
        message: expect.stringContaining('Wait.'),
      }),
    );
  });

  test('says what to do when the spec names a certificate that was not uploaded', async () => {
    // It can be uploaded once there is a load balancer to upload it to.
    const { tls, ...spec } = PRODUCT_PAGE_BODY.spec;
    await plane.call('POST', '/v1/vpcs', { body: { name: 'prod', spec: { cidrs: ['10.0.0.0/16'] } } });
    await plane.call('POST', '/v1/load-balancers', {
      body: { name: 'web-lb', spec: { ...spec, tls: { ...tls, certificate: 'gone' } } },
    });
    const [, missing] = (await plane.call('GET', PATH)).body.items;
    expect(missing).toMatchObject({
      domain: 'gone',
      state: 'failed',
      reasonCode: 'not_uploaded',
      whatToDo: expect.stringContaining('lb tls upload web-lb'),
    });
  });

  test('is refused where it was not uploaded, and what there is is named', async () => {
    await createWebLb(plane);
    const fault = { pointer: '/spec/tls/certificate', code: 'unknown_certificate' };
    const none = await serve('mian');
    expect(none).toMatchObject({ status: 422, body: { errors: [fault] } });
    expect(none.body.hint).toContain('lb tls upload web-lb --certificate mian');
    await put('main', issued);
    expect((await serve('mian')).body).toMatchObject({ errors: [fault], hint: 'There are: main.' });
    expect((await serve('main')).status).toBe(200);
  });

  test('is in plans: what is ordered, what is served, what goes', async () => {
    const lb = await createWebLb(plane);
    await put('main', issued);
    const plan = async (tls: object) =>
      (await plane.call('PATCH', '/v1/load-balancers/web-lb?dryRun=true', { body: { spec: { tls } } })).body
        .plan;
    const actions = async (tls: object) => {
      const { path, steps } = await plan(tls);
      return [path, ...steps.map(({ action }: { action: string }) => action)];
    };
    expect(await actions({ certificate: 'main' })).toEqual(['runtime', 'add-certificate', 'set-redirect']);
    expect(await actions({ domain: null, domains: ['app.example.com', 'b.example.com'] })).toEqual([
      'runtime',
      'order-certificate',
      'set-challenge',
    ]);
    expect(await actions({ minVersion: '1.3' })).toEqual(['reload', 'reload']);
    await plane.agent.report({ ...liveReport(lb), certificates: [report] });
    expect(await actions({ domain: null })).toEqual([
      'runtime',
      'remove-certificate',
      'set-challenge',
      'set-redirect',
    ]);
  });
});

describe('renewal', () => {
  test('is asked of the agent', async () => {
    await createWebLb(plane);
    const asked = plane.call('POST', `${PATH}/renew`, { body: { domain: 'APP.example.com' } });
    const { key } = { key: plane.agentToken };
    const question = await waitFor('the question', async () => {
      const { body: got } = await plane.call('GET', '/v1/agent/questions?wait=1', { key });
      return got.questions[0];
    });
    expect(question.body).toEqual({ kind: 'renew', domain: 'app.example.com' });
    const answer = { id: question.id, body: { kind: 'renew', domains: ['app.example.com'] } };
    await plane.call('POST', '/v1/agent/answers', { key, body: { answers: [answer] } });
    expect(await asked).toMatchObject({
      status: 202,
      body: { domains: ['app.example.com'], nodes: [{ machine: 'local' }] },
    });
    expect((await plane.call('POST', `${PATH}/renew`, { body: { domain: 'x.test' } })).body.code).toBe(
      'not_found',
    );
  });
});

describe('CAs of clients', () => {
  test('must be readable, and each have its revocation list', async () => {
    await createWebLb(plane);
    const [ca, other] = [createTestCa(directory.path, 'A'), createTestCa(directory.path, 'B')];
    const set = (clientCa: unknown) =>
      plane.call('PATCH', '/v1/load-balancers/web-lb', { body: { spec: { tls: { clientCa } } } });
    expect((await set(ca.pem)).body.spec.tls.clientCa).toEqual({ certificates: ca.pem, verify: 'required' });
    const pointers = async (clientCa: unknown) =>
      (await set(clientCa)).body.errors?.map(({ pointer }: { pointer: string }) => pointer);
    expect(await pointers({ certificates: ca.pem.replace(/M/, 'A') })).toEqual([
      '/spec/tls/clientCa/certificates',
    ]);
    const lists = { revocationLists: ca.revocationList([]) };
    expect(await pointers({ certificates: ca.pem + other.pem, ...lists })).toEqual([
      '/spec/tls/clientCa/revocationLists',
    ]);
    expect((await set({ certificates: ca.pem, ...lists })).status).toBe(200);
  });
});
