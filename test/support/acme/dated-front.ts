import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Server, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Pebble } from '../pebble.ts';

/** Stands before Pebble, which goes by the real time, and makes a CA of it that goes by another clock. */
export interface DatedFront {
  directoryUrl: string;
  /** How many certificates were fetched. */
  issued(): number;
  stop(): Promise<void>;
}

export interface DatedFrontOptions {
  pebble: Pebble;
  /** Address that it listens on; Pebble is found there too. */
  host: string;
  /** What its clock shows, milliseconds since the epoch. */
  now(): number;
}

export async function startDatedFront({ pebble, host, now }: DatedFrontOptions): Promise<DatedFront> {
  const { cert, key } = { cert: readFileSync(pebble.api.cert), key: readFileSync(pebble.api.key) };
  const issuer = createPrivateKey((await pebble.issuer()).key);
  let issued = 0;
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = await forward(incoming, host, pebble.port);
    if (!incoming.url?.startsWith('/certZ/') || status !== 200)
      return void response.writeHead(status, headers).end(body);
    issued += 1;
    const dated = redated(body.toString('utf8'), now(), issuer);
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(dated) }).end(dated);
  };
  const server = createServer({ cert, key }, (incoming, response) => {
    answer(incoming, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  return {
    directoryUrl: `https://${host}:${(server.address() as AddressInfo).port}/dir`,
    issued: () => issued,
    stop: () => close(server),
  };
}

/** Pebble makes its addresses of the Host header, so that all further requests come here too. */
function forward(
  incoming: IncomingMessage,
  host: string,
  port: number,
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
  const { method, url, headers } = incoming;
  return new Promise((resolve, reject) => {
    const sent = request(
      { host, port, method, path: url, headers, agent: false, rejectUnauthorized: false },
      (response) => {
        const { statusCode: status = 500, headers: answered } = response;
        buffer(response).then((body) => resolve({ status, headers: answered, body }), reject);
      },
    );
    sent.once('error', reject);
    incoming.pipe(sent);
  });
}

const FIRST = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/;
/** The validity of a certificate begins so: two times of thirteen characters each. */
const VALIDITY = Buffer.from([0x30, 0x1e, 0x17, 0x0d]);
const TIME_LENGTH = 13;

/** The chain with its first certificate valid from that moment on, for as long as it was, and signed anew. */
function redated(chain: string, now: number, issuer: ReturnType<typeof createPrivateKey>): string {
  const der = Buffer.from(FIRST.exec(chain)?.[1] ?? '', 'base64');
  const from = der.indexOf(VALIDITY) + VALIDITY.length;
  const until = from + TIME_LENGTH + 2;
  const life = readTime(der, until) - readTime(der, from);
  writeTime(der, from, now);
  writeTime(der, until, now + life);
  // Outer sequence and signed part have four bytes each before what they hold.
  const signed = der.subarray(4, 8 + der.readUInt16BE(6));
  const signature = sign('sha256', signed, issuer);
  signature.copy(der, der.length - signature.length);
  const lines = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return chain.replace(FIRST, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----`);
}

function readTime(der: Buffer, at: number): number {
  const [, year, month, day, hour, minute, second] =
    /^(..)(..)(..)(..)(..)(..)/.exec(der.toString('latin1', at, at + TIME_LENGTH)) ?? [];
  return Date.parse(`20${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function writeTime(der: Buffer, at: number, time: number): void {
  const digits = new Date(time).toISOString().replaceAll(/[-:T]/g, '');
  der.write(`${digits.slice(2, 14)}Z`, at, 'latin1');
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
