import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeApi, startFakeApi } from '../../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../../test/support/cli/run-cli.ts';

const SECRET = 'c2VjcmV0IG9mIHRoZSB0ZXN0';
const ZONE = {
  id: 'zone_1',
  name: 'example.com',
  labels: {},
  spec: {
    provider: 'rfc2136',
    server: '192.0.2.53',
    port: 53,
    tsig: { name: 'lb-key', algorithm: 'hmac-sha256' },
  },
  status: { state: 'failed', reason: 'app.example.com: no answer', loadBalancers: ['web-lb'] },
  revision: 1,
  createdAt: '2026-11-23T04:00:00.000Z',
  updatedAt: '2026-11-23T04:00:00.000Z',
};

let api: FakeApi;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'am-zone-'));
  api = await startFakeApi();
  api.answers.set('POST /v1/dns-zones', { status: 201, body: ZONE });
  api.answers.set('PUT /v1/dns-zones/example.com', { body: ZONE });
  api.answers.set('GET /v1/dns-zones', { body: { items: [ZONE], nextCursor: null } });
  api.answers.set('GET /v1/dns-zones/example.com', { body: ZONE });
  api.answers.set('DELETE /v1/dns-zones/zone_1', { status: 204 });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const dns = (line: string, env: Record<string, string> = {}) =>
  runCli(`dns zone ${line}`, { env: { ...api.env, ...env } });
const sent = () => (api.writes().at(-1)?.body as { spec: object } | undefined)?.spec;

test('add takes the key from a file as tsig-keygen writes it, and shows nothing of it', async () => {
  const file = join(folder, 'lb-key.conf');
  await writeFile(file, `key "lb-key" {\n\talgorithm hmac-sha512;\n\tsecret "${SECRET}";\n};\n`);
  const { code, out, err } = await dns(
    `add example.com --provider rfc2136 --server 192.0.2.53:5353 --secret-file ${file} --debug`,
  );
  expect({ code, out }).toEqual({
    code: 0,
    out: 'DNS zone example.com added (zone_1); rfc2136 accepts the credential\n',
  });
  expect(out + err).not.toContain(SECRET);
  expect(sent()).toEqual({
    provider: 'rfc2136',
    server: '192.0.2.53',
    port: 5353,
    tsig: { name: 'lb-key', algorithm: 'hmac-sha512', secret: SECRET },
  });
});

test('add takes a bare secret from the environment or a file', async () => {
  const secret = { AGENTMETAL_DNS_SECRET: SECRET };
  await dns('add example.com --provider rfc2136 --server ns1.example.com --tsig-name lb-key', secret);
  expect(sent()).toEqual({
    provider: 'rfc2136',
    server: 'ns1.example.com',
    tsig: { name: 'lb-key', secret: SECRET },
  });
  const file = join(folder, 'token');
  await writeFile(file, 'token-of-the-test\n');
  await dns(`add example.com --provider cloudflare --secret-file ${file}`, secret);
  expect(sent()).toEqual({ provider: 'cloudflare', apiToken: 'token-of-the-test' });
  await dns(`set example.com --provider powerdns --api-url http://192.0.2.53:8081 --secret-file ${file}`);
  expect(sent()).toMatchObject({ provider: 'powerdns', apiKey: 'token-of-the-test' });
  await dns(`add example.com --provider route53 --access-key-id AKIAIOSFODNN7EXAMPLE --secret-file ${file}`);
  expect(sent()).toEqual({
    provider: 'route53',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'token-of-the-test',
  });
});

test.each([
  ['add example.com', 'provider'],
  ['add example.com --provider hetzner', 'no credential is given'],
  ['add example.com --provider rfc2136', '--provider rfc2136 needs --server'],
  ['add example.com --provider hetzner --server a', '--provider hetzner has no --server'],
  ['add example.com --provider rfc2136 --server a --secret-file /nowhere', 'cannot be read'],
])('%s says what is wrong', async (line, detail) => {
  const { code, err } = await dns(line);
  expect(code).toBe(2);
  expect(err).toContain(detail);
  expect(api.writes()).toEqual([]);
});

test('a key without a name is asked for', async () => {
  const { code, err } = await dns('add example.com --provider rfc2136 --server a', {
    AGENTMETAL_DNS_SECRET: SECRET,
  });
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('needs --tsig-name') });
});

test('list and show', async () => {
  expect((await dns('list')).out).toMatch(
    /^NAME +PROVIDER +STATE +LOAD-BALANCERS +AGE\nexample.com +rfc2136 +failed +web-lb /,
  );
  const { out } = await dns('show example.com');
  expect(out).toMatch(/Provider: +rfc2136 \(192\.0\.2\.53 port 53\)/);
  expect(out).toMatch(/State: +failed: app\.example\.com: no answer/);
});

test('remove asks, and can leave the records', async () => {
  expect((await dns('remove example.com')).code).toBe(2);
  expect((await dns('remove example.com --keep-records --yes')).out).toBe('DNS zone example.com removed\n');
  expect(api.writes().at(-1)).toMatchObject({ path: '/v1/dns-zones/zone_1', query: { keepRecords: 'true' } });
});
