import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import type { Client } from '../client.ts';
import { exchange, writeRequest } from '../http1.ts';

/** The server has not looked at the request (RFC 9113, section 8.7). */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export interface LaneOptions {
  host: string;
  port: number;
  source: string;
  paths: readonly string[];
}

/**
 * One client that speaks HTTP/2 over TLS on one connection with several requests at a time. Where the server offers only
 * HTTP/1.1, each of them keeps a connection of its own, as browsers do.
 */
export interface Http2Lane {
  /** A place for one request at a time. */
  createClient(): Client;
}

type Opened = { session: ClientHttp2Session } | { socket: TLSSocket };

export function createHttp2Lane(options: LaneOptions): Http2Lane {
  let shared: Promise<Opened> | undefined;
  /** The common connection, or one of HTTP/1.1 for whoever asked first. */
  const take = async (): Promise<Opened> => {
    const opening = (shared ??= openConnection(options));
    const forget = () => {
      if (shared === opening) shared = undefined;
    };
    const opened = await opening.catch((error: unknown) => {
      forget();
      throw error;
    });
    if ('socket' in opened) {
      if (shared !== opening) return take();
      forget();
      return opened;
    }
    // Nothing new is sent on a connection that has been told to end (GOAWAY).
    if (!opened.session.closed && !opened.session.destroyed) return opened;
    forget();
    return take();
  };
  return { createClient: () => createLaneClient(options, take) };
}

function createLaneClient({ host, paths }: LaneOptions, take: () => Promise<Opened>): Client {
  let count = 0;
  let own: TLSSocket | undefined;
  const drop = () => {
    own?.destroy();
    own = undefined;
  };
  return {
    async ask() {
      count += 1;
      const path = paths[count % paths.length] ?? '/';
      const opened = own ? { socket: own } : await take();
      if ('session' in opened) return await request(opened.session, path);
      own ??= opened.socket.once('end', drop).once('close', drop);
      try {
        const { status, body, isClosing } = await exchange(opened.socket, writeRequest({ host, path }));
        if (isClosing) drop();
        if (status !== 200) throw new Error(`status ${status} at ${path}`);
        return body;
      } catch (error) {
        drop();
        throw error;
      }
    },
    end: drop,
  };
}

function openConnection({ host, port, source }: LaneOptions): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      socket: connect({ host, port, localAddress: source, noDelay: true }),
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
    });
    const onClose = () => reject(new Error('closed while it was opened'));
    socket.on('error', reject).once('close', onClose);
    socket.once('secureConnect', () => {
      socket.off('close', onClose);
      if (socket.alpnProtocol !== 'h2') return resolve({ socket });
      const session = connectHttp2(`https://${host}:${port}`, { createConnection: () => socket });
      session.on('error', reject).once('close', onClose);
      // The settings are exchanged, so the connection is up.
      session.once('connect', () => resolve({ session }));
    });
  });
}

function request(session: ClientHttp2Session, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let status = 0;
    let body = '';
    let isComplete = false;
    let fault: Error | undefined;
    stream.setEncoding('latin1');
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.on('data', (chunk: string) => (body += chunk));
    stream.on('end', () => (isComplete = true));
    stream.on('error', (error) => (fault = error));
    stream.setTimeout(5000, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.on('close', () => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return reject(new Refused('REFUSED_STREAM'));
      if (status === 200 && isComplete && !fault) return resolve(body);
      if (status !== 0 && status !== 200) return reject(new Error(`status ${status} at ${path}`));
      return reject(new Error(`stream closed with ${stream.rstCode}: ${fault?.message ?? 'no answer'}`));
    });
  });
}
