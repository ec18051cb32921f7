import { durationMs } from '../../base/duration.ts';
import { parseIp } from '../../spec/address.ts';
import type { CheckStep } from '../../spec/check-steps.ts';
import { type HealthCheck, type HttpCheck, isScriptCheck } from '../../spec/health-check.ts';
import { CHECK_AGENT, CHECK_HOST } from './check-names.ts';
import { grpcCheckRequest } from './grpc-check.ts';
import { quote, quoteLogFormat } from './quote.ts';

export { isScriptCheck };

export const REDIS_PING = 'PING\r\n';
export const REDIS_PONG = '+PONG';

/**
 * Directives of a backend section that say what a check sends and expects; none for a script, with which HAProxy checks
 * nothing itself.
 */
export function checkLines(check: HealthCheck, hasIpv6Target: boolean): string[] {
  if (isScriptCheck(check)) return [];
  const timeout = `timeout check ${check.timeout}`;
  switch (check.type) {
    case 'tcp':
      return [timeout];
    case 'http':
    case 'https':
      return [timeout, ...httpLines(check, hasIpv6Target)];
    case 'grpc':
      return [timeout, ...grpcLines(grpcCheckRequest(check))];
    case 'redis':
      return [timeout, ...stepLines([{ send: REDIS_PING }, { expect: REDIS_PONG }], 1)];
    case 'postgres':
      return [timeout, `option pgsql-check user ${quote(check.user)}`];
    case 'mysql':
      return [timeout, `option mysql-check${check.user === undefined ? '' : ` user ${quote(check.user)}`}`];
    case 'smtp':
      return [timeout, `option smtpchk EHLO ${quote(check.host ?? CHECK_HOST)}`];
    case 'custom':
      return [timeout, ...stepLines(check.steps)];
  }
}

function httpLines(check: HttpCheck, hasIpv6Target: boolean): string[] {
  // A server's name is its target, which is what a client of it would send; an IPv6 one lacks its brackets there.
  const host =
    check.host === undefined ? (hasIpv6Target ? CHECK_HOST : '%[srv_name]') : quoteLogFormat(check.host);
  const own = Object.entries(check.headers ?? {});
  const agent = own.some(([name]) => name.toLowerCase() === 'user-agent')
    ? ''
    : ` hdr User-Agent ${CHECK_AGENT}`;
  const headers = own.map(([name, value]) => ` hdr ${quote(name)} ${quoteLogFormat(value)}`).join('');
  return [
    'option httpchk',
    `http-check send meth ${check.method} uri ${quote(check.path)} ver HTTP/1.1 hdr Host ${host}${agent}${headers}`,
    `http-check expect status ${check.expectStatus}`,
    ...(check.expectBody === undefined ? [] : [`http-check expect string ${quote(check.expectBody)}`]),
  ];
}

/**
 * The first rule waits for an answer: a message with a status, or the end of the stream without one. The others hold it
 * against SERVING, and do not wait for more.
 */
function grpcLines(request: Uint8Array): string[] {
  const message = '0000000002080[0-9]';
  const end = '01(05|0d|25|2d)00000001|030000000001';
  return [
    'option tcp-check',
    'tcp-check connect default',
    `tcp-check send-binary ${hex(request)}`,
    `tcp-check expect on-error 'no gRPC' rbinary ${quote(`${message}|${end}`)}`,
    `tcp-check expect min-recv 1 on-error 'no health status' rbinary ${quote(message)}`,
    `tcp-check expect min-recv 1 error-status L7STS on-error 'not SERVING' binary 00000000020801`,
  ];
}

/** Bytes go into the configuration in hexadecimal, whatever they are: no text of a user's is one there. */
function stepLines(steps: readonly CheckStep[], minimum?: number): string[] {
  const first = steps[0]?.connect === undefined ? ['tcp-check connect default'] : [];
  return ['option tcp-check', ...first, ...steps.map((step) => stepLine(step, minimum))];
}

