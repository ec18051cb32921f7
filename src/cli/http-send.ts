import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Send } from '../api/client.ts';

/** Carries a request by `node:http`: loading `fetch` takes longer than all the rest of a short command. */
export const sendOverHttp: Send = (url, { method, headers, body, signal }) => {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, ...length }, ...(signal ? { signal } : {}) });
    sent.once('error', reject);
    sent.once('response', (response) => {
      const status = response.statusCode ?? 0;
      resolve({
        status,
        ok: status >= 200 && status < 300,
        headers: { get: (name) => [response.headers[name.toLowerCase()] ?? null].flat().join(', ') || null },
        text: () => text(response),
      });
    });
    sent.end(body);
  });
};
