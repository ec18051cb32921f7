import { z } from 'zod';
import { durationMs, formatDuration } from '../base/duration.ts';
import { type CheckStep, CheckSteps } from './check-steps.ts';
import { durationBetween } from './duration.ts';
import { HeaderName, headerValues } from './header.ts';

/** Characters of a request target that need no escaping anywhere (RFC 3986 `pchar`, `/` and `?`). */
const REQUEST_TARGET = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/;
/** A Host header's value: name or address, with or without a port (RFC 9110, section 7.2). */
const HOST_HEADER = /^(?:[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** One status, one range, or several of them: `200`, `200-399`, `200,204,301-302`. */
const STATUS_LIST = /^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/;
/** What `expectBody` may hold: any text on one line. */
// oxlint-disable-next-line no-control-regex
const ONE_LINE = /^[^\u0000-\u001f\u007f]+$/;
/** A gRPC service's full name, as the server registers it. */
const SERVICE = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/;
/** A database's user, of the characters that need no quoting in SQL, and a few more. */
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,62}$/;
/** A file's name without a path; nothing hidden. */
const SCRIPT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'] as const;
export const CHECK_TYPES = [
  'http',
  'https',
  'tcp',
  'grpc',
  'redis',
  'postgres',
  'mysql',
  'smtp',
  'custom',
] as const;
export type CheckType = (typeof CHECK_TYPES)[number];

export const DEFAULT_INTERVAL = '5s';
const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_USER = 'postgres';

function hasRisingRanges(list: string): boolean {
  return list.split(',').every((part) => {
    const [low = 0, high = low] = part.split('-').map(Number);
    return low <= high;
  });
}

/** Headers that the check has fields of its own for, or that HAProxy writes. */
const RESERVED = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te']);

const CheckHeaderName = HeaderName.refine(
  (name) => !RESERVED.has(name.toLowerCase()),
  'cannot be set here; for the host there is the field host',
);

export const Passive = z
  .strictObject({
    errors: z
      .int()
      .min(0)
      .max(1000)
      .optional()
      .describe('Errors of live traffic in a row that take a backend out at once; 0 is off. Default: 10.'),
    observe: z
      .enum(['layer4', 'layer7'])
      .optional()
      .describe(
        'What counts: layer4 is connections that fail; layer7 (http) is also broken answers and statuses of 500 and above, 501 and 505 excepted. Default: layer4.',
      ),
  })
  .describe('What live traffic says about a backend between the checks. Checks bring it back.');

/** The health check as a user writes it: every field may be left out. */
export const HealthCheckInput = z
  .strictObject({
    type: z
      .enum(CHECK_TYPES)
      .optional()
      .describe(
        'What is checked: an HTTP answer, the same over TLS (https), that a TCP connection opens, gRPC’s own health service, a PING of Redis, a login to PostgreSQL or MySQL that is never finished, an SMTP greeting, or with custom a conversation (`steps`) or a program (`script`). Default: http for an http load balancer when a path or an expectation is given; tcp otherwise.',
      ),
    path: z
      .string()
      .max(2048)
      .regex(REQUEST_TARGET, 'must be an absolute path such as /health, percent-encoded (RFC 3986)')
      .optional()
      .describe('Path to ask for (http, https). Default: `/`.'),
    method: z.enum(METHODS).optional().describe('HTTP method (http, https). Default: GET.'),
    host: z
      .string()
      .max(255)
      .regex(HOST_HEADER, 'must be a host name or address, with or without a port')
      .optional()
      .describe(
        'Host header (http, https), authority (grpc) or name to say hello with (smtp). Default: the backend’s target; localhost for grpc and smtp.',
      ),
    headers: headerValues(CheckHeaderName, 16)
      .optional()
      .describe('Further headers to send (http, https). Values are literal text. Default: none.'),
    expectStatus: z
      .union([z.int().min(100).max(599).transform(String), z.string()])
      .pipe(
        z
          .string()
          .max(200)
          .regex(STATUS_LIST, 'must be a status, a range or a list of them, such as 200-399 or 200,204')
          .refine(hasRisingRanges, 'must name the lower status of a range first, such as 200-399'),
      )
      .optional()
      .describe(
        'Statuses that pass (http, https): a status, a range, or a list of them. Default: `200-399`.',
      ),
    expectBody: z
      .string()
      .min(1)
      .max(1024)
      .regex(ONE_LINE, 'must be one line of text')
      .optional()
      .describe('Text that the body must hold (http, https). Default: any body passes.'),
    service: z
      .string()
      .regex(SERVICE, 'must be a gRPC service such as shop.v1.Cart: letters, digits, _ . / and -')
      .optional()
      .describe('The service to ask for (grpc). Default: the server as a whole.'),
    user: z
      .string()
      .regex(USER, 'must be 1 to 63 letters, digits and _ . @ $ -')
      .optional()
      .describe(
        'User to log in as (postgres, mysql); no password is sent. mysql needs one without a password, or none is tried and only the greeting is read. Default: `postgres` for postgres; none for mysql.',
      ),
    tls: z
      .boolean()
      .optional()
      .describe(
        'Speak TLS in the check, whatever the traffic does (tcp, grpc, redis, smtp); the certificate is not verified. Default: false.',
      ),
    script: z
      .string()
      .regex(SCRIPT, 'must be the name of a file: letters, digits and . _ -, without a path')
      .optional()
      .describe(
        'Program in the folder for checks of each load balancer machine that the agent runs (custom); it passes when it ends with 0.',
      ),
    steps: CheckSteps.optional(),
    port: z.int().min(1).max(65_535).optional().describe('Port to check. Default: the backend’s own.'),
    interval: durationBetween(100, 3_600_000)
      .optional()
      .describe('Time between two checks of a backend. Default: 5s.'),
    timeout: durationBetween(10, 3_600_000)
      .optional()
      .describe('Time for one check, less than the interval. Default: 2s, or half of an interval up to 4s.'),
    fall: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Failed checks in a row that take a backend out. Default: 3.'),
    rise: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe('Passed checks in a row that bring it back. Default: 2.'),
    passive: Passive.optional(),
  })
  .describe('How backends are checked.');
export type HealthCheckInput = z.infer<typeof HealthCheckInput>;

interface Cadence {
  interval: string;
  timeout: string;
  fall: number;
  rise: number;
  port?: number | undefined;
}

/** What live traffic says, every default filled in. */
export interface PassiveCheck {
  errors: number;
  observe: 'layer4' | 'layer7';
}

/** A check that asks over HTTP. */
export interface HttpCheck {
  type: 'http' | 'https';
  path: string;
  method: (typeof METHODS)[number];
  host?: string | undefined;
  headers?: Record<string, string> | undefined;
  expectStatus: string;
  expectBody?: string | undefined;
}

type Kind =
  | HttpCheck
  | { type: 'tcp' | 'redis'; tls: boolean }
  | { type: 'grpc'; service?: string | undefined; host?: string | undefined; tls: boolean }
  | { type: 'smtp'; host?: string | undefined; tls: boolean }
  | { type: 'postgres'; user: string }
  | { type: 'mysql'; user?: string | undefined }
  | { type: 'custom'; steps: CheckStep[]; script?: undefined };

/** A check that HAProxy makes itself. */
export type NativeCheck = Cadence & Kind & { passive: PassiveCheck };
/** A check that the agent makes, by running a program; live traffic is not observed. */
export type ScriptCheck = Cadence & {
  type: 'custom';
  script: string;
  steps?: undefined;
  passive?: undefined;
};

/** A health check with every default filled in. */
export type HealthCheck = NativeCheck | ScriptCheck;

/** True for a check that the agent makes by running a program: HAProxy itself then checks nothing. */
export function isScriptCheck(check: HealthCheck): check is ScriptCheck {
  return check.type === 'custom' && check.script !== undefined;
}

/** The fields that only an HTTP answer can be held against. */
export const HTTP_CHECK_FIELDS = ['path', 'method', 'host', 'headers', 'expectStatus', 'expectBody'] as const;

/** The fields that belong to some types alone, and those types. */
export const TYPED_CHECK_FIELDS = {
  path: ['http', 'https'],
  method: ['http', 'https'],
  host: ['http', 'https', 'grpc', 'smtp'],
  headers: ['http', 'https'],
  expectStatus: ['http', 'https'],
  expectBody: ['http', 'https'],
  service: ['grpc'],
  user: ['postgres', 'mysql'],
  tls: ['tcp', 'grpc', 'redis', 'smtp'],
  script: ['custom'],
  steps: ['custom'],
} as const satisfies Partial<Record<keyof HealthCheckInput, readonly CheckType[]>>;

export function hasHttpField(input: HealthCheckInput): boolean {
  return HTTP_CHECK_FIELDS.some((field) => input[field] !== undefined);
}

/** Fills in every default. Without any word about the check, a connection that opens passes: it is never wrong. */
export function completeHealthCheck(input: HealthCheckInput, balancer: 'http' | 'tcp'): HealthCheck {
  const type = input.type ?? (balancer === 'http' && hasHttpField(input) ? 'http' : 'tcp');
  const cadence = completeCadence(input);
  if (type === 'custom' && input.script !== undefined) return { type, script: input.script, ...cadence };
  const passive = { errors: input.passive?.errors ?? 10, observe: input.passive?.observe ?? 'layer4' };
  return { ...completeKind(type, input), ...cadence, passive };
}

function completeCadence(input: HealthCheckInput): Cadence {
  const interval = input.interval ?? DEFAULT_INTERVAL;
  return {
    interval,
    timeout:
      input.timeout ?? formatDuration(Math.min(DEFAULT_TIMEOUT_MS, Math.floor(durationMs(interval) / 2))),
    fall: input.fall ?? 3,
    rise: input.rise ?? 2,
    ...(input.port === undefined ? {} : { port: input.port }),
  };
}

function completeKind(type: CheckType, input: HealthCheckInput): Kind {
  const tls = input.tls ?? false;
  const host = input.host === undefined ? {} : { host: input.host };
  switch (type) {
    case 'http':
    case 'https':
      return completeHttp(type, input);
    case 'tcp':
    case 'redis':
      return { type, tls };
    case 'grpc':
      return { type, ...(input.service === undefined ? {} : { service: input.service }), ...host, tls };
    case 'smtp':
      return { type, ...host, tls };
    case 'postgres':
      return { type, user: input.user ?? DEFAULT_USER };
    case 'mysql':
      return { type, ...(input.user === undefined ? {} : { user: input.user }) };
    case 'custom':
      return { type, steps: input.steps ?? [] };
  }
}

function completeHttp(type: 'http' | 'https', input: HealthCheckInput): HttpCheck {
  const { host, headers, expectBody } = input;
  return {
    type,
    path: input.path ?? '/',
    method: input.method ?? 'GET',
    ...(host === undefined ? {} : { host }),
    ...(headers === undefined ? {} : { headers }),
    expectStatus: input.expectStatus ?? '200-399',
    ...(expectBody === undefined ? {} : { expectBody }),
  };
}

/** What a backend may say otherwise than its pool. */
interface CheckOverride {
  port?: number | undefined;
  interval?: string | undefined;
  fall?: number | undefined;
  rise?: number | undefined;
}

/** The check of one backend: the pool’s, with what the backend says otherwise. */
export function checkOfBackend(check: HealthCheck, own?: CheckOverride): HealthCheck {
  if (!own) return check;
  return {
    ...check,
    interval: own.interval ?? check.interval,
    fall: own.fall ?? check.fall,
    rise: own.rise ?? check.rise,
    ...(own.port === undefined ? {} : { port: own.port }),
  };
}
