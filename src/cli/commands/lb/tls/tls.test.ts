import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CA_CERTIFICATE } from '../../../../../test/support/ca.ts';
import { type FakeApi, startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../../../test/support/cli/run-cli.ts';
import type { CertificateStatus } from '../../../../api/certificates.ts';
import { renderCertificates } from '../../../output/certificates.ts';

async function tls(api: FakeApi, line: string) {
  const { code, err } = await runCli(`lb tls set web-lb ${line}`, { env: api.env });
  expect({ line, code, err }).toMatchObject({ code: 0 });
  return { ...api.loadBalancers.get('web-lb')?.spec.tls, err };
}

describe('set', () => {
  test('names the terms that a domain agrees to, and only then', async () => {
    const api = await startWithWebLb();
    expect((await tls(api, '--domain app.example.com')).err).toMatch(
      /agree to the terms of Let’s Encrypt \(https:/,
    );
    expect((await tls(api, '--min-version 1.3')).err).not.toMatch(/terms/);
    expect((await tls(api, '--domain app.example.com --dry-run')).err).not.toMatch(/terms/);
    const refused = await runCli('lb tls set web-lb --domain not_a_domain!', { env: api.env });
    expect(refused.code).not.toBe(0);
    expect(refused.err).not.toMatch(/terms/);
    const { err } = await runCli('lb create --name b --type http --domain b.example.com', { env: api.env });
    expect(err).toMatch(/agree to the terms/);
    const apply = (tls: string) =>
      runCli('lb apply -f -', { env: api.env, stdin: `{"name": "c", "spec": {"type": "http"${tls}}}` });
    expect((await apply('')).err).not.toMatch(/terms/);
    expect((await apply(', "tls": {"domain": "c.example.com"}')).err).toMatch(/agree to the terms/);
  });

  test('names the terms as the CA that is asked names them', async () => {
    const api = await startWithWebLb();
    const machine = (authority: object) => ({ name: 'm', authority });
    const items = [
      machine({ directory: 'https://ca.example.com/dir', termsOfService: 'https://ca.example.com/terms' }),
      machine({ directory: 'https://acme-v02.api.letsencrypt.org/directory' }),
      machine({ directory: 'https://other.example.com/dir' }),
    ];
    api.answers.set('GET /v1/machines', { body: { items, nextCursor: null } });
    expect((await tls(api, '--domain app.example.com')).err).toContain(
      'the terms of ca.example.com (https://ca.example.com/terms), and of Let’s Encrypt (https://letsencrypt.org/repository/), and of other.example.com, which has named none so far. ',
    );
  });

  test('amends what is named and leaves the rest', async () => {
    const api = await startWithWebLb();
    await tls(api, '--domain app.example.com --no-redirect');
    expect(await tls(api, '--domain "*.example.com"')).toMatchObject({
      domain: '*.example.com',
      challenge: 'dns',
      redirect: false,
    });
    expect(await tls(api, '--hsts')).toMatchObject({ hsts: { maxAge: '730d', includeSubDomains: false } });
    expect(await tls(api, '--hsts-max-age 365d --hsts-subdomains --hsts-preload')).toMatchObject({
      hsts: { maxAge: '365d', includeSubDomains: true, preload: true },
    });
    expect(await tls(api, '--no-hsts')).not.toHaveProperty('hsts');
    expect(await tls(api, '--certificate main')).toMatchObject({
      certificate: 'main',
      domain: '*.example.com',
    });
    expect(await tls(api, '--clear-certificate')).not.toHaveProperty('certificate');
    const file = join(await temporaryHome(), 'ca.pem');
    await writeFile(file, CA_CERTIFICATE);
    expect(await tls(api, `--client-ca ${file}`)).toMatchObject({
      clientCa: { certificates: CA_CERTIFICATE, verify: 'required' },
    });
    expect(await tls(api, '--client-verify optional')).toMatchObject({
      clientCa: { certificates: CA_CERTIFICATE, verify: 'optional' },
    });
    expect(await tls(api, '--clear-client-ca')).not.toHaveProperty('clientCa');
  });

  test.each([
    '',
    '--certificate a --clear-certificate',
    '--no-hsts --hsts-preload',
    '--clear-client-ca --client-verify optional',
    '--client-ca /nowhere',
  ])('refuses "%s"', async (line) => {
    const api = await startWithWebLb();
    expect((await runCli(`lb tls set web-lb ${line}`, { env: api.env })).code).toBe(2);
    expect(api.writes()).toEqual([]);
  });
});

describe('upload', () => {
  const UPLOADED = {
    name: 'main',
    names: ['app.example.com'],
    serial: '0A',
    notAfter: '2027-01-01T00:00:00Z',
    warnings: ['mind the chain'],
  };

  async function withFiles() {
    const api = await startWithWebLb();
    const home = await temporaryHome();
    const [cert, key] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    await writeFile(cert, 'CERT');
    await writeFile(key, 'KEY');
    api.answers.set('PUT /v1/load-balancers/lb_web-lb/certificates/main', { status: 201, body: UPLOADED });
    return { api, cert, key };
  }

  test('sends the files and has the certificate served', async () => {
    const { api, cert, key } = await withFiles();
    const { code, err, out } = await runCli(`lb tls upload web-lb --cert ${cert} --key ${key}`, {
      env: api.env,
    });
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(api.writes()[0]).toMatchObject({ body: { certificate: 'CERT', privateKey: 'KEY' } });
    expect(api.loadBalancers.get('web-lb')?.spec.tls).toMatchObject({ certificate: 'main' });
    expect(err).toMatch(/mind the chain/);
    expect(err + out).not.toMatch(/KEY|CERT$/m);
  });

  test('replaces one that is served without another change, and only keeps one when told so', async () => {
    const { api, cert, key } = await withFiles();
    await runCli('lb tls set web-lb --certificate main', { env: api.env });
    const before = api.loadBalancers.get('web-lb')?.revision;
    const replaced = await runCli(`lb tls upload web-lb --cert ${cert} --key -`, {
      env: api.env,
      stdin: 'KEY2',
    });
    expect(replaced.out).toMatch(/^Certificate main replaced: app.example.com; serial 0A/);
    expect(api.loadBalancers.get('web-lb')?.revision).toBe(before);
    await runCli('lb tls set web-lb --clear-certificate', { env: api.env });
    const kept = await runCli(`lb tls upload web-lb --cert ${cert} --key ${key} --store`, { env: api.env });
    expect(kept.out).toMatch(/^Certificate main uploaded/);
    expect(api.loadBalancers.get('web-lb')?.spec.tls).not.toHaveProperty('certificate');
  });

  test('says which file cannot be read', async () => {
    const { api, cert } = await withFiles();
    const missing = await runCli(`lb tls upload web-lb --cert ${cert} --key /nowhere`, { env: api.env });
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('/nowhere') });
    expect(await readFile(cert, 'utf8')).toBe('CERT');
    expect((await runCli('lb tls upload web-lb --cert - --key -', { env: api.env })).code).toBe(2);
  });
});

