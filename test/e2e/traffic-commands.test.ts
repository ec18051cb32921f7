import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

/** What is done with traffic, by the command line and with real traffic. */
let product: Product;
let url: string;
const backends: TestBackend[] = [];

beforeAll(async () => {
  product = await startProduct();
  for (const [index, name] of ['web', 'api', 'canary'].entries())
    backends.push(
      await startBackend({ name, host: `127.92.0.${index + 1}`, port: 8080, handle: answer(name) }),
    );
  await run('lb create web-lb --type http --target 127.92.0.1:8080 --health-check http:/health:1s');
  await run('lb pool create web-lb api --target 127.92.0.2:8080 --health-check http:/health:1s');
  await run('lb pool create web-lb canary --target 127.92.0.3:8080 --health-check http:/health:1s');
  url = `http://${(await product.loadBalancer('web-lb')).status.addresses[0]}`;
});
afterAll(async () => {
  await product?.stop();
  for (const backend of backends) await backend.stop();
});

/** Answers to `/slow` that wait to be given. */
const slow: ServerResponse[] = [];

/** Says who it is, at once but for `/slow`. */
const answer = (name: string) => (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/slow') slow.push(response);
  else response.end(name);
};

async function run(line: string): Promise<string> {
  const { code, stdout, stderr } = await product.sh(`agentmetal ${line}`);
  expect({ line, code, stderr }).toMatchObject({ code: 0 });
  return stdout + stderr;
}

/** On a connection of its own: one that was open before a reload may have its next answer from the old worker. */
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(url + path, { headers: { connection: 'close', ...headers }, redirect: 'manual' });
const whoAnswers = async (path: string, headers?: Record<string, string>) =>
  (await get(path, headers)).text();

describe('routes', () => {
  it('send by path and header, in their order', async () => {
    await run('lb route add web-lb --path-prefix /api --pool api --name api --rewrite-path-prefix /');
    await run('lb route add web-lb --header "X-Canary: 1" --pool canary --first --name canaries');
    expect(await whoAnswers('/')).toBe('web');
    expect(await whoAnswers('/api/users')).toBe('api');
    expect(await whoAnswers('/apifoo')).toBe('web');
    expect(await whoAnswers('/api/users', { 'X-Canary': '1' })).toBe('canary');
    expect(backends[1]?.requests.map(({ path }) => path)).toContain('/users');
    await run('lb route move web-lb canaries --last');
    expect(await whoAnswers('/api/users', { 'X-Canary': '1' })).toBe('api');
  });

  it('redirect and answer by themselves', async () => {
    await run('lb route add web-lb --path /old --redirect https://www.example.com/new --status 301');
    await run('lb route add web-lb --path /robots.txt --respond 200 --body "User-agent: *"');
    const moved = await get('/old');
    expect([moved.status, moved.headers.get('location')]).toEqual([301, 'https://www.example.com/new']);
    expect(await whoAnswers('/robots.txt')).toBe('User-agent: *');
  });

  it('share by weights that change without a reload', async () => {
    await run('lb route add web-lb --path-prefix /shop --split api=50,canary=50 --name shop');
    const out = await run('lb route split web-lb shop api=0,canary=100');
    expect(out).toContain('runtime');
    for (let i = 0; i < 20; i++) expect(await whoAnswers('/shop')).toBe('canary');
  });

  it('keep their pool from being deleted', async () => {
    const refused = await product.sh('agentmetal lb pool delete web-lb canary');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('canaries, shop');
  });
});

describe('access and maintenance', () => {
  it('shut clients out and let them in again', async () => {
    await run('lb access deny web-lb 127.0.0.0/8');
    expect((await get('/')).status).toBe(403);
    await run('lb access clear web-lb');
    expect((await get('/')).status).toBe(200);
    await run('lb maintenance on web-lb --retry-after 10m');
    const down = await get('/');
    expect([down.status, down.headers.get('retry-after')]).toEqual([503, '600']);
    await run('lb maintenance on web-lb --exempt 127.0.0.0/8');
    expect((await get('/')).status).toBe(200);
    await run('lb maintenance off web-lb');
  });
});

describe('draining to the end', () => {
  it('waits for what is open, and tells what is left when the time is over', async () => {
    const socket = connect(80, new URL(url).hostname);
    socket.on('error', () => undefined);
    socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await waitFor('the request to be there', () =>
      backends[0]?.requests.some(({ path }) => path === '/slow'),
    );
    const late = await product.sh('agentmetal lb backend drain web-lb 127.92.0.1:8080 --wait --max 1s');
    expect(late.code).toBe(7);
    expect(late.stderr).toContain('127.92.0.1:8080: 1 request or connection left');
    for (const response of slow) response.end('late');
    const told = await run('lb backend drain web-lb 127.92.0.1:8080 --wait --max 1m');
    expect(told).toContain('127.92.0.1:8080: nothing left');
    socket.destroy();
  }, 60_000);
});
