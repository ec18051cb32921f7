import { type Socket, connect } from 'node:net';

const TIMEOUT_MS = 2000;
/** A line with a code and a space ends an answer; with a hyphen more follow. */
const LAST = /^(\d{4}) /;

/** The connection by which BIRD is told what to do. It is held, so that a word reaches it at once. */
export interface BirdControl {
  /** The lines of the answer. @throws when BIRD does not answer, or refuses. */
  ask(command: string): Promise<string[]>;
  /** Tells it without waiting for what it says. */
  tell(command: string): void;
  close(): void;
}

/** @throws when nobody listens. */
export async function connectBird(path: string): Promise<BirdControl> {
  const socket = await open(path);
  const waiting: ((outcome: string[] | Error) => void)[] = [];
  let rest = '';
  let lines: string[] = [];
  // It begins by saying who it is.
  const greeting = new Promise<string[] | Error>((resolve) => waiting.push(resolve));
  const fail = (error: Error) => {
    socket.destroy();
    for (const settle of waiting.splice(0)) settle(error);
  };
  socket.setEncoding('utf8').setTimeout(0);
  socket.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      lines.push(line);
      if (!LAST.test(line)) continue;
      waiting.shift()?.(lines);
      lines = [];
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('BIRD has hung up')));
  const send = (command: string) =>
    new Promise<string[]>((resolve, reject) => {
      const late = setTimeout(() => fail(new Error(`BIRD does not answer to: ${command}`)), TIMEOUT_MS);
      waiting.push((outcome) => {
        clearTimeout(late);
        if (outcome instanceof Error) return reject(outcome);
        const refusal = outcome.findLast((line) => /^[89]\d{3}/.test(line));
        if (refusal === undefined) return resolve(outcome);
        reject(new Error(`BIRD refuses ${command}: ${refusal.slice(5)}`));
      });
      if (socket.destroyed) return fail(new Error('BIRD has hung up'));
      socket.write(`${command}\n`);
    });
  await greeting.then((said) => {
    if (said instanceof Error) throw said;
  });
  return {
    ask: send,
    // What it says is looked at by whoever asks how it stands.
    tell: (command) => void send(command).catch(() => undefined),
    close: () => socket.destroy(),
  };
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
