import type { Send } from '../api/client.ts';

/** Carries a request by `node:http`: loading `fetch` takes longer than all the rest of a short command. */
export const sendOverHttp: Send = (url, { method, headers, body, signal }) => {
  // An import statement would read every export, and one of them loads what `fetch` loads.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
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
        text: () => readAll(response),
      });
    });
    sent.end(body);
  });
};

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
