import { parseDuration } from '../base/duration.ts';
import { CHECK_TYPES, type CheckType, type HealthCheckInput } from '../spec/health-check.ts';
import { usageError } from './failure.ts';

const HTTP_TYPES = ['http', 'https'] as const;
type HttpType = (typeof HTTP_TYPES)[number];
type PlainType = Exclude<CheckType, HttpType | 'custom'>;
const FORMS =
  'http:/health:5s, http:8081:/health:5s, https:/health:5s, tcp:5s, grpc:50051:5s, redis:5s, postgres:5s, mysql:5s, smtp:5s or custom:NAME:5s';

/** What one text says about a health check. */
export type HealthCheckText = Required<Pick<HealthCheckInput, 'interval'>> &
  Pick<HealthCheckInput, 'port'> &
  (
    | { type: HttpType; path: string }
    | { type: PlainType }
    | { type: 'custom'; script: string; port?: undefined }
  );

/**
 * Reads `TYPE[:PORT]:PATH:INTERVAL` for http and https, `custom:NAME:INTERVAL` for a program and `TYPE[:PORT]:INTERVAL`
 * for the rest. The interval is what follows the last colon, because a path may hold colons itself.
 */
export function parseHealthCheck(text: string): HealthCheckText {
  const firstColon = text.indexOf(':');
  const lastColon = text.lastIndexOf(':');
  const type = (firstColon < 0 ? text : text.slice(0, firstColon)).toLowerCase();
  if (!isType(type)) {
    throw fault(
      text,
      `${JSON.stringify(type)} is no type of check: it is ${CHECK_TYPES.slice(0, -1).join(', ')} or ${CHECK_TYPES.at(-1)}`,
    );
  }
  const interval = lastColon < 0 ? '' : text.slice(lastColon + 1);
  const middle = lastColon > firstColon ? text.slice(firstColon + 1, lastColon) : undefined;
  if (isHttp(type) && interval.startsWith('/')) throw fault(text, 'the interval after the path is missing');
  if (parseDuration(interval) === undefined) {
    throw fault(
      text,
      interval === ''
        ? 'the interval is missing'
        : `${JSON.stringify(interval)} is no interval: it is a number with ms, s, m or h`,
    );
  }
  if (isHttp(type)) return { type, ...parsePlace(text, middle), interval };
  if (type === 'custom') return { type, script: parseScript(text, middle), interval };
  return { type, ...parsePort(text, middle), interval };
}

/** Writes a check in the form that {@link parseHealthCheck} reads. */
export function formatHealthCheck(check: HealthCheckText): string {
  if (check.type === 'custom') return `custom:${check.script}:${check.interval}`;
  const port = check.port === undefined ? '' : `:${check.port}`;
  return 'path' in check
    ? `${check.type}${port}:${check.path}:${check.interval}`
    : `${check.type}${port}:${check.interval}`;
}

/** A check in words, as the CLI understood it. */
export function describeHealthCheck(check: HealthCheckInput): string {
  const where = check.port === undefined ? '' : ` on port ${check.port}`;
  const { passive } = check;
  const rest = [
    ...(check.timeout === undefined ? [] : [`timeout ${check.timeout}`]),
    ...(check.expectStatus === undefined ? [] : [`expecting ${check.expectStatus}`]),
    ...(check.fall === undefined ? [] : [`down after ${check.fall} failures`]),
    ...(check.rise === undefined ? [] : [`up after ${check.rise} passes`]),
    ...(passive?.errors === undefined || passive.errors === 0
      ? []
      : [
          `out at once after ${passive.errors} ${passive.observe === 'layer7' ? 'errors' : 'connection errors'}`,
        ]),
  ];
  return [`health check: ${describeKind(check)}${where} every ${check.interval ?? '5s'}`, ...rest].join(', ');
}

function describeKind(check: HealthCheckInput): string {
  const tls = check.tls ? ' over TLS' : '';
  switch (check.type) {
    case 'tcp':
      return `a tcp connection${tls}`;
    case 'grpc':
      return `gRPC health of ${check.service ?? 'the server'}${tls}`;
    case 'redis':
      return `PING of redis${tls}`;
    case 'postgres':
      return `postgres login as ${check.user ?? 'postgres'}`;
    case 'mysql':
      return check.user === undefined ? 'mysql greeting' : `mysql login as ${check.user}`;
    case 'smtp':
      return `smtp greeting${tls}`;
    case 'custom':
      return check.script === undefined
        ? `a conversation of ${check.steps?.length ?? 0} steps`
        : `program ${check.script}`;
    default:
      return `${check.method ?? 'GET'} ${check.path ?? '/'} over ${check.type ?? 'http'}`;
  }
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

function parseScript(text: string, name: string | undefined): string {
  if (name === undefined || name === '') throw fault(text, 'the name of the program is missing');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw fault(text, `${JSON.stringify(name)} is no name of a program: it has letters, digits and . _ -`);
  return name;
}

function isType(type: string): type is CheckType {
  return (CHECK_TYPES as readonly string[]).includes(type);
}

function isHttp(type: CheckType): type is HttpType {
  return (HTTP_TYPES as readonly string[]).includes(type);
}

function fault(text: string, why: string): Error {
  return usageError(
    `the health check ${JSON.stringify(text)} cannot be read: ${why}`,
    `Write it as ${FORMS}`,
  );
}
