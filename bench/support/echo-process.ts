import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { EchoOptions, EchoPorts } from './echo.ts';

// Everything that HAProxy itself cannot answer: streams that come back, and services that health checks speak to.
const { host, cert, key } = JSON.parse(process.argv[2] ?? '') as EchoOptions;

function returnBytes(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.setNoDelay(true).pipe(socket);
}

/** Answers the first bytes, or already the connection, with bytes that a check waits for. */
function answering(bytes: string, isGreeting = false): Server {
  return createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (isGreeting) socket.write(bytes, 'latin1');
    socket.on('data', () => socket.write(bytes, 'latin1'));
  });
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const web = createHttp((_request, response) => response.end('not a websocket'));
web.on('upgrade', (request, socket: Socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key'] ?? ''}${GUID}`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  returnBytes(socket);
});

const grpc = createHttp2((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/grpc' });
  // A HealthCheckResponse that says SERVING, behind gRPC's prefix of five bytes.
  response.end(Buffer.from('00000000020801', 'hex'));
});

/** MySQL's greeting: protocol 10, a version, a thread and the salt; then OK to the login. */
const MYSQL_GREETING = `\x4a\x00\x00\x00\x0a8.0.0\x00${'\x01'.repeat(4)}${'s'.repeat(8)}\x00\xff\xf7\x08\x02\x00\xff\xc1\x15${'\x00'.repeat(10)}${'t'.repeat(12)}\x00mysql_native_password\x00`;

const servers = {
  tcp: createServer(returnBytes),
  tls: createTls({ cert: readFileSync(cert), key: readFileSync(key) }, returnBytes),
  websocket: web,
  redis: answering('+PONG\r\n'),
  // Authentication is asked for, and which kind.
  postgres: answering('R\x00\x00\x00\x08\x00\x00\x00\x03'),
  mysql: answering(MYSQL_GREETING, true),
  smtp: answering('220 bench ready\r\n250 hello\r\n', true),
  grpc,
} satisfies Record<keyof EchoPorts, Server>;

const ports = await Promise.all(
  Object.entries(servers).map(
    ([name, server]) =>
      new Promise<[string, number]>((resolve) => {
        server.on('error', (error) => console.error(name, error));
        server.listen(0, host, () => resolve([name, (server.address() as AddressInfo).port]));
      }),
  ),
);
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
process.send?.(Object.fromEntries(ports));