function stepLine({ connect, send, sendHex, expect, expectRegex }: CheckStep, minimum?: number): string {
  const conclusive = minimum === undefined ? '' : `min-recv ${minimum} `;
  if (connect) return connectLine(connect);
  if (send !== undefined) return `tcp-check send-binary ${textHex(send)}`;
  if (sendHex !== undefined) return `tcp-check send-binary ${sendHex.toLowerCase()}`;
  if (expect !== undefined) return `tcp-check expect ${conclusive}binary ${textHex(expect)}`;
  return `tcp-check expect rstring ${quote(SEARCH_LIMIT + (expectRegex ?? ''))}`;
}

/** A search that would hold HAProxy up ends as no match; it may go over a whole answer of 16 KiB once. */
const SEARCH_LIMIT = '(*LIMIT_MATCH=20000)';

function connectLine({ port, tls }: NonNullable<CheckStep['connect']>): string {
  return [
    'tcp-check connect',
    // The settings of the traffic, unless the step says otherwise.
    ...(tls === undefined ? ['default'] : []),
    ...(port === undefined ? [] : [`port ${port}`]),
    ...(tls ? ['ssl'] : []),
  ].join(' ');
}

function textHex(text: string): string {
  return hex(Buffer.from(text, 'utf8'));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Keywords of a `server` line that say how often and where a check goes; none for a script. */
export function checkKeywords(check: HealthCheck): string {
  if (isScriptCheck(check)) return '';
  return [
    `check inter ${check.interval} fastinter ${retryIntervalMs(check)}ms fall ${check.fall} rise ${check.rise}`,
    ...connectKeywords(check),
    ...passiveKeywords(check),
  ].join(' ');
}

/** The same for a backend that is looked at for the first time: at once, and a single pass is enough. */
export function admissionKeywords(check: HealthCheck): string {
  if (isScriptCheck(check)) return '';
  return [
    // Connecting may take as long as `inter`; how soon a server that is down is checked is another matter.
    `check inter ${check.timeout} fastinter 10ms downinter 10ms fall ${check.fall} rise 1`,
    ...connectKeywords(check),
  ].join(' ');
}

function connectKeywords(check: HealthCheck): string[] {
  return [...(check.port === undefined ? [] : [`port ${check.port}`]), ...tlsKeywords(check)];
}

function tlsKeywords(check: HealthCheck): string[] {
  if (speaksTls(check)) return ['check-ssl verify none', ...('host' in check ? sniKeywords(check.host) : [])];
  // A step that speaks TLS does it with the server's settings, which have to be there.
  const hasTlsStep = check.type === 'custom' && check.steps?.some((step) => step.connect?.tls);
  return hasTlsStep ? ['verify none'] : [];
}

/** Whether the check asks for TLS by itself. */
export function speaksTls(check: HealthCheck): boolean {
  return check.type === 'https' || ('tls' in check && check.tls);
}

function sniKeywords(host: string | undefined): string[] {
  const name = host?.replace(/:\d+$/, '');
  return name === undefined || name.startsWith('[') || parseIp(name) ? [] : [`check-sni ${quote(name)}`];
}

function passiveKeywords({ passive }: HealthCheck): string[] {
  if (!passive || passive.errors === 0) return [];
  return [`observe ${passive.observe} error-limit ${passive.errors} on-error mark-down`];
}

/**
 * Time between the checks of a backend that is changing state. HAProxy counts it from the end of a check, so checks
 * that time out would take `fall × (interval + timeout)`; with this, a backend is out within `fall × interval`,
 * whether it refuses connections or no longer answers.
 */
export function retryIntervalMs({ interval, timeout, fall }: HealthCheck): number {
  const intervalMs = durationMs(interval);
  if (fall === 1) return intervalMs;
  const spare = intervalMs - (durationMs(timeout) * fall) / (fall - 1);
  return Math.max(Math.min(100, intervalMs), Math.floor(spare));
}
