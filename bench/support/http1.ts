import type { Socket } from 'node:net';

/** An answer over HTTP/1.1, as it came. */
export interface Answer {
  status: number;
  /** By name in lower case; of several of one name all that came, one on each line. */
  headers: ReadonlyMap<string, string>;
  body: string;
  /** Whether the server closes the connection after it. */
  isClosing: boolean;
}

export interface Request {
  host: string;
  method?: string;
  path?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

const TIMEOUT_MS = 5000;

export function writeRequest({ host, method = 'GET', path = '/', headers = {}, body = '' }: Request): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}${length}\r\n${body}`;
}

/** Sends a request over a connection and reads the whole answer. It is sent once, whatever happens. */
export function exchange(socket: Socket, request: string, timeoutMs = TIMEOUT_MS): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const answer = parseAnswer(text);
      if (answer) settle(() => resolve(answer));
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () =>
      settle(() => reject(new Error(`closed ${text === '' ? 'before' : 'in the middle of'} the answer`)));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
      timeoutMs,
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
  const status = Number(text.slice(9, 12));
  const headers = parseHeaders(text.slice(0, end).split('\r\n').slice(1));
  const body = bodyOf(status, headers, text.slice(end + 4));
  if (body === undefined) return undefined;
  return { status, headers, body, isClosing: headers.get('connection')?.toLowerCase() === 'close' };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const before = headers.get(name);
    const value = line.slice(colon + 1).trim();
    headers.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  return headers;
}

/** The body when all of it is there; as it came, so a chunked one keeps its chunks' lengths. */
function bodyOf(status: number, headers: ReadonlyMap<string, string>, rest: string): string | undefined {
  if (status < 200 || status === 204 || status === 304) return '';
  if (headers.get('transfer-encoding') === 'chunked')
    return rest.startsWith('0\r\n\r\n') || rest.endsWith('\r\n0\r\n\r\n') ? rest : undefined;
  return rest.length < Number(headers.get('content-length') ?? '0') ? undefined : rest;
}
