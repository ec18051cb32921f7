import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpSend } from './http-send.ts';

const sendOverHttp = createHttpSend();

test('carries method, headers and body there, and status, headers and text back', async () => {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    response
      .writeHead(418, { etag: '"7"' })
      .end(`${request.method} ${String(request.headers['x-a'])} ${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  const url = new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`);
  const answer = await sendOverHttp(url, { method: 'PUT', headers: { 'x-a': '1' }, body: 'größe' });
  expect({
    ok: answer.ok,
    status: answer.status,
    etag: answer.headers.get('ETag'),
    none: answer.headers.get('x'),
  }).toEqual({ ok: false, status: 418, etag: '"7"', none: null });
  expect(await answer.text()).toBe('PUT 1 größe');
});

test('ends when it is aborted', async () => {
  await expect(
    sendOverHttp(new URL('http://127.0.0.1:1/'), { method: 'GET', headers: {}, signal: AbortSignal.abort() }),
  ).rejects.toThrow('abort');
});
