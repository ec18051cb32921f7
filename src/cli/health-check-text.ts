import { parseDuration } from '../base/duration.ts';
import type { HealthCheckInput } from '../spec/health-check.ts';
import { usageError } from './failure.ts';

const HTTP_TYPES = ['http', 'https'] as const;
const OTHER_TYPES = ['tcp'] as const;
const FORMS = 'http:/health:5s, http:8081:/health:5s, https:/health:5s, tcp:5s or tcp:8081:5s';

/** What one text says about a health check. */
export type HealthCheckText = Required<Pick<HealthCheckInput, 'interval'>> &
  Pick<HealthCheckInput, 'port'> &
  ({ type: 'http' | 'https'; path: string } | { type: 'tcp' });

/**
 * Reads `TYPE[:PORT]:PATH:INTERVAL` for http and https, `TYPE[:PORT]:INTERVAL` for tcp. The interval is what follows
 * the last colon, because a path may hold colons itself.
 */
export function parseHealthCheck(text: string): HealthCheckText {
  const firstColon = text.indexOf(':');
  const lastColon = text.lastIndexOf(':');
  const type = (firstColon < 0 ? text : text.slice(0, firstColon)).toLowerCase();
  if (!isHttp(type) && !isOther(type)) {
    throw fault(text, `${JSON.stringify(type)} is no type of check: it is http, https or tcp`);
  }
  const interval = lastColon < 0 ? '' : text.slice(lastColon + 1);
  const middle = lastColon > firstColon ? text.slice(firstColon + 1, lastColon) : undefined;
  if (isHttp(type) && looksLikePath(interval)) throw fault(text, 'the interval after the path is missing');
  if (parseDuration(interval) === undefined) {
    throw fault(
      text,
      interval === ''
        ? 'the interval is missing'
        : `${JSON.stringify(interval)} is no interval: it is a number with ms, s, m or h`,
    );
  }
  return isHttp(type)
    ? { type, ...parsePlace(text, middle), interval }
    : { type, ...parsePort(text, middle), interval };
}

/** Writes a check in the form that {@link parseHealthCheck} reads. */
export function formatHealthCheck(check: HealthCheckText): string {
  const port = check.port === undefined ? '' : `:${check.port}`;
  return check.type === 'tcp'
    ? `tcp${port}:${check.interval}`
    : `${check.type}${port}:${check.path}:${check.interval}`;
}

/** A check in words, as the CLI understood it. */
export function describeHealthCheck(check: HealthCheckInput): string {
  const where = check.port === undefined ? '' : ` on port ${check.port}`;
  const what =
    check.type === 'tcp'
      ? 'a tcp connection'
      : `${check.method ?? 'GET'} ${check.path ?? '/'} over ${check.type ?? 'http'}`;
  const rest = [
    ...(check.timeout === undefined ? [] : [`timeout ${check.timeout}`]),
    ...(check.expectStatus === undefined ? [] : [`expecting ${check.expectStatus}`]),
    ...(check.fall === undefined ? [] : [`down after ${check.fall} failures`]),
    ...(check.rise === undefined ? [] : [`up after ${check.rise} passes`]),
  ];
  return [`health check: ${what}${where} every ${check.interval ?? '5s'}`, ...rest].join(', ');
}

/** `PATH` or `PORT:PATH`; an empty port counts as none. */
function parsePlace(text: string, middle: string | undefined): { port?: number; path: string } {
  const slash = middle?.indexOf('/') ?? -1;
  if (middle === undefined || middle === '' || slash < 0)
    throw fault(text, 'the path is missing; it begins with a slash');
  const before = middle.slice(0, slash);
  if (before !== '' && !before.endsWith(':')) throw fault(text, 'the path must begin with a slash');
  return { ...parsePort(text, before.slice(0, -1)), path: middle.slice(slash) };
}

function parsePort(text: string, port: string | undefined): { port?: number } {
  if (port === undefined || port === '') return {};
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535)
    throw fault(text, `${JSON.stringify(port)} is no port: it is a number from 1 to 65535`);
  return { port: number };
}

function isHttp(type: string): type is 'http' | 'https' {
  return (HTTP_TYPES as readonly string[]).includes(type);
}

function isOther(type: string): type is 'tcp' {
  return (OTHER_TYPES as readonly string[]).includes(type);
}

function looksLikePath(text: string): boolean {
  return text.startsWith('/');
}

function fault(text: string, why: string): Error {
  return usageError(
    `the health check ${JSON.stringify(text)} cannot be read: ${why}`,
    `Write it as ${FORMS}`,
  );
}
