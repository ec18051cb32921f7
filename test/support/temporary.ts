import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A private folder with a short path, because Unix sockets live in it. */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join('/tmp', 'am-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A port that nobody listens on now. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

let nextAddress = 0;

/** Loopback addresses for load balancers of one test file: files run at the same time must not meet. */
export function loopbackAddress(): string {
  nextAddress += 1;
  const block = process.pid % 60_000;
  return `127.${100 + ((block >> 8) % 100)}.${block & 255}.${nextAddress}`;
}

let nextPool = 0;

/** A pool of loopback addresses for one product of a test file. */
export function loopbackPool(): string {
  nextPool += 1;
  return `127.${210 + nextPool}.${process.pid & 255}.0/24`;
}
