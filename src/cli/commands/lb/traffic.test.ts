import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FakeApi, startWithWebLb } from '../../../../test/support/cli/fake-api.ts';
import { runCli, temporaryHome } from '../../../../test/support/cli/run-cli.ts';

/** Runs a line that must work, and answers the spec after it. */
async function run(api: FakeApi, line: string) {
  const { code, err } = await runCli(`lb ${line}`, { env: api.env });
  expect({ line, code, err }).toMatchObject({ code: 0 });
  return api.loadBalancers.get('web-lb')?.spec;
}

describe('the lines of the product page', () => {
  test('sticky sessions', async () => {
    const spec = await run(await startWithWebLb(), 'sticky set web-lb --mode cookie --cookie-name SERVERID');
    expect(spec?.sticky).toEqual({ mode: 'cookie', cookieName: 'SERVERID', httpOnly: true, sameSite: 'lax' });
  });

  test('rate limiting', async () => {
    const spec = await run(
      await startWithWebLb(),
      'rate-limit set web-lb --requests 100 --window 60s --action deny',
    );
    expect(spec?.rateLimit).toEqual({
      requests: 100,
      window: '60s',
      action: 'deny',
      key: 'source-ip',
      status: 429,
      exempt: [],
    });
  });
});

describe('sticky', () => {
  test('with a mode is said anew, without one is amended', async () => {
    const api = await startWithWebLb();
    await run(api, 'sticky set web-lb --mode cookie --ttl 1h --secure --no-http-only --same-site strict');
    const amended = await run(api, 'sticky set web-lb --cookie-name S --no-secure');
    expect(amended?.sticky).toEqual({
      mode: 'cookie',
      cookieName: 'S',
      ttl: '1h',
      secure: false,
      httpOnly: false,
      sameSite: 'strict',
    });
    expect((await run(api, 'sticky set web-lb --mode source-ip'))?.sticky).toEqual({
      mode: 'source-ip',
      ttl: '30m',
    });
    const anew = await run(api, 'sticky set web-lb --mode cookie');
    expect(anew?.sticky).toEqual({ mode: 'cookie', cookieName: 'SERVERID', httpOnly: true, sameSite: 'lax' });
    expect((await runCli('lb show web-lb', { env: api.env })).out).toMatch(/Sticky: +cookie SERVERID\n/);
    expect(await run(api, 'sticky unset web-lb')).not.toHaveProperty('sticky');
  });

  test('needs a mode where there is none yet', async () => {
    const { env } = await startWithWebLb();
    for (const line of ['lb sticky set web-lb', 'lb sticky set web-lb --ttl 1h']) {
      const { code, err } = await runCli(line, { env });
      expect(code).toBe(2);
      expect(err).toContain('agentmetal lb sticky set web-lb --mode cookie --cookie-name SERVERID\n');
    }
    expect((await runCli('lb sticky set web-lb --mode magic', { env })).code).toBe(2);
  });
});

describe('rate limits', () => {
  test('are amended, and their exempt networks replaced or cleared', async () => {
    const api = await startWithWebLb();
    await run(
      api,
      'rate-limit set web-lb --requests 5 --window 10s --action tarpit --key header:X-Id --status 503',
    );
    const amended = await run(
      api,
      'rate-limit set web-lb --requests 9 --exempt 10.0.0.0/8 --exempt 192.0.2.7',
    );
    expect(amended?.rateLimit).toEqual({
      requests: 9,
      window: '10s',
      action: 'tarpit',
      key: 'header:X-Id',
      status: 503,
      exempt: ['10.0.0.0/8', '192.0.2.7/32'],
    });
    const { out } = await runCli('lb show web-lb', { env: api.env });
    expect(out).toMatch(
      /Rate limit: +9 per 10s by header:X-Id, then tarpit, but for 10.0.0.0\/8, 192.0.2.7\/32\n/,
    );
    expect((await run(api, 'rate-limit set web-lb --clear-exempt'))?.rateLimit?.exempt).toEqual([]);
    expect(await run(api, 'rate-limit unset web-lb')).not.toHaveProperty('rateLimit');
  });

  test('of one route stand besides the general one', async () => {
    const api = await startWithWebLb();
    await run(api, 'route add web-lb --path /login --pool default --name login');
    await run(api, 'rate-limit set web-lb --route login --requests 5 --exempt 10.0.0.0/8');
    const spec = await run(api, 'rate-limit set web-lb --route login --window 10s');
    expect(spec?.routes[0]?.rateLimit).toMatchObject({ requests: 5, window: '10s', exempt: ['10.0.0.0/8'] });
    expect(spec).not.toHaveProperty('rateLimit');
    expect((await run(api, 'rate-limit unset web-lb --route login'))?.routes[0]).not.toHaveProperty(
      'rateLimit',
    );
    expect((await runCli('lb rate-limit set web-lb --route x --requests 1', { env: api.env })).code).toBe(3);
  });

  test('need a number where there is none yet', async () => {
    const api = await startWithWebLb();
    await run(api, 'route add web-lb --path /login --pool default --name login');
    for (const words of ['', '--window 10s', '--route login --window 10s']) {
      const { code, err } = await runCli(`lb rate-limit set web-lb ${words}`.trim(), { env: api.env });
      expect(code).toBe(2);
      expect(err).toContain(
        'agentmetal lb rate-limit set web-lb --requests 100 --window 60s --action deny\n',
      );
    }
  });
});

