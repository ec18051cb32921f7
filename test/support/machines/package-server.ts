import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A distribution's package server, with real packages. */
export interface PackageServer {
  /** What a machine has in its list of sources. */
  source: string;
  /** Stops answering, as a mirror that is gone. */
  stop(): Promise<void>;
  /** Answers again at the same address. */
  start(): Promise<void>;
}

export async function startPackageServer(host: string, folder: string): Promise<PackageServer> {
  let server = await listen(host, 0, folder);
  const { port } = server.address() as AddressInfo;
  return {
    source: `deb [trusted=yes] http://${host}:${port}/ ./`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    async start() {
      server = await listen(host, port, folder);
    },
  };
}

function listen(host: string, port: number, folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = join(folder, basename(decodeURIComponent(request.url ?? '')));
    void stat(path).then(
      async ({ size }) => {
        response.writeHead(200, { 'content-length': size });
        await pipeline(createReadStream(path), response).catch(() => response.destroy());
      },
      () => response.writeHead(404).end(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}
