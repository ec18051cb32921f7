import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as TcpServer, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A real HTTP server that says who it is and remembers what it was asked. */
export interface TestBackend {
  name: string;
  port: number;
  /** `127.0.0.1:port` */
  target: string;
  /** Requests other than health checks. */
  requests: { path: string; headers: IncomingMessage['headers'] }[];
  /** Health checks that came. */
  checks: { path: string; method: string; headers: IncomingMessage['headers']; at: number }[];
  /** What `/health` answers. */
  health: { status: number; body: string };
  stop(): Promise<void>;
}

export interface TestBackendOptions {
  name: string;
  host?: string;
  port?: number;
  /** The only path on which checks pass. Default: all of them. */
  healthPath?: string;
  handle?: (request: IncomingMessage, response: ServerResponse) => void;
}

export async function startBackend({
  name,
  host = '127.0.0.1',
  port = 0,
  healthPath,
  handle,
}: TestBackendOptions): Promise<TestBackend> {
  const backend: Omit<TestBackend, 'port' | 'target' | 'stop'> = {
    name,
    requests: [],
    checks: [],
    health: { status: 200, body: 'ok' },
  };
  const server = createServer((request, response) => {
    if (request.headers['user-agent'] === 'agentmetal-health-check') {
      backend.checks.push({
        path: request.url ?? '',
        method: request.method ?? '',
        headers: request.headers,
        at: Date.now(),
      });
      const isThere = healthPath === undefined || request.url === healthPath;
      response.statusCode = isThere ? backend.health.status : 404;
      return response.end(backend.health.body);
    }
    backend.requests.push({ path: request.url ?? '', headers: request.headers });
    if (handle) return handle(request, response);
    response.setHeader('content-type', 'text/plain');
    return response.end(name);
  });
  const bound = await listen(server, host, port);
  return Object.assign(backend, { port: bound, target: `${host}:${bound}`, stop: () => stop(server) });
}

/** A TCP server that greets with its name and then echoes. */
export async function startTcpBackend(
  name: string,
  host = '127.0.0.1',
  port = 0,
): Promise<{ target: string; port: number; stop(): Promise<void> }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  const bound = await listen(server, host, port);
  return {
    target: `${host}:${bound}`,
    port: bound,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server | TcpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
