import { type Socket, connect } from 'node:net';

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
}

const TIMEOUT_MS = 5000;

export function createClient({ host, port, isKeepingAlive }: ClientOptions): Client {
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\n${isKeepingAlive ? '' : 'Connection: close\r\n'}\r\n`;
  let kept: Socket | undefined;
  const drop = (socket: Socket) => {
    if (kept === socket) kept = undefined;
    socket.destroy();
  };
  const open = () => {
    const socket = connect({ host, port, noDelay: true });
    // One that is closed while no request is on it is not used again, as any client does it.
    socket.once('close', () => drop(socket));
    // Errors while a request is on it are told where it is asked.
    socket.on('error', () => drop(socket));
    return socket;
  };
  return {
    async ask() {
      const socket = kept ?? open();
      kept = socket;
      try {
        const { status, body, isClosing } = await exchange(socket, request);
        if (isClosing || !isKeepingAlive) drop(socket);
        if (status !== 200) throw new Error(`status ${status}`);
        return body;
      } catch (error) {
        drop(socket);
        throw error;
      }
    },
    end: () => kept?.destroy(),
  };
}

interface Answer {
  status: number;
  body: string;
  /** Whether the server closes the connection after it. */
  isClosing: boolean;
}

function exchange(socket: Socket, request: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const answer = parseAnswer(text);
      if (answer) settle(() => resolve(answer));
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new Error('closed before the answer')));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`))),
      TIMEOUT_MS,
    );
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('close', onClose);
      finish();
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(request);
  });
}

function parseAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? '0');
  if (body.length < length) return undefined;
  return { status: Number(head.slice(9, 12)), body, isClosing: /^connection: close/im.test(head) };
}
