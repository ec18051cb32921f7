import { connect } from 'node:net';
import { type SecureVersion, connect as connectTls } from 'node:tls';
import { type Answer, exchange, writeRequest } from '../../support/http1.ts';
import type { Look, Subject } from './kinds.ts';

interface Question {
  path?: string;
  host?: string;
  /** Address to come from. */
  source?: string;
  headers?: Record<string, string>;
}

/** In so many answers in turn, each of the backends of a pool is seen: there are never more than eight. */
const ENOUGH = 24;

async function ask({ host, port }: Subject, question: Question): Promise<Answer> {
  const { path = '/', source, headers } = question;
  const socket = connect({
    host,
    port,
    noDelay: true,
    ...(source === undefined ? {} : { localAddress: source }),
  });
  try {
    const request = writeRequest({
      host: question.host ?? host,
      path,
      headers: { ...headers, Connection: 'close' },
    });
    return await exchange(socket, request);
  } finally {
    socket.destroy();
  }
}

/** Felt when an answer is as it should be. */
export function answered(
  subject: Subject,
  question: Question,
  isThere: (answer: Answer) => boolean,
): () => Look {
  return () => async () => isThere(await ask(subject, question));
}

/** Felt when the backend answers. */
export function appears(subject: Subject, path: string, target: string): () => Look {
  return answered(subject, { path }, ({ body }) => body === target);
}

/** Felt when none of several answers comes from the backend. */
export function disappears(subject: Subject, path: string, targets: readonly string[]): () => Look {
  return () => async () => {
    const answers = [];
    for (let count = 0; count < ENOUGH; count++) {
      const { body } = await ask(subject, { path });
      if (targets.includes(body)) return false;
      answers.push(body);
    }
    return answers.length === ENOUGH;
  };
}

/** What came of a handshake. */
interface Shaken {
  protocol: string | false | null;
  /** Of the certificate that was shown: hexadecimal. */
  serial: string | undefined;
}

/** Felt when a TLS handshake that offers this ends as it should. */
export function shaken(
  { host, tlsPort }: Subject & { tlsPort: number },
  offer: { maxVersion?: SecureVersion; protocols?: string[]; serverName?: string },
  isThere: (result: Shaken | undefined) => boolean,
): () => Look {
  return () => () =>
    new Promise((resolve) => {
      const socket = connectTls({
        host,
        port: tlsPort,
        rejectUnauthorized: false,
        ...(offer.maxVersion === undefined ? {} : { maxVersion: offer.maxVersion }),
        ...(offer.protocols === undefined ? {} : { ALPNProtocols: offer.protocols }),
      });
      const settle = (result?: Shaken) => {
        socket.on('error', () => undefined).destroy();
        resolve(isThere(result));
      };
      socket.once('secureConnect', () => {
        const serial = socket.getPeerX509Certificate()?.serialNumber;
        settle({ protocol: socket.alpnProtocol, serial });
      });
      socket.once('error', () => settle());
    });
}

/** Felt when a port is open, or closed. */
export function opened({ host }: Subject, port: number, isOpen: boolean): () => Look {
  return () => () =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (connected: boolean) => {
        socket.on('error', () => undefined).destroy();
        resolve(connected === isOpen);
      };
      socket.once('connect', () => settle(true)).once('error', () => settle(false));
    });
}
