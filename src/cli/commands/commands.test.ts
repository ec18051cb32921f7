import { describe, expect, test } from 'vitest';
import { startFakeApi, startWithWebLb } from '../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../test/support/cli/run-cli.ts';

const VPC = {
  id: 'vpc_1',
  name: 'prod',
  labels: {},
  spec: { cidrs: ['10.0.0.0/16'], nameServers: [], hosts: [{ name: 'web-1', addresses: ['10.0.0.5'] }] },
  status: { loadBalancers: ['web-lb'] },
  revision: 4,
  createdAt: '2026-11-23T04:00:00.000Z',
  updatedAt: '2026-11-23T04:00:00.000Z',
};

async function withVpc() {
  const api = await startFakeApi();
  api.answers.set('GET /v1/vpcs/prod', { body: VPC });
  api.answers.set('GET /v1/vpcs', { body: { items: [VPC], nextCursor: null } });
  api.answers.set('PATCH /v1/vpcs/vpc_1', { body: VPC });
  api.answers.set('PATCH /v1/vpcs/prod', { body: VPC });
  return api;
}

describe('vpc', () => {
  test('create', async () => {
    const api = await startFakeApi();
    api.answers.set('POST /v1/vpcs', { status: 201, body: VPC });
    const { code, out, err } = await runCli('vpc create prod --cidr 10.0.0.0/16 --name-server 10.0.0.2', {
      env: api.env,
    });
    expect({ code, out }).toEqual({ code: 0, out: 'VPC prod created (vpc_1)\n' });
    expect(err).toBe('Next: agentmetal vpc host add prod web-1 ADDRESS\n');
    expect(api.writes()[0]?.body).toEqual({
      name: 'prod',
      labels: {},
      spec: { cidrs: ['10.0.0.0/16'], nameServers: ['10.0.0.2'] },
    });
    await runCli('vpc create prod --cidr 10.0.0.0/16 --replace-after never', { env: api.env });
    expect(api.writes()[1]?.body).toMatchObject({ spec: { replaceAfter: 'never' } });
    expect((await runCli('vpc create prod', { env: api.env })).code).toBe(2);
  });

  test('list, show and update', async () => {
    const api = await withVpc();
    expect((await runCli('vpc list', { env: api.env })).out).toMatch(
      /^NAME +CIDRS +HOSTS +LOAD-BALANCERS +AGE\nprod +10.0.0.0\/16 +1 +web-lb /,
    );
    expect((await runCli('vpc show prod', { env: api.env })).out).toMatch(
      /Hosts:\n {2}HOST +ADDRESSES\n {2}web-1 +10.0.0.5\n$/,
    );
    expect((await runCli('vpc update prod --cidr 10.1.0.0/16 --unlabel a', { env: api.env })).code).toBe(0);
    expect(api.writes()[0]?.body).toEqual({ labels: { a: null }, spec: { cidrs: ['10.1.0.0/16'] } });
    for (const [given, told] of [
      ['10m', '10m'],
      ['never', 'never'],
      ['default', null],
    ]) {
      await runCli(`vpc update prod --replace-after ${given}`, { env: api.env });
      expect(api.writes().at(-1)?.body).toEqual({ spec: { replaceAfter: told } });
    }
    expect((await runCli('vpc update prod', { env: api.env })).code).toBe(2);
  });

  test('hosts are added, set and removed', async () => {
    const api = await withVpc();
    const { env } = api;
    api.answers.set('PUT /v1/vpcs/prod/hosts/web-2', {
      status: 201,
      body: { name: 'web-2', addresses: ['10.0.0.6', '10.0.0.7'] },
    });
    api.answers.set('DELETE /v1/vpcs/prod/hosts/web-1', { status: 204 });
    expect((await runCli('vpc host add prod web-2 10.0.0.6 10.0.0.7', { env })).out).toBe(
      'Host web-2 added: 10.0.0.6, 10.0.0.7\n',
    );
    expect(api.writes()[0]?.body).toEqual({ addresses: ['10.0.0.6', '10.0.0.7'] });
    expect((await runCli('vpc host remove prod web-1', { env })).out).toBe('Host web-1 removed\n');
    expect((await runCli('vpc host list prod', { env })).out).toBe('HOST   ADDRESSES\nweb-1  10.0.0.5\n');
    expect((await runCli('vpc host add prod web-2', { env })).code).toBe(2);
  });

  test('delete asks', async () => {
    const api = await withVpc();
    api.answers.set('DELETE /v1/vpcs/vpc_1', { status: 204 });
    expect((await runCli('vpc delete prod', { env: api.env })).code).toBe(2);
    expect(await runCli('vpc delete prod --yes', { env: api.env })).toMatchObject({
      code: 0,
      out: 'VPC prod deleted\n',
    });
  });
});

