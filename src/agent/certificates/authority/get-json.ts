import { request } from 'node:https';

/** An answer to a GET. */
export interface JsonAnswer {
  status: number;
  /** The Retry-After header; undefined without one. */
  retryAfter?: string | undefined;
  /** The parsed body; undefined when it is no JSON. */
  body: unknown;
}

export interface GetJsonOptions {
  /** PEM text of the only roots to trust; undefined for those that come with Node. */
  ca?: string | undefined;
  timeoutMs: number;
}

const MAX_BODY_BYTES = 256 * 1024;

/** Asks for JSON over HTTPS and follows nothing. Rejects when there is no whole answer in time. */
export function getJson(url: string, { ca, timeoutMs }: GetJsonOptions): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept: 'application/json', 'user-agent': 'agentmetal' };
    const sent = request(
      url,
      { agent: false, signal, headers, ...(ca === undefined ? {} : { ca }) },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY_BYTES) sent.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            body: parsed(Buffer.concat(chunks).toString('utf8')),
          }),
        );
      },
    );
    sent.once('error', reject);
    sent.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An HTML page of a CA in maintenance: the status says what it means.
    return undefined;
  }
}
