import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../../test/support/control-plane.ts';
import { hostileBodies } from '../../../test/support/hostile.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  await plane.call('POST', '/v1/load-balancers', { body: { name: 'target', spec: { type: 'http' } } });
});
afterAll(() => plane.stop());

test('no hostile load balancer is created, and each is told in a problem document', async () => {
  for (const { name, body } of hostileBodies()) {
    const answer = await plane.call('POST', '/v1/load-balancers', { raw: JSON.stringify(body) });
    expect(answer.status, `${name}: ${answer.text.slice(0, 300)}`).toBeGreaterThanOrEqual(400);
    expect(answer.status, `${name}: ${answer.text.slice(0, 300)}`).toBeLessThan(500);
    expect(answer.headers['content-type'], name).toContain('application/problem+json');
    expect(answer.text.length, name).toBeLessThan(100_000);
  }
});

const NEST = 100_000;
const RAW: Record<string, string | Buffer> = {
  'half an object': '{',
  'two objects': '{}{}',
  'a trailing comma': '{"a":1,}',
  'single quotes': "{'a':1}",
  'a comment': '{} // x',
  'a bare word': 'undefined',
  NaN: '{"a":NaN}',
  'a control character in a text': '{"a":"\n"}',
  'a broken escape': String.raw`{"a":"\x"}`,
  'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'UTF-16': Buffer.from('{"a":1}', 'utf16le'),
  'a lone NUL': '\u0000',
  'spaces alone': '   ',
  'deep lists': '['.repeat(NEST) + ']'.repeat(NEST),
  'deep objects': '{"spec":'.repeat(NEST) + '1' + '}'.repeat(NEST),
  'lists that never end': '['.repeat(NEST),
  __proto__: '{"__proto__":{"name":"x"},"name":"x","spec":{"type":"http"}}',
  '__proto__ in the spec': '{"name":"x","spec":{"type":"http","__proto__":{"a":1}}}',
  constructor: '{"name":"x","constructor":{"prototype":{"a":1}},"spec":{"type":"http"}}',
  'a label __proto__': '{"name":"x","labels":{"__proto__":"y"},"spec":{"type":"http"}}',
  'a huge number': '{"name":"x","spec":{"type":"tcp","port":1e400}}',
  'a hundred digits': `{"name":"x","spec":{"type":"tcp","port":${'9'.repeat(100)}}}`,
  'a long key': `{"${'k'.repeat(100_000)}":1}`,
  'ten thousand unknown fields': `{${Array.from({ length: 10_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
};

describe.each(Object.entries(RAW))('%s', (_name, raw) => {
  test.each([
    ['POST', '/v1/load-balancers'],
    ['POST', '/v1/vpcs'],
    ['POST', '/v1/keys'],
    ['PATCH', '/v1/load-balancers/target'],
    ['PUT', '/v1/load-balancers/target'],
    ['POST', '/v1/load-balancers/target/backends'],
    ['PATCH', '/v1/vpcs/default'],
  ])('%s %s is refused', async (method, path) => {
    const answer = await plane.call(method, path, { raw });
    expect(answer.status, answer.text.slice(0, 300)).toBeGreaterThanOrEqual(400);
    expect(answer.status, answer.text.slice(0, 300)).toBeLessThan(500);
    expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
    expect(answer.text.length).toBeLessThan(100_000);
  });
  test('POST /v1/agent/report is refused', async () => {
    const answer = await plane.call('POST', '/v1/agent/report', { raw, key: plane.agentToken });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });
});

test.each([
  ['GET', '/v1/load-balancers/%zz', 400],
  ['GET', '/v1/load-balancers/%00', 404],
  ['GET', `/v1/load-balancers/${'n'.repeat(10_240)}`, 404],
  ['GET', '/v1/load-balancers/..%2f..%2fetc', 404],
  ['GET', '/v1/load-balancers/target/backends/%5B', 404],
  ['PUT', '/v1/load-balancers/target/backends/%00', 422],
  ['GET', '/v1/load-balancers/target/revisions/0', 400],
  ['GET', '/v1/load-balancers/target/revisions/x', 400],
  ['GET', '/v1/load-balancers/target/revisions/1e300', 400],
  ['POST', '/v1/load-balancers/target/revisions/99/restore', 404],
  ['GET', '/v1/load-balancers/target/revisions?cursor=%7B%7D', 400],
  ['GET', '/v1/load-balancers?cursor=eyJhZnRlciI6eyJhIjoxfX0', 400],
  ['GET', '/v1/load-balancers/__proto__', 404],
  ['GET', '/v1/vpcs/%F0%9F%99%82', 404],
  ['GET', '/v1/vpcs/default/hosts/%0a', 404],
  ['PUT', '/v1/vpcs/default/hosts/a%20b', 422],
  ['GET', '/v1/keys/%27%20or%201=1', 404],
  ['GET', '/nowhere', 404],
  ['GET', '/v1/load-balancers/', 404],
  ['GET', '/v1/load-balancers/a?__proto__=1', 400],
])('%s %s is %i', async (method, path, status) => {
  const body = method === 'PUT' ? (path.includes('hosts') ? { addresses: ['10.0.0.1'] } : {}) : undefined;
  const answer = await plane.call(method, path, body ? { body } : {});
  expect(answer.status, answer.text.slice(0, 300)).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
});

test('a syntax error is told with its place', async () => {
  const { body } = await plane.call('POST', '/v1/load-balancers', { raw: '{\n  "name": web\n}' });
  expect(body.code).toBe('invalid_json');
  expect(body.detail).toMatch(/at line 2, column 11$/);
  const short = await plane.call('POST', '/v1/load-balancers', { raw: '{"a":' });
  expect(short.body.detail).toMatch(/at line 1, column 6$/);
});

test('other media types, larger bodies, other methods, no body', async () => {
  const form = await plane.call('POST', '/v1/load-balancers', {
    raw: 'a=b',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(form).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
  const large = await plane.call('POST', '/v1/load-balancers', { raw: ' '.repeat(8 * 1024 * 1024 + 1) });
  expect(large).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
  const method = await plane.call('PATCH', '/v1/load-balancers', { body: {} });
  expect(method).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, POST' } });
  expect((await plane.call('POST', '/v1/load-balancers')).body.code).toBe('invalid_request');
});

test('what is no HTTP gets a problem document, and the server lives on', async () => {
  await plane.server.listen();
  const { port } = plane.app.server.address() as { port: number };
  for (const text of [
    '\u0000\u0001\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
  ]) {
    const answer = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
  expect((await plane.call('GET', '/healthz')).status).toBe(200);
});
