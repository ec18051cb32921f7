import { type ClientHttp2Session, type IncomingHttpHeaders, connect } from 'node:http2';
import { Duplex } from 'node:stream';
import type { Conversation } from './conversation.ts';
import { type Endpoint, ProbeFault, openLink } from './link.ts';

/** One request over HTTP/2. */
export interface Http2Request {
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
}

/** An answer over HTTP/2; what was not answered is empty. */
export interface Http2Answer {
  status: number;
  headers: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  body: Buffer;
}

const MAX_BODY = 16_384;
const MAX_FIRST = 1024;

/** Asks once over HTTP/2 and has the answer judged. It never throws. */
export async function askHttp2(
  endpoint: Endpoint,
  request: Http2Request,
  judge: (answer: Http2Answer) => string | undefined,
  signal: AbortSignal,
): Promise<Conversation> {
  const sent = Buffer.from(headerText(request.headers));
  let first = Buffer.alloc(0);
  try {
    const link = await openLink(endpoint, signal);
    // What comes before HTTP/2 is understood shows what is really spoken there.
    const tapped = tap(link, (chunk) => (first = Buffer.concat([first, chunk]).subarray(0, MAX_FIRST)));
    const answer = await exchange(connectOver(tapped), request, signal).finally(() => link.destroy());
    const fault = judge(answer);
    return { passed: fault === undefined, fault, sent, received: Buffer.from(answerText(answer)) };
  } catch (error) {
    if (!(error instanceof ProbeFault)) throw error;
    return { passed: false, fault: error.message, sent, received: first };
  }
}

function connectOver(link: Duplex): ClientHttp2Session {
  return connect('http://backend', { createConnection: () => link });
}

function exchange(
  session: ClientHttp2Session,
  { headers, body }: Http2Request,
  signal: AbortSignal,
): Promise<Http2Answer> {
  const answer: Http2Answer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) };
  return new Promise<Http2Answer>((resolve, reject) => {
    const fail = (text: string) => reject(new ProbeFault(text));
    const onAbort = () => fail(answer.status === 0 ? 'no answer in time' : 'the answer did not end in time');
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    session.on('error', () => fail('the answer is no HTTP/2'));
    session.on('close', () => fail('connection closed without an answer'));
    const stream = session.request(headers, { endStream: body === undefined });
    stream.on('error', ({ message }) =>
      fail(/protocol error/i.test(message) ? 'the answer is no HTTP/2' : `the answer broke off: ${message}`),
    );
    stream.on('response', (received) => {
      answer.status = received[':status'] ?? 0;
      answer.headers = received;
    });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (answer.trailers = trailers));
    stream.on('data', (chunk: Buffer) => {
      answer.body = Buffer.concat([answer.body, chunk]);
      if (answer.body.length >= MAX_BODY) resolve(answer);
    });
    stream.on('end', () => resolve(answer));
    if (body) stream.end(body);
  }).finally(() => session.destroy());
}

/** A stream over another one that shows what is read. */
function tap(link: Duplex, onData: (chunk: Buffer) => void): Duplex {
  const outer = new Duplex({
    read: () => void link.resume(),
    write: (chunk: Buffer, _encoding, done) => void link.write(chunk, done),
    final: (done) => void link.end(done),
    destroy(error, done) {
      link.destroy();
      done(error);
    },
  });
  outer.on('error', () => undefined);
  link.on('data', (chunk: Buffer) => {
    onData(chunk);
    if (!outer.push(chunk)) link.pause();
  });
  link.on('end', () => outer.push(null)).on('close', () => outer.destroy());
  return outer;
}

function headerText(headers: Record<string, unknown>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${String(value)}\n`)
    .join('');
}

function answerText({ headers, trailers, body }: Http2Answer): string {
  return `${headerText(headers)}${body.toString('latin1')}${body.length > 0 ? '\n' : ''}${headerText(trailers)}`;
}
