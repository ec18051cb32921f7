import { type Socket, connect } from 'node:net';
import { exchange, writeRequest } from './http1.ts';

/** A client that asks over bare sockets, so that it costs the machine little, and that never asks twice. */
export interface Client {
  /** Sends a request and reads the answer's body. @throws when the answer is not a 200. */
  ask(): Promise<string>;
  end(): void;
}

export interface ClientOptions {
  host: string;
  port: number;
  /** Keeps its connection for the next request. */
  isKeepingAlive: boolean;
  /** Address to come from. Default: as the system chooses. */
  source?: string;
  /** Asked for one after another. Default: `/`. */
  paths?: readonly string[];
  headers?: Readonly<Record<string, string>>;
  method?: string;
  body?: string;
  /** What it asks for by Host. Default: the address. */
  hostName?: string;
  /** Opens a connection. Default: plain TCP. */
  open?: () => Socket;
}

export function createClient(options: ClientOptions): Client {
  const { host, port, isKeepingAlive, source, paths = ['/'], method = 'GET', body = '' } = options;
  const headers = { ...options.headers, ...(isKeepingAlive ? {} : { Connection: 'close' }) };
  const requests = paths.map((path) =>
    writeRequest({ host: options.hostName ?? host, path, headers, method, body }),
  );
  const openSocket =
    options.open ??
    (() => connect({ host, port, noDelay: true, ...(source === undefined ? {} : { localAddress: source }) }));
  let kept: Socket | undefined;
  let count = Math.floor(Math.random() * requests.length);
  const drop = (socket: Socket) => {
    if (kept === socket) kept = undefined;
    socket.destroy();
  };
  const open = () => {
    const socket = openSocket();
    // One that is closed while no request is on it is not used again, as any client does it.
    socket.once('end', () => drop(socket)).once('close', () => drop(socket));
    // Errors while a request is on it are told where it is asked.
    socket.on('error', () => drop(socket));
    return socket;
  };
  return {
    async ask() {
      const socket = kept ?? open();
      kept = socket;
      try {
        count += 1;
        const { status, body, isClosing } = await exchange(socket, requests[count % requests.length] ?? '');
        if (isClosing || !isKeepingAlive) drop(socket);
        if (status !== 200) throw new Error(`status ${status} at ${paths[count % paths.length]}`);
        return body;
      } catch (error) {
        drop(socket);
        throw error;
      }
    },
    end: () => kept?.destroy(),
  };
}
