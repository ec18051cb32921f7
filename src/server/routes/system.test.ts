import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, createWebLb, startControlPlane } from '../../../test/support/control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  await createWebLb(plane);
});
afterAll(() => plane.stop());

const read = (path: string) => plane.call('GET', path, { key: null });

test('liveness, readiness, and the way to the reference', async () => {
  expect((await read('/healthz')).body.status).toBe('ok');
  expect((await read('/readyz')).status).toBe(200);
  expect(await read('/')).toMatchObject({ status: 302, headers: { location: '/docs' } });
});

test('metrics are Prometheus text', async () => {
  const { text, headers } = await read('/metrics');
  expect(headers['content-type']).toContain('version=0.0.4');
  expect(text).toContain('agentmetal_load_balancers{state="pending"} 1\n');
  expect(text).toContain('agentmetal_backends{state="checking"} 2\n');
  expect(text).toContain('agentmetal_agent_last_seen_timestamp_seconds{machine="local"} 0\n');
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.e+-]+)$/);
});

test('the reference loads nothing and its policy allows nothing but its own style', async () => {
  const { text, headers } = await read('/docs');
  const style = /<style>([^]*)<\/style>/.exec(text)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(text.match(/<(script|link|img)|\ssrc=|\sstyle="|\son\w+="/)).toBeNull();
  for (const [, anchor] of text.matchAll(/href="#([^"]+)"/g))
    expect(text.includes(`id="${anchor}"`), anchor).toBe(true);
  expect(text).toContain('POST</span> /v1/load-balancers');
});

test('every answer carries its request id and the headers of a careful server', async () => {
  const { headers } = await plane.call('GET', '/v1/vpcs', { headers: { 'x-request-id': 'from-the-proxy' } });
  expect(headers).toMatchObject({
    'x-request-id': 'from-the-proxy',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  const odd = await plane.call('GET', '/v1/vpcs', { headers: { 'x-request-id': 'a b\u00e9' } });
  expect(odd.headers['x-request-id']).toMatch(/^req_/);
});

test('HEAD answers like GET without a body', async () => {
  expect(await plane.call('HEAD', '/v1/load-balancers/web-lb')).toMatchObject({
    status: 200,
    text: '',
    headers: { etag: '"1"' },
  });
});
