import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createScene } from '../../../test/support/scene.ts';

const scene = await createScene();

/** A backend that answers with what it was asked, as it came. */
async function mirror() {
  return scene.backend({
    name: 'mirror',
    handle(request, response) {
      response.setHeader('X-Server', 'mirror');
      response.setHeader('X-Twice', ['one', 'two']);
      response.end(JSON.stringify(seen(request)));
    },
  });
}

function seen({ url, method, headers, rawHeaders }: IncomingMessage) {
  return { url, method, headers, raw: rawHeaders };
}
type Seen = ReturnType<typeof seen>;

/** Texts that mean something in some place of a configuration. */
const HOSTILE = [
  `it's`,
  'a "quoted" word',
  '100% %[src] %ci %%',
  '${HOME} $HOME',
  'a\\b \\n \\x41 \\',
  '# no comment',
  '{ } ( ) [ ] ; , | & < >',
  '-f /etc/passwd',
  'ä é 語 🙂',
  'if { always_true } unless',
  'a  b   c',
  '%',
  '%[',
  "'\\''",
  ',-m',
];

describe('headers', () => {
  it('arrive at backends as the literal text that the spec has', async () => {
    const { start, ask } = scene.balancer();
    const backend = await mirror();
    const set = Object.fromEntries(HOSTILE.map((value, index) => [`X-Set-${index}`, value]));
    const add = Object.fromEntries(HOSTILE.map((value, index) => [`X-Add-${index}`, value]));
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      headers: { request: { set, add }, response: { set } },
    });
    const answer = await ask({ headers: { 'x-set-0': 'from the client', 'x-add-0': 'from the client' } });
    const { raw } = JSON.parse(answer.body) as Seen;
    const received = raw.flatMap((name, index) =>
      index % 2 === 0 && /^x-(set|add)-/i.test(name)
        ? [[name.toLowerCase(), Buffer.from(raw[index + 1] ?? '', 'latin1').toString()]]
        : [],
    );
    expect(received).toEqual([
      ['x-add-0', 'from the client'],
      ...HOSTILE.map((value, index) => [`x-set-${index}`, value]),
      ...HOSTILE.map((value, index) => [`x-add-${index}`, value]),
    ]);
    for (const [index, value] of HOSTILE.entries())
      expect(Buffer.from(String(answer.headers[`x-set-${index}`]), 'latin1').toString()).toBe(value);
  });

  it('are changed in both directions, those of the route after those of the spec', async () => {
    const { start, ask } = scene.balancer();
    const backend = await mirror();
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      headers: {
        request: { remove: ['X-Secret'], set: { 'X-Env': 'prod' }, add: { 'X-List': 'b' } },
        response: { remove: ['X-Server', 'X-Twice'], set: { 'X-Frame-Options': 'DENY' } },
      },
      routes: [
        {
          match: { pathPrefix: '/route' },
          pool: 'default',
          headers: {
            request: { set: { 'X-Env': 'route' }, add: { 'X-List': 'c' } },
            response: { set: { 'X-Frame-Options': 'SAMEORIGIN' }, add: { 'X-More': 'yes' } },
          },
        },
      ],
    });
    const headers = { 'X-Secret': '1', 'X-ENV': 'client', 'X-List': 'a' };
    const plain = await ask({ headers });
    expect((JSON.parse(plain.body) as Seen).headers).toMatchObject({ 'x-env': 'prod', 'x-list': 'a, b' });
    expect((JSON.parse(plain.body) as Seen).headers).not.toHaveProperty('x-secret');
    expect(plain.headers).toMatchObject({ 'x-frame-options': 'DENY' });
    expect(plain.headers).not.toHaveProperty('x-server');
    expect(plain.headers).not.toHaveProperty('x-twice');
    expect(plain.headers).not.toHaveProperty('x-more');
    const routed = await ask({ headers, path: '/route' });
    expect((JSON.parse(routed.body) as Seen).headers).toMatchObject({
      'x-env': 'route',
      'x-list': 'a, b, c',
    });
    expect(routed.headers).toMatchObject({ 'x-frame-options': 'SAMEORIGIN', 'x-more': 'yes' });
  });

  it('are put on every answer that HAProxy makes itself as well', async () => {
    const { start, ask, runtime } = scene.balancer();
    const spec = {
      type: 'http',
      port: 8080,
      headers: { response: { set: { 'Strict-Transport-Security': 'max-age=1' } } },
      rateLimit: { requests: 1, window: '60s', key: 'header:X-Client' },
      access: { deny: ['127.9.9.9'] },
      maintenance: { enabled: false },
      pools: { empty: {} },
      routes: [
        { match: { path: '/redirect' }, redirect: { scheme: 'https' } },
        {
          match: { path: '/respond' },
          respond: { body: 'hello' },
          headers: { response: { set: { 'X-Route': 'respond' } } },
        },
        { match: { path: '/empty' }, pool: 'empty' },
      ],
    };
    await start(spec);
    const hsts = { 'strict-transport-security': 'max-age=1' };
    expect(await ask({ path: '/redirect' })).toMatchObject({ status: 302, headers: hsts });
    expect(await ask({ path: '/respond' })).toMatchObject({
      status: 200,
      headers: { ...hsts, 'x-route': 'respond' },
    });
    expect(await ask({ path: '/empty' })).toMatchObject({ status: 503, headers: hsts });
    expect(await ask({ path: '/none' })).toMatchObject({ status: 404, headers: hsts });
    expect(await ask({ from: '127.9.9.9' })).toMatchObject({ status: 403, headers: hsts });
    const headers = { 'x-client': 'one' };
    await ask({ headers });
    expect(await ask({ headers })).toMatchObject({ status: 429, headers: hsts });
    await runtime({ ...spec, maintenance: { enabled: true } }, 'set-maintenance');
    expect(await ask()).toMatchObject({ status: 503, headers: hsts });
  });

  it('tell the backend of the client, appended to what the client says', async () => {
    const { start, ask } = scene.balancer();
    const backend = await mirror();
    await start({ type: 'http', port: 8080, backends: [{ target: backend.target }] });
    const answer = await ask({
      from: '127.7.7.7',
      host: 'app.test',
      headers: { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '1' },
    });
    expect((JSON.parse(answer.body) as Seen).headers).toMatchObject({
      host: 'app.test',
      'x-forwarded-for': '192.0.2.1, 127.7.7.7',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '8080',
    });
  });

  it('of a request may be long, and there is room for what is added', async () => {
    const { start, ask } = scene.balancer();
    const backend = await mirror();
    const value = 'v'.repeat(1800);
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      headers: { request: { set: { 'X-Long': value } }, response: { set: { 'X-Long': value } } },
    });
    for (const length of [1000, 8000, 12_000, 14_000]) {
      const answer = await ask({ headers: { cookie: `c=${'x'.repeat(length)}` } });
      expect([length, answer.status]).toEqual([length, 200]);
    }
  });
});