describe('key', () => {
  test('create shows the key once, and not in --debug', async () => {
    const api = await startFakeApi();
    const key = {
      id: 'key_1',
      name: 'deploy',
      role: 'operator',
      prefix: 'am_abc',
      createdAt: VPC.createdAt,
      lastUsedAt: null,
    };
    api.answers.set('POST /v1/keys', { status: 201, body: { ...key, key: 'am_abc_secret' } });
    api.answers.set('GET /v1/keys', { body: { items: [key], nextCursor: null } });
    api.answers.set('DELETE /v1/keys/deploy', { status: 204 });
    const { out, err } = await runCli('key create deploy --debug', { env: api.env });
    expect(out).toBe('Key deploy created (key_1)\nRole: operator\nAPI key: am_abc_secret\n');
    expect(err).not.toContain('secret');
    expect(api.writes()[0]?.body).toEqual({ name: 'deploy', role: 'operator' });
    expect((await runCli('key list', { env: api.env })).out).toMatch(
      /^NAME .*\ndeploy +operator +am_abc +never /,
    );
    expect((await runCli('key revoke deploy', { env: api.env })).code).toBe(2);
    expect((await runCli('key revoke deploy --yes', { env: api.env })).out).toBe('Key deploy revoked\n');
    expect((await runCli('key create x --role root', { env: api.env })).code).toBe(2);
  });
});

test('every page of a list is fetched', async () => {
  const api = await startFakeApi();
  const page = { items: [VPC], nextCursor: 'abc' };
  api.answers.set('GET /v1/vpcs', {
    get body() {
      const last = api.requests.at(-1)?.query['cursor'] === 'abc';
      return last ? { items: [{ ...VPC, name: 'two' }], nextCursor: null } : page;
    },
  });
  expect((await runCli('vpc list -o name', { env: api.env })).out).toBe('prod\ntwo\n');
});

describe('doctor', () => {
  test('finds the control plane and a key that is good or not', async () => {
    const api = await startFakeApi();
    api.answers.set('GET /healthz', { body: {} });
    const good = JSON.parse((await runCli('doctor --data-dir /tmp -o json', { env: api.env })).out) as {
      checks: Array<{ check: string; state: string }>;
    };
    expect(
      good.checks
        .filter(({ check }) => ['control plane', 'API key', 'node', 'data directory'].includes(check))
        .map(({ state }) => state),
    ).toEqual(['ok', 'ok', 'ok', 'ok']);
    const bad = await runCli('doctor', { env: { ...api.env, AGENTMETAL_API_KEY: 'wrong' } });
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/✗ API key +it is refused/);
  });

  test('lists load balancers that are not well as a warning', async () => {
    const api = await startWithWebLb();
    api.answers.set('GET /healthz', { body: {} });
    const { env } = api;
    // Somebody has to look at it for the fake to go on.
    await runCli('lb show web-lb', { env });
    expect((await runCli('doctor --data-dir /tmp', { env })).out).toMatch(
      /✓ load balancers +1 of 1 active\n/,
    );
    api.nodes.backendState = () => 'down';
    await runCli('lb show web-lb', { env });
    const { code, out } = await runCli('doctor --data-dir /tmp', { env });
    expect(out).toMatch(
      /! load balancers +not active: web-lb \(degraded\)\n +agentmetal lb health web-lb\n$/,
    );
    expect(code).toBe(out.includes('✗') ? 1 : 0);
  });

  test('fails when a program is missing or the named control plane is away', async () => {
    const { code, out } = await runCli('doctor --url http://127.0.0.1:1', { env: { PATH: '/nonexistent' } });
    expect(code).toBe(1);
    expect(out).toMatch(/✗ certbot +certbot is not installed/);
    expect(out).toMatch(/✗ control plane +http:\/\/127.0.0.1:1 does not answer/);
    expect(out).toContain('apt-get install');
  });
});
