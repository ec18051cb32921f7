import { request } from 'node:http';

/** A client in its own process: a new connection for each request, one every so many milliseconds. */
export type ToHammer =
  /** It asks each in its turn. */
  | { kind: 'begin'; urls: readonly string[]; everyMs: number; timeoutMs: number }
  | { kind: 'end' }
  | { kind: 'ask'; id: number; url: string; from: string };

export interface HammerResult {
  answered: number;
  failed: number;
  /** How often each kind of failure was. */
  failures: Record<string, number>;
  /** The longest time between two answers, in milliseconds. */
  longestGapMs: number;
  /** How many answers came by each node's address. */
  byNode: Record<string, number>;
}

export type FromHammer =
  | { kind: 'ready' }
  | { kind: 'result'; result: HammerResult }
  | { kind: 'answer'; id: number; body: string | undefined };

const send = (message: FromHammer) => process.send?.(message);
let end: (() => void) | undefined;

process.on('message', (message: ToHammer) => {
  if (message.kind === 'begin') end = begin(message);
  else if (message.kind === 'end') end?.();
  else
    ask(message.url, 3000, message.from).then(
      (body) => send({ kind: 'answer', id: message.id, body }),
      () => send({ kind: 'answer', id: message.id, body: undefined }),
    );
});
process.on('disconnect', () => process.exit());

function ask(url: string, timeout: number, localAddress?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent: false, timeout, ...(localAddress === undefined ? {} : { localAddress }) },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.once('error', reject);
        response.once('end', () =>
          response.statusCode === 200 ? resolve(body) : reject(new Error(String(response.statusCode))),
        );
      },
    );
    sent.once('timeout', () => sent.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    sent.once('error', reject).end();
  });
}

function begin({ urls, everyMs, timeoutMs }: Extract<ToHammer, { kind: 'begin' }>): () => void {
  const result: HammerResult = { answered: 0, failed: 0, failures: {}, longestGapMs: 0, byNode: {} };
  let open = 0;
  let last = performance.now();
  let isEnding = false;
  let turn = 0;
  const settle = () => {
    open -= 1;
    if (isEnding && open === 0) send({ kind: 'result', result });
  };
  const timer = setInterval(() => {
    open += 1;
    ask(urls[turn++ % urls.length] ?? '', timeoutMs)
      .then(
        (body) => {
          const now = performance.now();
          const node = body.split(' ')[1] ?? '';
          result.answered += 1;
          result.byNode[node] = (result.byNode[node] ?? 0) + 1;
          result.longestGapMs = Math.max(result.longestGapMs, now - last);
          last = now;
        },
        (error: { code?: string; message: string }) => {
          const kind = error.code ?? error.message;
          result.failed += 1;
          result.failures[kind] = (result.failures[kind] ?? 0) + 1;
        },
      )
      .finally(settle);
  }, everyMs);
  return () => {
    clearInterval(timer);
    isEnding = true;
    if (open === 0) send({ kind: 'result', result });
  };
}

send({ kind: 'ready' });