describe('access', () => {
  test('is allowed and denied by lists that grow, and cleared', async () => {
    const api = await startWithWebLb();
    const { err } = await runCli('lb access allow web-lb 10.0.0.0/8 192.0.2.7', { env: api.env });
    expect(err).toContain(
      'Warning: clients from anywhere but 10.0.0.0/8, 192.0.2.7/32 are shut out from now on.\n',
    );
    await run(api, 'access allow web-lb 2001:DB8::/32 192.0.2.7');
    const spec = await run(api, 'access deny web-lb 10.9.0.0/16 10.8.0.0/16');
    expect(spec?.access).toEqual({
      allow: ['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32'],
      deny: ['10.9.0.0/16', '10.8.0.0/16'],
    });
    expect((await runCli('lb show web-lb', { env: api.env })).out).toMatch(
      /Access: +only 10.0.0.0\/8, 192.0.2.7\/32, 2001:db8::\/32; not 10.9.0.0\/16, 10.8.0.0\/16\n/,
    );
    const some = await run(api, 'access clear web-lb 192.0.2.7 10.8.0.0/16');
    expect(some?.access).toEqual({ allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.9.0.0/16'] });
    expect((await run(api, 'access clear web-lb --allow'))?.access).toEqual({
      allow: [],
      deny: ['10.9.0.0/16'],
    });
    expect(await run(api, 'access clear web-lb')).not.toHaveProperty('access');
  });

  test('refuses what is no network, and to clear what is not listed', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    expect((await runCli('lb access deny web-lb 10.0.0.1/8', { env })).code).toBe(2);
    await run(api, 'access deny web-lb 10.0.0.0/8');
    const missing = await runCli('lb access clear web-lb 10.0.0.0/8 --allow', { env });
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('no rule for 10.0.0.0/8') });
    expect((await runCli('lb access allow web-lb', { env })).code).toBe(2);
  });
});

describe('maintenance', () => {
  test('goes on with a page, off and on again as it was', async () => {
    const api = await startWithWebLb();
    const file = join(await temporaryHome(), 'down.html');
    await writeFile(file, '<h1>Back at 5</h1>\n');
    await run(
      api,
      `maintenance on web-lb --body-file ${file} --retry-after 10m --exempt 10.0.0.0/8 --status 500`,
    );
    expect((await run(api, 'maintenance off web-lb'))?.maintenance).toMatchObject({ enabled: false });
    const on = await run(api, 'maintenance on web-lb');
    expect(on?.maintenance).toEqual({
      enabled: true,
      status: 500,
      contentType: 'text/html; charset=utf-8',
      body: '<h1>Back at 5</h1>\n',
      retryAfter: '10m',
      exempt: ['10.0.0.0/8'],
    });
    expect((await runCli('lb show web-lb', { env: api.env })).out).toMatch(
      /Maintenance: +on, but for 10.0.0.0\/8\n/,
    );
  });

  test('takes the page from stdin, and off where it never was is nothing', async () => {
    const api = await startWithWebLb();
    expect((await run(api, 'maintenance off web-lb'))?.maintenance).toBeUndefined();
    expect(api.loadBalancers.get('web-lb')?.revision).toBe(1);
    await runCli('lb maintenance on web-lb --body-file -', { env: api.env, stdin: 'soon' });
    expect(api.loadBalancers.get('web-lb')?.spec.maintenance?.body).toBe('soon');
  });
});

describe('headers', () => {
  test('are set, taken away and left alone again, however their names are written', async () => {
    const api = await startWithWebLb();
    await run(api, 'headers set web-lb --request "X-Env: prod" --response "X-Frame-Options: DENY"');
    const more = await run(api, 'headers set web-lb --request "x-env: test" --remove-response Server');
    expect(more?.headers).toEqual({
      request: { set: { 'x-env': 'test' }, add: {}, remove: [] },
      response: { set: { 'X-Frame-Options': 'DENY' }, add: {}, remove: ['Server'] },
    });
    const listed = await runCli('lb headers list web-lb --no-header', { env: api.env });
    expect(listed.out).toMatch(
      /^request +set +x-env +test\nresponse +set +X-Frame-Options +DENY\nresponse +remove +Server +-\n$/,
    );
    const instead = await run(api, 'headers set web-lb --response "server: none" --remove-request X-Env');
    expect(instead?.headers).toEqual({
      request: { set: {}, add: {}, remove: ['X-Env'] },
      response: { set: { 'X-Frame-Options': 'DENY', server: 'none' }, add: {}, remove: [] },
    });
    const left = await run(api, 'headers unset web-lb SERVER x-env');
    expect(left?.headers).toEqual({
      request: { set: {}, add: {}, remove: [] },
      response: { set: { 'X-Frame-Options': 'DENY' }, add: {}, remove: [] },
    });
    expect((await runCli('lb headers unset web-lb X-Other', { env: api.env })).code).toBe(3);
    expect((await runCli('lb headers set web-lb', { env: api.env })).code).toBe(2);
  });
});

describe('ports and stickiness from the start', () => {
  test('are flags of create and update', async () => {
    const api = await startWithWebLb();
    const { env } = api;
    const line = 'lb create sip --type tcp --ports 5060-5061 --ports 6000 --sticky source-ip';
    expect((await runCli(line, { env })).code).toBe(0);
    expect(api.loadBalancers.get('sip')?.spec).toMatchObject({
      port: 5060,
      ports: ['5060-5061', '6000'],
      sticky: { mode: 'source-ip', ttl: '30m' },
    });
    expect((await runCli('lb show sip', { env })).out).toMatch(/Port: +5060-5061, 6000\n/);
    expect((await runCli('lb update sip --ports 7000-7001', { env })).code).toBe(0);
    expect(api.loadBalancers.get('sip')?.spec).toMatchObject({ port: 7000, ports: ['7000-7001'] });
  });
});
