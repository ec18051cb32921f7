import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { get, handshake, servedSerial } from '../../../test/support/handshake.ts';
import { type Balancer, createScene } from '../../../test/support/scene.ts';
import { createTestService } from '../../../test/support/service.ts';
import { freePort, loopbackAddress } from '../../../test/support/temporary.ts';
import { type Issued, createTestCa } from '../../../test/support/test-ca.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import { isRunning, signal } from '../../host/processes.ts';
import { detectLayout } from '../layout.ts';
import type { CertificateSource } from './source.ts';

const scene = await createScene();
const ca = createTestCa(scene.directory);
const paths = ({ test }: Balancer) =>
  servicePaths(test.desired.id, detectLayout(`${scene.directory}/agent`, 0));

/** A source that has what a test puts there. */
function source() {
  const held = new Map<string, Issued>();
  const self: CertificateSource & { held: typeof held; account?: string } = {
    held,
    obtained: () => [...held].map(([name, { path }]) => ({ name, domains: [name], bundlePath: path })),
    thumbprint: () => self.account,
    state: () => [],
    renewNow: () => {},
    hear: () => {},
    refuse: async () => {},
  };
  return self;
}

/** Has an uploaded certificate delivered, as the control plane does: without a revision. */
function deliver({ test }: Balancer, issued: Pick<Issued, 'bundle'> | undefined): void {
  const { certificate: _before, ...rest } = test.desired;
  test.desired = { ...rest, ...(issued ? { certificate: { name: 'main', pem: issued.bundle } } : {}) };
  test.service.want(test.desired);
}

