import { printable } from '../../base/printable.ts';
import { CHECK_AGENT, CHECK_HOST } from '../../haproxy/config/check-names.ts';
import { REDIS_PING, REDIS_PONG } from '../../haproxy/config/health-check.ts';
import type { CheckStep } from '../../spec/check-steps.ts';
import type { HttpCheck } from '../../spec/health-check.ts';
import type { Judgement, Step } from './conversation.ts';
import type { Endpoint } from './link.ts';

const MATCH: Judgement = { is: 'match' };
const MORE: Judgement = { is: 'more' };
const mismatch = (why: string): Judgement => ({ is: 'mismatch', why });

/** Most of a backend's own words that an outcome holds. */
const MAX_WORDS = 160;

/** A PING, as the check sends it. */
export function redisSteps(): Step[] {
  return [{ send: bytes(REDIS_PING) }, { judge: (received) => begins(received, REDIS_PONG) }];
}

/** A greeting, a hello and a farewell. */
export function smtpSteps(host = CHECK_HOST): Step[] {
  return [
    { judge: (received) => smtpReply(received, 'greeting') },
    { send: bytes(`EHLO ${host}\r\n`) },
    { judge: (received) => smtpReply(received, 'answer to EHLO') },
    { send: bytes('QUIT\r\n') },
  ];
}

/** RFC 5321, section 4.2: every line but the last has a hyphen behind its code. */
function smtpReply(received: Buffer, what: string): Judgement {
  const text = received.toString('latin1');
  const last = /^(\d{3})(?: .*)?\r?\n/m.exec(text)?.[1];
  if (text.length >= 3 && !/^\d{3}/.test(text)) return mismatch(`the ${what} is no SMTP`);
  if (last === undefined) return MORE;
  return last.startsWith('2') ? MATCH : mismatch(`the ${what} is ${last}`);
}

/** A StartupMessage; whatever asks for a password, or lets the user in, is well. */
export function postgresSteps(user: string): Step[] {
  const fields = bytes(`user\0${user}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + fields.length, 0);
  head.writeUInt32BE(0x0003_0000, 4);
  return [{ send: Buffer.concat([head, fields]) }, { judge: postgresReply }];
}

function postgresReply(received: Buffer): Judgement {
  if (received.length === 0) return MORE;
  const kind = String.fromCharCode(received[0] ?? 0);
  if (kind === 'R') return MATCH;
  if (kind !== 'E') return mismatch('the answer is no PostgreSQL');
  const message = /\0M([^\0]*)\0/.exec(received.toString('latin1'))?.[1];
  return message === undefined ? MORE : mismatch(`PostgreSQL says: ${printable(message, MAX_WORDS)}`);
}

/** The greeting, and with a user a login without a password. */
export function mysqlSteps(user: string | undefined): Step[] {
  const greeting: Step = { judge: (received) => mysqlPacket(received, 'greeting') };
  if (user === undefined) return [greeting];
  const answer: Step = { judge: (received) => mysqlPacket(received, 'answer to the login') };
  return [greeting, { send: mysqlLogin(user) }, answer];
}

/** HandshakeResponse41 as HAProxy sends it (capabilities, largest packet, charset), then COM_QUIT. */
function mysqlLogin(user: string): Buffer {
  const body = Buffer.concat([
    Buffer.from('008200000080000121', 'hex'),
    Buffer.alloc(23),
    bytes(`${user}\0\0`),
  ]);
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(1, 3);
  return Buffer.concat([head, body, Buffer.from('0100000001', 'hex')]);
}

function mysqlPacket(received: Buffer, what: string): Judgement {
  if (received.length < 5) return MORE;
  const length = received.readUIntLE(0, 3);
  if (length === 0 || length > 4096) return mismatch(`the ${what} is no MySQL`);
  if (received.length < 4 + length) return MORE;
  if (received[4] === 0xff) {
    const code = received.readUInt16LE(5);
    return mismatch(`MySQL says: ${code} ${printable(received.subarray(7, 4 + length), MAX_WORDS)}`);
  }
  return what !== 'greeting' || received[4] === 10 ? MATCH : mismatch(`the ${what} is no MySQL`);
}

/** The request that the check sends, over HTTP/1.1. */
export function httpSteps(check: HttpCheck, host: string): Step[] {
  const own = Object.entries(check.headers ?? {});
  const lines = [
    `${check.method} ${check.path} HTTP/1.1`,
    `Host: ${host}`,
    ...(own.some(([name]) => name.toLowerCase() === 'user-agent') ? [] : [`User-Agent: ${CHECK_AGENT}`]),
    ...own.map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  return [
    { send: bytes(`${lines.join('\r\n')}\r\n\r\n`) },
    { judge: (received, isEnd) => httpReply(received, isEnd, check) },
  ];
}

function httpReply(received: Buffer, isEnd: boolean, check: HttpCheck): Judgement {
  const text = received.toString('latin1');
  if (text.length >= 5 && !text.startsWith('HTTP/')) return mismatch('the answer is no HTTP');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return MORE;
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
  const isWanted = statusMatches(status, check.expectStatus);
  if (!isWanted) return mismatch(`status ${status}, expected ${check.expectStatus}`);
  if (check.expectBody === undefined) return MATCH;
  const body = received.subarray(end + 4);
  if (body.includes(bytes(check.expectBody))) return MATCH;
  const length = Number(
    /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? Number.POSITIVE_INFINITY,
  );
  return isEnd || body.length >= length ? mismatch('the body does not hold what is expected') : MORE;
}

/** Whether a status is in a list such as `200,204,301-302`. */
export function statusMatches(status: number, list: string): boolean {
  return list.split(',').some((part) => {
    const [low = 0, high = low] = part.split('-').map(Number);
    return low <= status && status <= high;
  });
}

/** The steps of a custom check. A regular expression is HAProxy's to judge: here an answer is only waited for. */
export function customSteps(
  steps: readonly CheckStep[],
  at: (connect: CheckStep['connect']) => Endpoint,
): Step[] {
  return steps.map((step): Step => {
    if (step.connect) return { connect: at(step.connect) };
    if (step.send !== undefined) return { send: bytes(step.send) };
    if (step.sendHex !== undefined) return { send: Buffer.from(step.sendHex, 'hex') };
    if (step.expect === undefined) return { pause: true };
    const wanted = bytes(step.expect);
    return { judge: (received) => (received.includes(wanted) ? MATCH : MORE) };
  });
}

function begins(received: Buffer, wanted: string): Judgement {
  if (received.length < wanted.length) return MORE;
  return received.subarray(0, wanted.length).toString('latin1') === wanted
    ? MATCH
    : mismatch(`the answer does not begin with ${wanted}`);
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}
