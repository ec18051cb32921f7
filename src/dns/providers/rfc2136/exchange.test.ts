import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../../test/support/temporary.ts';
import { exchange } from './exchange.ts';

const NEVER = new AbortController().signal;
const QUESTION = Buffer.from('question');

async function listen(onConnection: (socket: Socket) => void): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => onConnection(socket.on('error', () => socket.destroy())));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('an answer in pieces is put together', async () => {
  const at = await listen((socket) => {
    socket.once('data', (question) => {
      expect(question).toEqual(Buffer.concat([Buffer.from([0, QUESTION.length]), QUESTION]));
      const pieces = [[0], [6, 97], [110, 115, 119, 101], [114, 33]];
      const sendNext = () => {
        const piece = pieces.shift();
        if (piece) socket.write(Buffer.from(piece), () => setImmediate(sendNext));
      };
      socket.setNoDelay();
      sendNext();
    });
  });
  expect((await exchange(at, QUESTION, NEVER)).toString()).toBe('answer');
});

test('a server that is not there, that hangs up or sends half an answer is unreachable', async () => {
  const port = await freePort();
  await expect(exchange({ host: '127.0.0.1', port }, QUESTION, NEVER)).rejects.toMatchObject({
    kind: 'unreachable',
    message: `the name server 127.0.0.1 does not answer on TCP port ${port}: ECONNREFUSED`,
  });
  for (const half of ['', '\0\u0009half'])
    await expect(
      exchange(await listen((socket) => void socket.once('data', () => socket.end(half))), QUESTION, NEVER),
    ).rejects.toThrow('it closed the connection');
});

test('a server that does not answer is given up at once when nobody wants it any more', async () => {
  const stop = new AbortController();
  const at = await listen((socket) => void socket.once('data', () => stop.abort()));
  await expect(exchange(at, QUESTION, stop.signal)).rejects.toMatchObject({ kind: 'unreachable' });
});
