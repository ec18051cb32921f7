import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface CloudRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** Path and query as they came. */
  url: string;
  body: string;
}

export interface CloudAnswer {
  status: number;
  /** An object is sent as JSON, text as XML. */
  body?: unknown;
}

export interface CloudServer {
  url: string;
  stop(): Promise<void>;
}

/** A server on loopback that stands in for a cloud provider's API. */
export async function startCloudServer(answer: (request: CloudRequest) => CloudAnswer): Promise<CloudServer> {
  const server = createServer(async (request, response) => {
    const url = request.url ?? '/';
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const { status, body } = answer({
      method: request.method ?? 'GET',
      path: pathname,
      query: searchParams,
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      url,
      body: await text(request),
    });
    const isXml = typeof body === 'string';
    response.writeHead(status, { 'content-type': isXml ? 'text/xml' : 'application/json' });
    response.end(body === undefined ? undefined : isXml ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
