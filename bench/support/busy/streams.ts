import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { exchange, writeRequest } from '../http1.ts';

/** A connection on which what is sent comes back. */
export interface EchoStream {
  /** Sends a message and waits until all of it has come back. @throws when it does not. */
  echo(): Promise<void>;
  /** Ends it in good order. @throws when the other side does not end it too. */
  end(): Promise<void>;
  destroy(): void;
}

const TIMEOUT_MS = 5000;

export function openTcp(at: { host: string; port: number; source: string }): Promise<EchoStream> {
  const socket = connect({ host: at.host, port: at.port, localAddress: at.source, noDelay: true });
  return whenOpen(socket, 'connect');
}

export function openTls(
  at: { host: string; port: number; source: string },
  serverName: string,
): Promise<EchoStream> {
  const socket = connectTls({
    socket: connect({ host: at.host, port: at.port, localAddress: at.source, noDelay: true }),
    servername: serverName,
    rejectUnauthorized: false,
  });
  return whenOpen(socket, 'secureConnect');
}

/** A websocket (RFC 6455). Behind the handshake the bytes come back as they are, which tells as much as frames would. */
export async function openWebSocket(
  at: { host: string; port: number; source: string },
  path: string,
): Promise<EchoStream> {
  const socket = connect({ host: at.host, port: at.port, localAddress: at.source, noDelay: true });
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.from('benchmark-client').toString('base64'),
  };
  try {
    const { status } = await exchange(socket, writeRequest({ host: at.host, path, headers }));
    if (status !== 101) throw new Error(`handshake answered with ${status}`);
    return createStream(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function whenOpen(socket: Socket, event: 'connect' | 'secureConnect'): Promise<EchoStream> {
  await new Promise<void>((resolve, reject) => {
    socket.once(event, resolve).once('error', reject);
    socket.once('close', () => reject(new Error('closed while it was opened')));
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`not open within ${TIMEOUT_MS} ms`)));
  });
  return createStream(socket);
}

function createStream(socket: Socket): EchoStream {
  let fault: Error | undefined;
  let received = 0;
  let sent = 0;
  let look: () => void = () => undefined;
  const fail = (error: Error) => {
    fault ??= error;
    look();
  };
  socket.setTimeout(0).removeAllListeners('timeout');
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    look();
  });
  socket.on('end', () => fail(new Error('ended by the other side')));
  socket.on('error', (error) => fail(error));
  socket.on('close', () => fail(new Error('closed')));
  return {
    echo() {
      const message = `message at ${sent}\n`;
      sent += message.length;
      return new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => fail(new Error(`silent for ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
        look = () => {
          if (received < sent && !fault) return;
          clearTimeout(timer);
          look = () => undefined;
          if (fault) reject(fault);
          else resolve();
        };
        socket.write(message);
        look();
      });
    },
    end() {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('not ended by the other side')), TIMEOUT_MS);
        socket.once('close', (hadError) => {
          clearTimeout(timer);
          if (hadError) reject(new Error('reset when it was ended'));
          else resolve();
        });
        socket.end();
      });
    },
    destroy: () => void socket.destroy(),
  };
}
