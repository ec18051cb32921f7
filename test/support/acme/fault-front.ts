import { readFileSync } from 'node:fs';
import { type RequestOptions, type Server, createServer, request } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pebble } from '../pebble.ts';

/** What the CA does that Pebble never does by itself. */
export type Fault =
  | { kind: 'none' }
  /** Refuses to take orders. */
  | { kind: 'rate-limit'; retryAfter: string; words: string }
  /** Refuses to issue because of a CAA record. */
  | { kind: 'caa' }
  /** Answers everything by a page in HTML. */
  | { kind: 'maintenance' }
  /** Refuses what is asked for at paths that begin so, by a problem document (RFC 8555, section 6.7). */
  | { kind: 'problem'; path: string; status: number; type: string; words: string }
  /** Hears what is asked for at paths that begin so, and says nothing. */
  | { kind: 'silent'; path: string }
  /** Ends every connection. */
  | { kind: 'dead' };

/** Stands before Pebble, and can fail in the ways in which CAs do. */
export interface FaultFront {
  directoryUrl: string;
  fault: Fault;
  /** What it says of itself besides what Pebble does. */
  meta: { caaIdentities?: string[] };
  /** The window that it tells, for the certificate of a serial number alone when one is named; undefined when it offers no such thing. */
  renewalInfo: { start: string; end: string; retryAfter: string; serial?: string | undefined } | undefined;
  /** How often each path was asked for. */
  asked: Map<string, number>;
  /** How often an order for each name was. */
  orders: Map<string, number>;
  stop(): Promise<void>;
}

const ORDER = '/order-plz';

export async function startFaultFront(pebble: Pebble): Promise<FaultFront> {
  const { cert, key } = { cert: readFileSync(pebble.api.cert), key: readFileSync(pebble.api.key) };
  const server = createServer({ cert, key }, (incoming, response) =>
    serve(front, pebble, incoming, response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const front: FaultFront = {
    directoryUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    fault: { kind: 'none' },
    meta: {},
    renewalInfo: undefined,
    asked: new Map(),
    orders: new Map(),
    stop: () => close(server),
  };
  return front;
}

/** Signed requests carry what they want as base64url. */
interface Signed {
  payload: string;
}
interface NewOrder {
  identifiers: { value: string }[];
}

function countOrder(front: FaultFront, incoming: IncomingMessage): void {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.once('end', () => {
    const { payload } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Signed;
    const { identifiers } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as NewOrder;
    for (const { value } of identifiers) front.orders.set(value, (front.orders.get(value) ?? 0) + 1);
  });
}

function serve(front: FaultFront, pebble: Pebble, incoming: IncomingMessage, response: ServerResponse): void {
  const path = incoming.url ?? '';
  front.asked.set(path, (front.asked.get(path) ?? 0) + 1);
  const { fault, renewalInfo } = front;
  if (path === ORDER) countOrder(front, incoming);
  if (fault.kind === 'dead') return void incoming.socket.destroy();
  if (fault.kind === 'silent' && path.startsWith(fault.path)) return;
  if (fault.kind === 'maintenance') {
    response.writeHead(503, { 'content-type': 'text/html' }).end('<html>maintenance</html>');
  } else if (fault.kind === 'rate-limit' && path === ORDER) {
    refuse(response, 429, 'rateLimited', fault.words, { 'retry-after': fault.retryAfter });
  } else if (fault.kind === 'caa' && path.startsWith('/finalize-order')) {
    const words = 'Error finalizing order :: CAA record for app.test prevents issuance';
    refuse(response, 403, 'caa', words);
  } else if (fault.kind === 'problem' && path.startsWith(fault.path)) {
    refuse(response, fault.status, fault.type, fault.words);
  } else if (path.startsWith('/renewal-info/') && renewalInfo && isAbout(path, renewalInfo.serial)) {
    const { start, end, retryAfter } = renewalInfo;
    response
      .writeHead(200, { 'content-type': 'application/json', 'retry-after': retryAfter })
      .end(JSON.stringify({ suggestedWindow: { start, end } }));
  } else forward(front, pebble, incoming, response);
}

/** Such a path ends in the authority's key identifier and the serial number (RFC 9773, section 4.1). */
function isAbout(path: string, serial: string | undefined): boolean {
  if (serial === undefined) return true;
  const [, told = ''] = path.split('.');
  return BigInt(`0x${Buffer.from(told, 'base64url').toString('hex')}`) === BigInt(`0x${serial}`);
}

function refuse(
  response: ServerResponse,
  status: number,
  type: string,
  detail: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, {
      'content-type': 'application/problem+json',
      'replay-nonce': `${Math.random().toString(36).slice(2)}nonce`,
      ...headers,
    })
    .end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }));
}

/** Pebble makes its addresses of the Host header, so that all further requests come here too. */
function forward(
  front: FaultFront,
  pebble: Pebble,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url, headers } = incoming;
  const to: RequestOptions = {
    host: '127.0.0.1',
    port: pebble.port,
    method,
    path: url,
    headers,
    agent: false,
  };
  const sent = request({ ...to, rejectUnauthorized: false }, (answer) => {
    if (url === '/dir') return void directory(front, answer, response);
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  sent.once('error', () => response.destroy());
  incoming.pipe(sent);
}

async function directory(
  front: FaultFront,
  answer: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { meta: object };
  const own = front.directoryUrl.replace(/dir$/, '');
  const renewalInfo = front.renewalInfo ? { renewalInfo: `${own}renewal-info` } : {};
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ ...body, ...renewalInfo, meta: { ...body.meta, ...front.meta } }));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** How many orders for these names the CA was asked for. */
export function ordersOf({ orders }: FaultFront, ...names: string[]): number {
  return names.reduce((sum, name) => sum + (orders.get(name) ?? 0), 0);
}