/** Headers as they came, one on a line. */
function pairs(raw: readonly string[]): string {
  return raw.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\n`)).join('');
}

const spec = (tls?: object, more: object = {}) => ({
  type: 'http',
  port: 8080,
  ...(tls ? { tls } : {}),
  ...more,
});

/** Waits until that certificate is served for a name. */
function served({ address }: Balancer, issued: Issued, name?: string): Promise<unknown> {
  return waitFor(
    `serial ${issued.serial} for ${name ?? 'no name'}`,
    async () => (await servedSerial(address, name)) === issued.serial,
  );
}

describe('an uploaded certificate', () => {
  it('takes the place of the placeholder, for its names and for those who name none', async () => {
    const balancer = scene.balancer();
    const issued = ca.issue({ names: ['app.test', '*.wild.test', '192.0.2.7'], intermediate: true });
    await balancer.start(spec());
    const pid = await balancer.workerPid();
    const before = await handshake(balancer.address, { name: 'app.test' });
    expect(before.certificate.subject.CN).toBe('agentmetal placeholder');

    deliver(balancer, issued);
    await balancer.runtime(spec({ certificate: 'main' }));
    for (const name of ['app.test', 'APP.test', 'a.wild.test', 'nobody.test', 'a.b.wild.test', undefined])
      expect([name, await servedSerial(balancer.address, name)]).toEqual([name, issued.serial]);
    // The chain goes along: who knows the CA alone trusts it.
    expect(await handshake(balancer.address, { name: 'b.wild.test', ca: ca.pem })).toMatchObject({
      authorized: true,
      protocol: 'TLSv1.3',
    });
    expect(await balancer.workerPid()).toBe(pid);

    const { certificates } = paths(balancer);
    for (const file of await readdir(certificates))
      expect((await stat(`${certificates}/${file}`)).mode & 0o777).toBe(0o600);
    expect((await stat(certificates)).mode & 0o777).toBe(0o700);
  });

  it('is replaced and taken away under clients that shake hands all the time, with none failed', async () => {
    const balancer = scene.balancer();
    const issued = [1, 2, 3].map(() => ca.issue({ names: ['app.test'] }));
    deliver(balancer, issued[0]);
    await balancer.start(spec({ certificate: 'main' }));
    const pid = await balancer.workerPid();
    let isOver = false;
    const serials = new Set<string>();
    let shaken = 0;
    const clients = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        serials.add(await servedSerial(balancer.address, 'app.test'));
        shaken += 1;
      }
    });
    for (const next of issued.slice(1)) {
      deliver(balancer, next);
      await served(balancer, next, 'app.test');
      await served(balancer, next);
    }
    await balancer.runtime(spec());
    isOver = true;
    await Promise.all(clients);
    expect(shaken).toBeGreaterThan(10);
    for (const { serial } of issued.slice(0, 2)) expect(serials).toContain(serial);
    expect(await balancer.workerPid()).toBe(pid);
    expect((await handshake(balancer.address, { name: 'app.test' })).certificate.subject.CN).toBe(
      'agentmetal placeholder',
    );
    expect((await readdir(paths(balancer).certificates)).toSorted()).toEqual(['default.pem', 'list']);
  });

  it('gets other names at run time', async () => {
    const balancer = scene.balancer();
    const [one, two] = [ca.issue({ names: ['one.test'] }), ca.issue({ names: ['one.test', 'two.test'] })];
    deliver(balancer, one);
    await balancer.start(spec({ certificate: 'main' }, { backends: [] }));
    const pid = await balancer.workerPid();
    deliver(balancer, two);
    await served(balancer, two, 'two.test');
    await waitFor('one line', async () => {
      const list = await balancer.tell(`show ssl crt-list -n ${paths(balancer).certificateList}`);
      return list.includes('one.test two.test') && list.split('\n').length === 3;
    });
    expect(await balancer.workerPid()).toBe(pid);
  });

  it('is served again after a reload, a crash of HAProxy, and a restart of the agent', async () => {
    const balancer = scene.balancer();
    const [first, second] = [ca.issue({ names: ['app.test'] }), ca.issue({ names: ['app.test'] })];
    deliver(balancer, first);
    await balancer.start(spec({ certificate: 'main' }));
    deliver(balancer, second);
    await served(balancer, second, 'app.test');
    await balancer.reload(spec({ certificate: 'main', minVersion: '1.3' }));
    await served(balancer, second, 'app.test');

    const pid = await balancer.workerPid();
    await balancer.restartAgent();
    await served(balancer, second, 'app.test');
    expect(await balancer.workerPid()).toBe(pid);

    const { haproxy } = balancer.test.report();
    for (const each of [haproxy?.pid, haproxy?.workerPid]) if (each !== undefined) signal(each, 'SIGKILL');
    await waitFor('the end of the worker', () => !isRunning(pid));
    await served(balancer, second, 'app.test');
  });

  it('is put back when somebody puts another in its place', async () => {
    const balancer = scene.balancer();
    const [right, wrong] = [ca.issue({ names: ['app.test'] }), ca.issue({ names: ['app.test'] })];
    deliver(balancer, right);
    await balancer.start(spec({ certificate: 'main' }));
    const pid = await balancer.workerPid();
    const { withRuntime } = await import('../../haproxy/runtime/connection.ts');
    const { replaceCertificate } = await import('../../haproxy/runtime/certificates.ts');
    const path = `${paths(balancer).certificates}/uploaded-main.pem`;
    await withRuntime(paths(balancer).workerSocket, (runtime) =>
      replaceCertificate(runtime, path, { pem: wrong.bundle }),
    );
    expect(await servedSerial(balancer.address, 'app.test')).toBe(wrong.serial);
    await served(balancer, right, 'app.test');
    expect(await balancer.workerPid()).toBe(pid);
  });

  it('that cannot be served leaves the one before, and says why', async () => {
    const balancer = scene.balancer();
    const good = ca.issue({ names: ['app.test'] });
    deliver(balancer, good);
    await balancer.start(spec({ certificate: 'main' }));
    const pid = await balancer.workerPid();
    const other = ca.issue({ names: ['app.test'] });
    deliver(balancer, { bundle: other.certificate + good.privateKey });
    const report = await waitFor('the fault', () =>
      balancer.test.report().certificates?.find(({ reasonCode }) => reasonCode === 'not_servable'),
    );
    expect(report).toMatchObject({
      domain: 'app.test',
      state: 'active',
      serial: good.serial,
      alert: 'critical',
    });
    expect(report.reason).toContain('is not the key of any certificate');
    expect(await servedSerial(balancer.address, 'app.test')).toBe(good.serial);
    // What lies on the disk is what is served: a reload changes nothing.
    await balancer.reload(spec({ certificate: 'main', minVersion: '1.3' }));
    expect(await servedSerial(balancer.address, 'app.test')).toBe(good.serial);
    expect(await balancer.workerPid()).not.toBe(pid);
    deliver(balancer, other);
    await served(balancer, other, 'app.test');
  });

  it('longer than what HAProxy takes at run time comes with a reload', async () => {
    const balancer = scene.balancer();
    const names = Array.from(
      { length: 195 },
      (_, index) => `a-rather-long-name-to-fill-the-certificate-${index}.test`,
    );
    const long = ca.issue({ names, key: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'] });
    expect(long.bundle.length).toBeGreaterThan(16_384);
    await balancer.start(spec());
    deliver(balancer, long);
    await balancer.reload(spec({ certificate: 'main' }));
    expect(await servedSerial(balancer.address, names[194])).toBe(long.serial);
  });

  it('is served from a folder with a space in its name', async () => {
    const address = loopbackAddress();
    const test = createTestService(`${scene.directory}/with a space`, address);
    scene.after(() => test.service.remove());
    const [first, second] = [ca.issue({ names: ['app.test'] }), ca.issue({ names: ['app.test'] })];
    test.desired = { ...test.desired, certificate: { name: 'main', pem: first.bundle } };
    await test.set(spec({ certificate: 'main' }));
    expect(await servedSerial(address, 'app.test')).toBe(first.serial);
    test.desired = { ...test.desired, certificate: { name: 'main', pem: second.bundle } };
    expect(await test.set(spec({ certificate: 'main' }))).toMatchObject({ path: 'runtime' });
    expect(await servedSerial(address, 'app.test')).toBe(second.serial);
    expect(await test.set(spec())).toMatchObject({ path: 'runtime' });
  });

  it('is served by a tcp load balancer', async () => {
    const balancer = scene.balancer();
    const backend = await scene.tcpBackend('mail');
    const issued = ca.issue({ names: ['mail.test'] });
    deliver(balancer, issued);
    await balancer.start({
      type: 'tcp',
      port: 993,
      tls: { certificate: 'main' },
      backends: [{ target: backend.target }],
    });
    const seen = await handshake(balancer.address, { port: 993, name: 'mail.test', ca: ca.pem });
    expect(seen.authorized).toBe(true);
  });
});

describe('certificates of domains', () => {
  it('are served each for its own name, come and go at run time, and survive a refusal by HAProxy', async () => {
    const from = source();
    const balancer = scene.balancer(from);
    const domains = ['a.test', 'b.test', '*.c.test'];
    const [a, b, c] = domains.map((name) => ca.issue({ names: [name] })) as [Issued, Issued, Issued];
    await balancer.start(spec({ domains }));
    const pid = await balancer.workerPid();
    const bring = (name: string, issued: Issued) => {
      from.held.set(name, issued);
      balancer.test.service.nudge();
    };
    bring('b.test', b);
    await served(balancer, b, 'b.test');
    // Until its own is there, a name is shown the first that there is.
    expect(await servedSerial(balancer.address, 'a.test')).toBe(b.serial);
    bring('a.test', a);
    bring('*.c.test', c);
    await served(balancer, c, 'x.c.test');
    await served(balancer, a, 'a.test');
    await served(balancer, b, 'b.test');

    // A file that is no certificate at all: the one before stays.
    const broken = `${scene.directory}/broken.pem`;
    await writeFile(broken, 'garbage');
    bring('a.test', { ...a, path: broken });
    await waitFor('the fault', () =>
      balancer.test
        .report()
        .certificates?.find(({ domain, reasonCode }) => domain === 'a.test' && reasonCode === 'not_servable'),
    );
    expect(await servedSerial(balancer.address, 'a.test')).toBe(a.serial);
    from.held.delete('b.test');
    balancer.test.service.nudge();
    await waitFor(
      'b.test to be gone',
      async () => (await servedSerial(balancer.address, 'b.test')) !== b.serial,
    );
    expect(await balancer.workerPid()).toBe(pid);
    // The default, a.test and *.c.test.
    await waitFor('the list on the disk', async () => {
      const list = await readFile(paths(balancer).certificateList, 'utf8');
      return list.trimEnd().split('\n').length === 3;
    });
  });
});

describe('what a CA says of a certificate', () => {
  it('is told to clients, after a reload too, but not that it has revoked: that is told to the operator', async () => {
    const own = createTestCa(scene.directory, 'Responding CA');
    const port = await freePort();
    const extensions = [`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`];
    const whole = (issued: Issued) => ({ bundle: issued.certificate + own.pem + issued.privateKey });
    const [good, bad] = ['good.test', 'bad.test'].map((name) => own.issue({ names: [name], extensions })) as [
      Issued,
      Issued,
    ];
    own.revocationList([bad]);
    const silence = await own.respond(port);
    scene.after(silence);
    const balancer = scene.balancer();
    deliver(balancer, whole(good));
    await balancer.start(spec({ certificate: 'main' }));
    const pid = await balancer.workerPid();
    const staple = async (name: string) => (await handshake(balancer.address, { name })).staple;
    await waitFor('the word of the CA', () => staple('good.test'));
    expect(await balancer.workerPid()).toBe(pid);
    await balancer.reload(spec({ certificate: 'main', minVersion: '1.3' }));
    expect(await staple('good.test')).toBeDefined();

    // What HAProxy has goes too, and not only what it would be told.
    const word = () => readFile(`${paths(balancer).directory}/certificates/uploaded-main.pem.ocsp`);
    expect((await word()).length).toBeGreaterThan(100);
    const worker = await balancer.workerPid();
    await silence();
    own.revocationList([good]);
    scene.after(await own.respond(port));
    await balancer.restartAgent();
    const report = () => balancer.test.report().certificates?.[0];
    const revoked = await waitFor('the revocation', () => report()?.state === 'revoked' && report());
    expect(revoked).toMatchObject({
      reasonCode: 'revoked',
      alert: 'critical',
      serial: good.serial,
      revokedAt: expect.stringMatching(/^20/),
      reason: expect.stringMatching(/was revoked by its CA at .*; who had that done is not known/),
      whatToDo: expect.stringMatching(/upload it: agentmetal lb tls upload web-lb --certificate main/),
    });
    await waitFor('no word to clients', async () => (await staple('good.test')) === undefined);
    await expect(word()).rejects.toThrow('ENOENT');
    expect(await balancer.workerPid()).toBe(worker);

    deliver(balancer, whole(bad));
    await served(balancer, bad, 'bad.test');
    await waitFor('that too', () => report()?.state === 'revoked' && report()?.serial === bad.serial);
    expect(await staple('bad.test')).toBeUndefined();
  });
});

describe('the way to HTTPS', () => {
  it('is shown host by host, once a real certificate is served, and HSTS only there', async () => {
    const from = source();
    const balancer = scene.balancer(from);
    const backend = await scene.backend('web');
    const more = { backends: [{ target: backend.target }] };
    const issued = ca.issue({ names: ['a.test'] });
    const wild = ca.issue({ names: ['*.w.test'] });
    const tls = { domains: ['a.test', 'b.test', '*.w.test'], hsts: { includeSubDomains: true } };
    await balancer.start(spec(tls, more));
    const { ask, address } = balancer;
    expect(await ask({ host: 'a.test' })).toMatchObject({ status: 200 });
    const overPlaceholder = await handshake(address, { name: 'a.test', request: get('a.test') });
    expect(overPlaceholder.answer).not.toMatch(/strict-transport/i);

    from.held.set('a.test', issued).set('*.w.test', wild);
    balancer.test.service.nudge();
    const redirected = await waitFor('the redirect', async () => {
      const answer = await ask({ host: 'a.test:8080', path: '/x?y=1' });
      return answer.status === 301 && answer;
    });
    expect(redirected.headers).toMatchObject({ location: 'https://a.test/x?y=1' });
    expect(redirected.headers).not.toHaveProperty('strict-transport-security');
    expect(await ask({ host: 'A.TEST.', method: 'POST', body: 'x' })).toMatchObject({ status: 308 });
    expect((await ask({ host: 'x.w.test' })).headers.location).toBe('https://x.w.test/');
    for (const host of ['b.test', 'x.a.test', 'w.test', 'x.y.w.test', '192.0.2.1', 'localhost', '*'])
      expect([host, (await ask({ host })).status]).toEqual([host, 200]);
    // Without a redirect for the path that CAs ask for.
    expect((await ask({ host: 'a.test', path: '/.well-known/acme-challenge/other' })).status).toBe(200);
    const secure = await handshake(address, { name: 'a.test', request: get('a.test') });
    expect(secure.answer).toMatch(/^HTTP\/1.1 200/);
    expect(secure.answer).toMatch(/^strict-transport-security: max-age=63072000; includeSubDomains\r$/im);

    const pid = await balancer.workerPid();
    const off = await balancer.test.set(spec({ ...tls, redirect: false }, more));
    expect(off).toMatchObject({ path: 'runtime', steps: [{ action: 'set-redirect' }] });
    expect((await ask({ host: 'a.test' })).status).toBe(200);
    expect(await balancer.workerPid()).toBe(pid);
  });
});

describe('a challenge', () => {
  const TOKEN = 'abcdefghijklmnopqrstuvwxyz_-0123';
  const path = `/.well-known/acme-challenge/${TOKEN}`;

  it('is answered for our domains before anything that refuses, counts or redirects, and changes at run time', async () => {
    const from = source();
    const balancer = scene.balancer(from);
    const backend = await scene.backend('web');
    const issued = ca.issue({ names: ['a.test'] });
    const more = {
      backends: [{ target: backend.target }],
      access: { deny: ['0.0.0.0/0'] },
      maintenance: {},
      rateLimit: { requests: 1, window: '60s' },
    };
    from.held.set('a.test', issued);
    await balancer.start(spec({ domain: 'a.test', clientCa: ca.pem }, more));
    const pid = await balancer.workerPid();
    const { ask } = balancer;
    expect((await ask({ host: 'a.test', path })).status).toBe(403);
    from.account = 'thumbprint-1';
    balancer.test.service.nudge();
    const answer = await waitFor('the answer', async () => {
      const given = await ask({ host: 'a.test', path });
      return given.status === 200 && given;
    });
    expect(answer.body).toBe(`${TOKEN}.thumbprint-1`);
    expect(answer.headers['content-type']).toBe('text/plain');
    for (let round = 0; round < 5; round += 1)
      expect((await ask({ host: 'A.test:80', path })).status).toBe(200);
    for (const other of [
      '/.well-known/acme-challenge/<script>',
      '/.well-known/acme-challenge/short',
      `${path}/more`,
    ])
      expect([other, (await ask({ host: 'a.test', path: other })).status]).toEqual([other, 403]);
    expect((await ask({ host: 'b.test', path })).status).toBe(403);
    from.account = 'thumbprint-2';
    balancer.test.service.nudge();
    await waitFor(
      'the other account',
      async () => (await ask({ host: 'a.test', path })).body === `${TOKEN}.thumbprint-2`,
    );
    expect(await balancer.workerPid()).toBe(pid);
  });

  it('of somebody else goes to the backend', async () => {
    const from = source();
    from.account = 'thumbprint';
    const balancer = scene.balancer(from);
    const backend = await scene.backend('web');
    await balancer.start(spec({ domain: 'a.test' }, { backends: [{ target: backend.target }] }));
    expect((await balancer.ask({ host: 'a.test', path })).body).toBe(`${TOKEN}.thumbprint`);
    expect((await balancer.ask({ host: 'b.test', path })).body).toBe('web');
    await balancer.runtime(
      spec({ domain: 'a.test', challenge: 'dns' }, { backends: [{ target: backend.target }] }),
      'set-challenge',
    );
    expect((await balancer.ask({ host: 'a.test', path })).body).toBe('web');
  });
});

describe('versions of TLS', () => {
  it('older than wanted are refused', async () => {
    const balancer = scene.balancer();
    await balancer.start(spec());
    const { address } = balancer;
    expect(await handshake(address, { maxVersion: 'TLSv1.2' })).toMatchObject({ protocol: 'TLSv1.2' });
    await expect(handshake(address, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
    await balancer.reload(spec({ minVersion: '1.3' }));
    await expect(handshake(address, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    expect(await handshake(address, {})).toMatchObject({ protocol: 'TLSv1.3' });
  });
});

describe('client certificates', () => {
  it('are required, checked against the CA and what it revoked, and told to backends', async () => {
    const balancer = scene.balancer();
    const backend = await scene.backend({
      name: 'web',
      handle: (request, response) => response.end(pairs(request.rawHeaders)),
    });
    const server = ca.issue({ names: ['app.test'] });
    const people = createTestCa(scene.directory, 'People CA');
    const [ann, bob, eve] = [
      people.issue({ names: ['ann'] }),
      people.issue({ names: ['bob'] }),
      ca.issue({ names: ['eve'] }),
    ];
    const more = { backends: [{ target: backend.target }] };
    const clientCa = (settings: object) =>
      spec(
        { certificate: 'main', redirect: false, clientCa: { certificates: people.pem, ...settings } },
        more,
      );
    deliver(balancer, server);
    await balancer.start(clientCa({ revocationLists: people.revocationList([bob]) }));
    const { address, ask } = balancer;
    const spoofed = {
      'X-Client-Cert-Verified': 'true',
      'x-client-cert-subject': 'CN=root',
      'X-Client-Cert-Extra': '1',
      // To a backend of CGI's kind these are the same names.
      X_Client_Cert_Subject: 'CN=root',
      'X-Client_Cert-Extra': '1',
    };
    const visit = async (who?: Issued) => {
      const own = who ? { cert: who.certificate, key: who.privateKey } : {};
      const request = get('app.test', '/headers', spoofed);
      return (
        (await handshake(address, { name: 'app.test', request, ...own }).catch(() => undefined))?.answer ?? ''
      );
    };
    const seen = await visit(ann);
    expect(seen).toMatch(/^HTTP\/1.1 200/);
    expect(seen).toMatch(/x-client-cert-verified: true/i);
    expect(seen).toMatch(/x-client-cert-subject: CN=ann/i);
    expect(seen).toMatch(/x-client-cert-issuer: CN=People CA/i);
    expect(seen).toMatch(new RegExp(`x-client-cert-serial: ${ann.serial}`, 'i'));
    expect(seen).toMatch(/x-client-cert-sha256: [0-9A-F]{64}/i);
    expect(seen).not.toMatch(/x.client.cert.extra|CN=root/i);
    // A name that would be a header of its own is written out.
    const mallory = people.issue({ names: ['mallory'], subject: 'mallory\r\nX-Admin: 1' });
    const told = await visit(mallory);
    expect(told).toMatch(/x-client-cert-subject: CN=mallory\\0D\\0AX-Admin: 1/i);
    expect(told).not.toMatch(/^x-admin/im);
    for (const who of [undefined, bob, eve]) expect(await visit(who)).not.toMatch(/200/);
    expect((await ask({ host: 'app.test', path: '/headers' })).status).toBe(403);

    await balancer.reload(clientCa({ verify: 'optional' }));
    const anonymous = await visit();
    expect(anonymous).toMatch(/x-client-cert-verified: false/i);
    expect(anonymous).not.toMatch(/x-client-cert-(subject|extra)/i);
    expect(await visit(bob)).toMatch(/x-client-cert-subject: CN=bob/i);
    expect(await visit(eve)).not.toMatch(/200/);
    const plain = await ask({ host: 'app.test', path: '/headers', headers: spoofed });
    expect(plain.body).toMatch(/x-client-cert-verified: false/i);
    expect(plain.body).not.toMatch(/CN=root/);
    const named = await ask({
      host: 'app.test',
      path: '/headers',
      headers: { connection: 'X-Client-Cert-Verified' },
    });
    expect(named.body).not.toMatch(/^connection:.*cert/im);
  });
});