describe('show, health and renew', () => {
  const status: CertificateStatus = {
    domain: 'app.example.com',
    state: 'active',
    source: 'acme',
    reasonCode: 'rate_limited',
    reason: 'the CA refuses for a while',
    whatToDo: 'Wait.',
    issuer: 'CN=R10',
    serial: '04AB',
    notAfter: '2027-01-01T00:00:00.000Z',
    nextRenewalAt: '2026-12-01T00:00:00.000Z',
    lastAttemptAt: '2026-11-23T04:00:00.000Z',
    alert: 'warning',
    machine: 'local',
  };

  const plain = (_: string, text: string) => text;
  const NOW = Date.parse('2026-11-23T06:00:00Z');
  const context = { name: 'web-lb', now: NOW, style: plain };

  test('one that needs a hand is told whole: what, why, what to do, and by when', () => {
    const ill = {
      ...status,
      alertReason: 'it ends in 38 days, and should have been renewed by now',
      attempts: 3,
    };
    const agreement = {
      directory: 'https://ca.test/dir',
      termsOfService: 'https://ca.test/terms',
      agreedBy: 'admin',
      agreedAt: '2026-11-23T03:00:00.000Z',
      isCurrent: true,
    };
    expect(renderCertificates({ items: [ill], agreements: [agreement] }, context)).toBe(
      `web-lb: The certificate needs attention

app.example.com
  State:        active
  Alert:        warning: it ends in 38 days, and should have been renewed by now
  Reason:       the CA refuses for a while (rate_limited)
  What to do:   Wait.
  Not after:    2027-01-01 00:00:00 UTC (38 days left)
  Next renewal: 2026-12-01 00:00:00 UTC (7 days left)
  Last attempt: 2026-11-23 04:00:00 UTC (2 hours ago), 3 in a row have failed
  Issuer:       CN=R10
  Serial:       04AB

Terms: https://ca.test/terms, agreed to by admin on 2026-11-23 03:00:00 UTC (3 hours ago)
`,
    );
    const untold = {
      ...agreement,
      termsOfService: undefined,
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
    };
    expect(renderCertificates({ items: [ill], agreements: [untold] }, context)).toContain(
      'Terms: Let’s Encrypt (https://letsencrypt.org/repository/), agreed to',
    );
    const before = { ...agreement, isCurrent: false };
    expect(renderCertificates({ items: [ill], agreements: [before] }, context)).toMatch(
      /^Terms \(before\): .*\nThe CA, or its terms, are others now.* lb tls set web-lb --domain DOMAIN$/m,
    );
  });

  test('of many those that are well are lines, and the worst comes first', () => {
    const { reasonCode: _code, whatToDo: _what, ...rest } = status;
    const well = (domain: string): CertificateStatus => ({
      ...rest,
      domain,
      alert: 'none',
      reason: 'is served',
    });
    const over = { ...status, domain: 'over.example.com', state: 'expired', alert: 'critical' } as const;
    const items = [well('a.example.com'), well('b.example.com'), status, over, well('c.example.com')];
    const lines = renderCertificates({ items }, context).split('\n');
    expect(lines[0]).toBe('web-lb: 2 of 5 certificates need attention');
    expect(lines.filter((line) => /^\w+\.example\.com/.test(line)).map((line) => line.split(' ')[0])).toEqual(
      ['over.example.com', 'app.example.com', 'a.example.com', 'b.example.com', 'c.example.com'],
    );
    expect(lines.find((line) => line.startsWith('a.example.com'))).toMatch(
      /active +2027-01-01 00:00:00 UTC \(38 days left\)/,
    );
    expect(renderCertificates({ items: items.slice(0, 2) }, context)).toContain(
      'All 2 certificates are served and in time',
    );
    const waiting = { ...well('d.example.com'), state: 'obtaining' } as const;
    expect(renderCertificates({ items: [waiting, ...items.slice(0, 1)] }, context)).toContain(
      '1 of 2 certificates is not there yet',
    );
  });

  test('tell state, issuer, serial, end, renewal, attempt, reason and what to do', async () => {
    const api = await startWithWebLb();
    const page = { items: [status], nextCursor: null };
    api.answers.set('GET /v1/load-balancers/web-lb/certificates', { body: page });
    const { out } = await runCli('lb tls show web-lb', { env: api.env });
    for (const text of [
      'app.example.com',
      'active',
      'warning',
      'CN=R10',
      '04AB',
      '2027-01-01 00:00:00 UTC',
      '2026-12-01',
      '2026-11-23 04:00',
      'refuses for a while (rate_limited)',
      'Wait.',
    ])
      expect(out).toContain(text);
    expect(JSON.parse((await runCli('lb tls show web-lb -o json', { env: api.env })).out)).toEqual(page);
    api.answers.set('GET /v1/load-balancers/web-lb/health', {
      body: { state: 'active', backends: [], certificates: [status] },
    });
    expect((await runCli('lb health web-lb', { env: api.env })).out).toContain('app.example.com');
  });

  test('renew asks for all or for one, of all nodes or of one', async () => {
    const api = await startWithWebLb();
    const domains = ['app.example.com'];
    const answer = (...machines: string[]) => ({
      domains,
      nodes: machines.map((machine) => ({ machine, domains })),
    });
    const path = 'POST /v1/load-balancers/web-lb/certificates/renew';
    api.answers.set(path, { status: 202, body: answer('local') });
    const { code, out } = await runCli('lb tls renew web-lb --domain app.example.com', { env: api.env });
    expect({ code, out }).toEqual({ code: 0, out: 'Asked for a new certificate for app.example.com\n' });
    expect(api.writes().at(-1)?.body).toEqual({ domain: 'app.example.com' });
    api.answers.set(path, { status: 202, body: answer('lb-1', 'lb-2') });
    expect((await runCli('lb tls renew web-lb', { env: api.env })).out).toBe(
      'Asked for a new certificate for app.example.com on lb-1, lb-2\n',
    );
    const missing = [{ machine: 'lb-2', problem: 'its agent does not answer' }];
    api.answers.set(path, { status: 202, body: { ...answer('lb-1'), missing } });
    const some = await runCli('lb tls renew web-lb', { env: api.env });
    expect(some.out).toBe('Asked for a new certificate for app.example.com on lb-1\n');
    expect(some.err).toContain('Without what node lb-2 has: its agent does not answer');
    await runCli('lb tls renew web-lb --node lb-1', { env: api.env });
    expect(api.writes().at(-1)?.body).toEqual({ node: 'lb-1' });
  });
});