describe('a rewrite', () => {
  it('changes path, prefix and host, and keeps the query', async () => {
    const { start, ask } = scene.balancer();
    const backend = await mirror();
    const rewritten = (pathPrefix: string, rewrite: object) => ({
      match: { pathPrefix },
      pool: 'default',
      rewrite,
    });
    await start({
      type: 'http',
      port: 8080,
      backends: [{ target: backend.target }],
      routes: [
        rewritten('/strip', { pathPrefix: '/' }),
        rewritten('/slash/', { pathPrefix: '/' }),
        rewritten('/swap', { pathPrefix: '/new/place' }),
        rewritten('/swapslash/', { pathPrefix: '/new/' }),
        rewritten('/pct', { pathPrefix: "/50%25%[src]'x".replace('[src]', '5Bsrc') }),
        rewritten('/whole', { path: '/fixed%20path' }),
        rewritten('/host', { host: 'internal.test:9000' }),
        rewritten('/both', { pathPrefix: '/', host: 'internal.test' }),
        { match: { path: '/exact' }, pool: 'default', rewrite: { path: '/other' } },
        rewritten('/', { pathPrefix: '/root' }),
      ],
    });
    const at = async (path: string) => (JSON.parse((await ask({ path, host: 'x.test' })).body) as Seen).url;
    expect(await at('/strip')).toBe('/');
    expect(await at('/strip?a=1')).toBe('/?a=1');
    expect(await at('/strip/')).toBe('/');
    expect(await at('/strip/v1?a=/strip')).toBe('/v1?a=/strip');
    expect(await at('/strip/strip/x')).toBe('/strip/x');
    expect(await at('/slash')).toBe('/');
    expect(await at('/slash/x')).toBe('/x');
    expect(await at('/swap')).toBe('/new/place');
    expect(await at('/swap/')).toBe('/new/place/');
    expect(await at('/swap/x%2Fy?z=%[src]')).toBe('/new/place/x%2Fy?z=%[src]');
    expect(await at('/swapslash/x')).toBe('/new/x');
    expect(await at('/swapslash')).toBe('/new');
    expect(await at('/pct/x')).toBe("/50%25%5Bsrc'x/x");
    expect(await at('/whole/y?q=1')).toBe('/fixed%20path?q=1');
    expect(await at('/exact?q=1')).toBe('/other?q=1');
    expect(await at('/stripped')).toBe('/root/stripped');
    expect(await at('/')).toBe('/root/');
    const hostOf = async (path: string) =>
      (JSON.parse((await ask({ path, host: 'x.test' })).body) as Seen).headers.host;
    expect(await hostOf('/host')).toBe('internal.test:9000');
    expect(await hostOf('/both/x')).toBe('internal.test');
    expect(await hostOf('/strip')).toBe('x.test');
  });
});
