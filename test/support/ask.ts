import { type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

const PATIENCE_MS = 20_000;

/**
 * Asks on a connection of its own: one that was open before a reload has its next answer from the old worker, and `fetch`
 * keeps its connections.
 */
export function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Given here it counts from before there is a connection: an address that nobody has says nothing for minutes.
    const options = { agent: false, timeout: PATIENCE_MS, headers: { connection: 'close', ...headers } };
    const sent = request(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.once('error', reject);
    // Where an address goes in the middle of a request, nothing else ends it for a quarter of an hour.
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    sent.end();
  });
}
