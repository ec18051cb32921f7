import { readFileSync } from 'node:fs';
import { type ServerHttp2Stream, createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

/** A small server that speaks one protocol; it is true to the protocol where the checks look. */
export interface ProtocolBackend {
  target: string;
  port: number;
  /** What it was asked, as text. */
  asked: string[];
  stop(): Promise<void>;
}

/** Answers each piece that comes; a greeting is sent first. */
export async function startTalker(
  answer: (asked: string, bytes: Buffer) => string | Buffer | undefined,
  greeting?: string | Buffer,
): Promise<ProtocolBackend> {
  const asked: string[] = [];
  return started(
    createServer((socket) => {
      socket.on('error', () => socket.destroy());
      if (greeting !== undefined) socket.write(greeting);
      socket.on('data', (bytes) => {
        asked.push(bytes.toString('latin1'));
        const said = answer(bytes.toString('latin1'), bytes);
        if (said !== undefined) socket.write(said);
      });
    }),
    asked,
  );
}

/** Never answers. */
export function startSilent(): Promise<ProtocolBackend> {
  return startTalker(() => undefined);
}

/** Answers what no protocol knows, with what would harm a terminal. */
export function startGarbage(): Promise<ProtocolBackend> {
  const noise = Buffer.from('\u001b[31m\0\u202ewhat\xff\n', 'latin1');
  return startTalker(() => noise, noise);
}

export function startRedis(answer = '+PONG\r\n'): Promise<ProtocolBackend> {
  return startTalker((asked) => (asked.startsWith('PING\r\n') ? answer : '-ERR unknown command\r\n'));
}

export function startSmtp(greeting = '220 mail.example.com ESMTP\r\n'): Promise<ProtocolBackend> {
  return startTalker((asked) => {
    if (asked.startsWith('EHLO ')) return '250-mail.example.com\r\n250 HELP\r\n';
    return asked.startsWith('QUIT') ? '221 bye\r\n' : '500 what\r\n';
  }, greeting);
}

/** Greets as MySQL 8 does and takes any login, or answers it with an error. */
export function startMysql(error?: { code: number; text: string }): Promise<ProtocolBackend> {
  const greeting = Buffer.concat([
    Buffer.from('\x0a8.0.36\0\x01\0\0\0abcdefgh\0', 'latin1'),
    Buffer.from('fff72102 00ffc715'.replace(' ', ''), 'hex'),
    Buffer.alloc(10),
    Buffer.from('ijklmnopqrst\0mysql_native_password\0'),
  ]);
  return startTalker(
    (_asked, bytes) => {
      if (bytes[3] !== 1) return undefined;
      return error ? mysqlPacket(2, mysqlError(error)) : mysqlPacket(2, Buffer.from([0, 0, 0, 2, 0, 0, 0]));
    },
    mysqlPacket(0, greeting),
  );
}

/** Refuses with MySQL's error packet instead of a greeting. */
export function startBlockedMysql(): Promise<ProtocolBackend> {
  return startTalker(() => undefined, mysqlPacket(0, mysqlError({ code: 1129, text: 'Host is blocked' })));
}

function mysqlError({ code, text }: { code: number; text: string }): Buffer {
  return Buffer.concat([Buffer.from([0xff, code & 0xff, code >> 8]), Buffer.from(text)]);
}

function mysqlPacket(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(sequence, 3);
  return Buffer.concat([head, body]);
}

/** Asks for a password, or answers with an error. */
export function startPostgres(error?: { code: string; text: string }): Promise<ProtocolBackend> {
  return startTalker(() =>
    error
      ? postgresMessage('E', `SFATAL\0VFATAL\0C${error.code}\0M${error.text}\0\0`)
      : postgresMessage('R', '\0\0\0\x05abcd'),
  );
}

function postgresMessage(kind: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind, 0, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body, 'latin1')]);
}

export interface GrpcOptions {
  /** `ServingStatus`: 1 is SERVING, 2 NOT_SERVING. Default: 1. */
  status?: number;
  /** Answers with this gRPC status and no message instead. */
  error?: { code: number; text: string };
  /** Files of key and certificate. */
  tls?: { key: string; cert: string };
}

/** gRPC's own health service over HTTP/2. */
export async function startGrpc({ status = 1, error, tls }: GrpcOptions = {}): Promise<ProtocolBackend> {
  const asked: string[] = [];
  const server = tls
    ? createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) })
    : createHttp2Server();
  server.on('session', (session) => session.on('error', () => session.destroy()));
  server.on('sessionError', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const body: Buffer[] = [];
    stream.on('error', () => stream.destroy());
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('end', () => {
      asked.push(
        `${String(headers[':authority'])}${String(headers[':path'])} ${Buffer.concat(body).toString('latin1')}`,
      );
      if (error) return grpcError(stream, error);
      return grpcAnswer(stream, status);
    });
  });
  return started(server, asked);
}

function grpcError(stream: ServerHttp2Stream, { code, text }: { code: number; text: string }): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  stream.respond({ ...headers, 'grpc-status': String(code), 'grpc-message': text }, { endStream: true });
}

function grpcAnswer(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
}

async function started(server: Server, asked: string[]): Promise<ProtocolBackend> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: `127.0.0.1:${port}`,
    port,
    asked,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
