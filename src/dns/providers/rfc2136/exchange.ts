import { connect } from 'node:net';
import { messageOf, systemCode } from '../../../base/errors.ts';
import { DnsFault } from '../../provider.ts';
import { malformed } from './wire.ts';

const TIMEOUT_MS = 10_000;
const LARGEST_ANSWER = 65_535;

export interface ServerAddress {
  host: string;
  port: number;
}

/** Sends one message to a name server over TCP and answers what came back. */
export function exchange(
  { host, port }: ServerAddress,
  message: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const fail = (error: DnsFault) => {
      socket.destroy();
      reject(error);
    };
    const chunks: Buffer[] = [];
    // Of the whole exchange and not of silence: a server that sends a byte now and then must not hold us.
    const timer = setTimeout(() => fail(unreachable({ host, port }, 'no answer')), TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', (error) => fail(unreachable({ host, port }, systemCode(error) ?? messageOf(error))));
    socket.once('end', () => fail(unreachable({ host, port }, 'it closed the connection')));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const length = bytes.length < 2 ? LARGEST_ANSWER : bytes.readUInt16BE();
      if (bytes.length > 2 + LARGEST_ANSWER) return fail(malformed());
      if (bytes.length < 2 + length) return;
      socket.destroy();
      resolve(bytes.subarray(2, 2 + length));
    });
    const size = Buffer.alloc(2);
    size.writeUInt16BE(message.length);
    socket.write(Buffer.concat([size, message]));
  });
}

function unreachable({ host, port }: ServerAddress, why: string): DnsFault {
  return new DnsFault('unreachable', `the name server ${host} does not answer on TCP port ${port}: ${why}`);
}
