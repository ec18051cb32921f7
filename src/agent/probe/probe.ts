import type { Probe } from '../../api/evidence.ts';
import { MAX_EXCERPT } from '../../api/evidence.ts';
import { durationMs } from '../../base/duration.ts';
import { printable } from '../../base/printable.ts';
import { CHECK_AGENT, CHECK_HOST } from '../../haproxy/config/check-names.ts';
import { HEALTH_METHOD, grpcMessage } from '../../haproxy/config/grpc-check.ts';
import { speaksTls } from '../../haproxy/config/health-check.ts';
import type { BackendTls } from '../../spec/backend.ts';
import type { CheckStep } from '../../spec/check-steps.ts';
import type { HttpCheck, NativeCheck } from '../../spec/health-check.ts';
import { parseTarget } from '../../spec/target.ts';
import { type Conversation, type Step, converse } from './conversation.ts';
import { type Http2Answer, askHttp2 } from './http2.ts';
import type { Endpoint } from './link.ts';
import {
  customSteps,
  httpSteps,
  mysqlSteps,
  postgresSteps,
  redisSteps,
  smtpSteps,
  statusMatches,
} from './protocols.ts';

/** What is probed, and how it is spoken to. */
export interface ProbeSubject {
  target: string;
  address: string;
  /** The port of the traffic. */
  port: number;
  check: NativeCheck;
  /** How the traffic to it is encrypted; undefined for not at all. */
  tls?: BackendTls | undefined;
  sendProxy?: 'v1' | 'v2' | undefined;
  /** Whether the pool speaks HTTP/2 to its backends. */
  http2: boolean;
}

/** Looks at a backend once, as the check does, and tells what was said. It never throws. */
export async function probeBackend(subject: ProbeSubject, now: number): Promise<Probe> {
  const begun = performance.now();
  const signal = AbortSignal.timeout(durationMs(subject.check.timeout));
  const { passed, fault, sent, received } = await talk(subject, signal);
  return {
    at: new Date(now).toISOString(),
    durationMs: Math.round(performance.now() - begun),
    address: subject.address,
    port: subject.check.port ?? subject.port,
    passed,
    outcome: fault === undefined ? outcomeOf(subject.check) : printable(fault, 300),
    sent: printable(sent, MAX_EXCERPT),
    received: printable(received, MAX_EXCERPT),
  };
}

function outcomeOf(check: NativeCheck): string {
  const hasRegex =
    check.type === 'custom' && check.steps.some(({ expectRegex }) => expectRegex !== undefined);
  return hasRegex
    ? 'it answered; regular expressions are for HAProxy to judge'
    : 'the answer was as expected this time';
}

function talk(subject: ProbeSubject, signal: AbortSignal): Promise<Conversation> {
  const { check, http2 } = subject;
  const there = endpointOf(subject);
  const connect: Step = { connect: there };
  switch (check.type) {
    case 'tcp':
      return converse([connect], signal);
    case 'http':
    case 'https':
      if (http2) return askHttp(subject, check, there, signal);
      return converse([connect, ...httpSteps(check, check.host ?? subject.target)], signal);
    case 'grpc':
      return askGrpc(check.service, check.host ?? CHECK_HOST, there, signal);
    case 'redis':
      return converse([connect, ...redisSteps()], signal);
    case 'postgres':
      return converse([connect, ...postgresSteps(check.user)], signal);
    case 'mysql':
      return converse([connect, ...mysqlSteps(check.user)], signal);
    case 'smtp':
      return converse([connect, ...smtpSteps(check.host)], signal);
    case 'custom':
      return converse(conversationOf(check.steps, subject, there), signal);
  }
}

function conversationOf(steps: readonly CheckStep[], subject: ProbeSubject, there: Endpoint): Step[] {
  const own = customSteps(steps, (connect) => ({
    ...there,
    ...(connect?.port === undefined ? {} : { port: connect.port }),
    ...(connect?.tls === undefined ? {} : { tls: connect.tls ? tlsOf(subject) : undefined }),
  }));
  return steps[0]?.connect ? own : [{ connect: there }, ...own];
}

function endpointOf(subject: ProbeSubject): Endpoint {
  const { address, port, check, tls, sendProxy } = subject;
  return {
    address,
    port: check.port ?? port,
    ...(tls || speaksTls(check) ? { tls: tlsOf(subject) } : {}),
    ...(sendProxy ? { proxy: sendProxy } : {}),
  };
}

function tlsOf({ target, check, tls, http2 }: ProbeSubject): NonNullable<Endpoint['tls']> {
  const host = 'host' in check ? check.host?.replace(/:\d+$/, '') : undefined;
  const name = tls?.serverName ?? host ?? parseTarget(target)?.host ?? '';
  // Server names are names: an address is not sent (RFC 6066, section 3).
  const isName = parseTarget(`${name}:1`)?.isIp === false;
  const alpn = http2 || check.type === 'grpc' ? { alpn: ['h2'] } : {};
  return { ...(isName ? { serverName: name } : {}), ...alpn };
}

function askHttp(
  subject: ProbeSubject,
  check: HttpCheck,
  there: Endpoint,
  signal: AbortSignal,
): Promise<Conversation> {
  const headers = {
    ':method': check.method,
    ':path': check.path,
    ':authority': check.host ?? subject.target,
    'user-agent': CHECK_AGENT,
    ...Object.fromEntries(
      Object.entries(check.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
  };
  return askHttp2(there, { headers }, (answer) => httpFault(answer, check), signal);
}

function httpFault(
  { status, body }: Http2Answer,
  { expectStatus, expectBody }: HttpCheck,
): string | undefined {
  if (!statusMatches(status, expectStatus)) return `status ${status}, expected ${expectStatus}`;
  if (expectBody === undefined || body.includes(Buffer.from(expectBody))) return undefined;
  return 'the body does not hold what is expected';
}

function askGrpc(
  service: string | undefined,
  host: string,
  there: Endpoint,
  signal: AbortSignal,
): Promise<Conversation> {
  const headers = {
    ':method': 'POST',
    ':path': HEALTH_METHOD,
    ':authority': host,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': CHECK_AGENT,
  };
  return askHttp2(there, { headers, body: grpcMessage(service) }, grpcFault, signal);
}

/** `ServingStatus` of grpc.health.v1. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

function grpcFault({ status, headers, trailers, body }: Http2Answer): string | undefined {
  const code = trailers['grpc-status'] ?? headers['grpc-status'];
  const message = trailers['grpc-message'] ?? headers['grpc-message'];
  if (code !== undefined && code !== '0')
    return `gRPC status ${String(code)}${message === undefined ? '' : `: ${String(message)}`}`;
  if (status !== 200) return `HTTP status ${status} and no gRPC`;
  // Five bytes of prefix, then field 1 as a varint.
  const serving = body.length >= 7 && body[5] === 8 ? (body[6] ?? 0) : 0;
  return serving === 1 ? undefined : `the health status is ${STATUSES[serving] ?? serving}`;
}
