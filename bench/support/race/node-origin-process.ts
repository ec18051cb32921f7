import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loopbackAddress } from '../../../test/support/temporary.ts';

const host = loopbackAddress();
const server = createServer((request, response) => {
  request.resume().on('end', () => response.end('ok'));
});
server.keepAliveTimeout = Number(process.argv[2]);
// Node 24 adds a second of its own to what it is told, which others do not.
server.keepAliveTimeoutBuffer = 0;
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
server.listen(0, host, () => process.send?.(`${host}:${(server.address() as AddressInfo).port}`));
