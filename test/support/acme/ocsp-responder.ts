import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Pebble } from '../pebble.ts';

const openssl = (...args: string[]) =>
  promisify(execFile)('openssl', args, { encoding: 'buffer', timeout: 30_000 });

/** Says how the certificates of a CA are (OCSP), by the key with which it issues them: all good but those that are revoked. */
export interface OcspResponder {
  /** What the CA's certificates name. */
  url: string;
  /** Has a certificate revoked from now on. @param reason its word in RFC 5280, 5.3.1 */
  revoke(serial: string, reason: string): void;
  /** How often it was asked about each serial number. */
  asked: Map<string, number>;
  /** Answers for that CA from now on; before, nobody is answered. */
  follow(pebble: Pebble): Promise<void>;
  stop(): Promise<void>;
}

/** Stands before the CA does, which writes its address into what it issues. */
export async function startOcspResponder(directory: string): Promise<OcspResponder> {
  await mkdir(directory);
  const at = (file: string) => join(directory, file);
  const revoked = new Map<string, string>();
  const asked = new Map<string, number>();
  let requests = 0;

  const answer = async (request: Buffer): Promise<Buffer> => {
    requests += 1;
    const [question, response, index] = ['request', 'response', 'index'].map((file) =>
      at(`${file}-${requests}`),
    ) as [string, string, string];
    await writeFile(question, request);
    const { stdout } = await openssl('ocsp', '-reqin', question, '-req_text', '-noverify');
    const serial = /Serial Number: ([0-9A-F]+)/i.exec(stdout.toString())?.[1]?.toUpperCase() ?? '';
    asked.set(serial, (asked.get(serial) ?? 0) + 1);
    const reason = revoked.get(serial);
    const state = reason === undefined ? 'V\t491231235959Z\t' : `R\t491231235959Z\t261120010203Z,${reason}`;
    await writeFile(index, `${state}\t${serial}\tunknown\t/CN=certificate\n`);
    const signer = ['-CA', at('ca.pem'), '-rsigner', at('ca.pem'), '-rkey', at('ca.key')];
    await openssl(
      'ocsp',
      '-index',
      index,
      ...signer,
      '-reqin',
      question,
      '-respout',
      response,
      '-ndays',
      '4',
    );
    return readFile(response);
  };
  const server = createServer((incoming, outgoing) => {
    buffer(incoming)
      .then(answer)
      .then(
        (body) => outgoing.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(body),
        (error: unknown) => outgoing.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    revoke: (serial, reason) => void revoked.set(serial.toUpperCase(), reason),
    async follow(pebble) {
      const { certificate, key } = await pebble.issuer();
      await writeFile(at('ca.pem'), certificate);
      await writeFile(at('ca.key'), key);
    },
    stop: () => close(server),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
