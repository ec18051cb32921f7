import { connect } from 'node:net';

/** HAProxy ends every answer of an interactive session with this. */
const PROMPT = '\n> ';
/** It asks for each line of a payload. */
const PAYLOAD_PROMPTS = /^(?:\+ )+/;
const TIMEOUT_MS = 10_000;
/** An answer longer than this (characters) is taken in pieces, with a breath between them. */
const LONG_ANSWER = 64 * 1024;
const BREATH_MS = 5;

/** The runtime API could not be spoken to; what was sent may or may not have been done. */
export class RuntimeApiError extends Error {
  override readonly name = 'RuntimeApiError';
}

/** Sends commands over one connection to a worker's socket. */
export interface RuntimeConnection {
  /**
   * Sends one command and answers its text without surrounding white space.
   * @param payload lines that go with it, none of them empty.
   */
  send(command: string, payload?: string): Promise<string>;
  close(): void;
}

/**
 * Opens an interactive session (management guide, section 9.3) on a worker's stats socket. Commands may be sent
 * without waiting for the answers before; they are done and answered in order.
 * @param onEnd called when HAProxy ends the connection, which `close` does not.
 */
export async function openRuntime(path: string, onEnd?: () => void): Promise<RuntimeConnection> {
  const socket = connect(path);
  const waiting: { resolve(text: string): void; reject(error: Error): void }[] = [];
  let parts: string[] = [];
  /** The end of what came before, in which a prompt may begin. */
  let tail = '';
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
    socket.destroy();
  };
  socket.setEncoding('utf8').setTimeout(TIMEOUT_MS, () => {
    if (waiting.length > 0)
      fail(new RuntimeApiError(`HAProxy did not answer on ${path} within ${TIMEOUT_MS / 1000} s`));
  });
  socket.on('error', (error) => fail(new RuntimeApiError(`${path}: ${error.message}`, { cause: error })));
  socket.on('close', () => {
    fail(new RuntimeApiError(`HAProxy closed the connection on ${path}`));
    onEnd?.();
  });
  /**
   * HAProxy goes on telling for as long as somebody listens, and lets requests and other commands wait for it: with ten thousand
   * servers for a sixth of a second. What nobody takes from it holds it up, so that the others have their turn.
   */
  const breathe = () => {
    socket.pause();
    setTimeout(() => socket.resume(), BREATH_MS);
  };
  let length = 0;
  socket.on('data', (chunk: string) => {
    length += chunk.length;
    const last = tail + chunk;
    tail = last.slice(1 - PROMPT.length);
    parts.push(chunk);
    // Long answers are put together once, not at every chunk.
    if (!last.includes(PROMPT)) return length > LONG_ANSWER ? breathe() : undefined;
    length = 0;
    let received = parts.join('');
    for (let end = received.indexOf(PROMPT); end >= 0 && waiting.length > 0; end = received.indexOf(PROMPT)) {
      waiting.shift()?.resolve(received.slice(0, end).trim());
      received = received.slice(end + PROMPT.length);
    }
    parts = [received];
  });
  const exchange = (line: string) =>
    new Promise<string>((resolve, reject) => {
      if (socket.destroyed) return reject(new RuntimeApiError(`HAProxy closed the connection on ${path}`));
      waiting.push({ resolve, reject });
      socket.write(`${line}\n`);
    });
  await exchange('prompt');
  return {
    async send(command, payload) {
      // A line break or semicolon would begin another command, whoever wrote it into a name.
      if (/[\n\r;]/.test(command))
        throw new RuntimeApiError('a runtime command must be one line without ";"');
      if (payload === undefined) return exchange(command);
      // An empty line ends a payload: what came after it would be commands.
      if (!payload.endsWith('\n') || /^\s*$/m.test(payload.slice(0, -1)))
        throw new RuntimeApiError('what goes with a runtime command must be lines, none of them empty');
      return (await exchange(`${command} <<\n${payload}`)).replace(PAYLOAD_PROMPTS, '');
    },
    close() {
      socket.removeAllListeners('close');
      fail(new RuntimeApiError(`the connection on ${path} was closed`));
    },
  };
}

/** Runs `use` with a connection that is closed afterwards. */
export async function withRuntime<T>(
  path: string,
  use: (runtime: RuntimeConnection) => Promise<T>,
): Promise<T> {
  const runtime = await openRuntime(path);
  try {
    return await use(runtime);
  } finally {
    runtime.close();
  }
}

/**
 * Sends one command to the master's socket. In 2.6 the master answers only once our side of the connection is closed.
 */
export function askMaster(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    let received = '';
    socket
      .setEncoding('utf8')
      .setTimeout(2000, () =>
        socket.destroy(new RuntimeApiError(`the HAProxy master did not answer on ${path}`)),
      );
    socket.on('data', (chunk: string) => (received += chunk));
    socket.on('error', (error) => reject(new RuntimeApiError(`${path}: ${error.message}`, { cause: error })));
    socket.on('end', () => {
      socket.destroy();
      resolve(received.trim());
    });
    socket.end(`${command}\n`);
  });
}
