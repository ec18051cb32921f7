import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loopbackAddress } from '../../../test/support/temporary.ts';

const host = loopbackAddress();
const [timeoutMs = 0, count = 0] = process.argv.slice(2).map(Number);

function startServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('ok'));
  });
  server.keepAliveTimeout = timeoutMs;
  // Node 24 adds a second of its own to what it is told, which others do not.
  server.keepAliveTimeoutBuffer = 0;
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve(`${host}:${(server.address() as AddressInfo).port}`));
  });
}

process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
process.send?.(await Promise.all(Array.from({ length: count }, startServer)));
