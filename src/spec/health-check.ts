import { z } from 'zod';
import { durationMs, formatDuration } from '../base/duration.ts';
import { durationBetween } from './duration.ts';

/** Characters of a request target that need no escaping anywhere (RFC 3986 `pchar`, `/` and `?`). */
const REQUEST_TARGET = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/;
/** A Host header's value: name or address, with or without a port (RFC 9110, section 7.2). */
const HOST_HEADER = /^(?:[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** One status, one range, or several of them: `200`, `200-399`, `200,204,301-302`. */
const STATUS_LIST = /^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/;
/** What `expectBody` may hold: any text on one line. */
// oxlint-disable-next-line no-control-regex
const ONE_LINE = /^[^\u0000-\u001f\u007f]+$/;

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'] as const;

export const DEFAULT_INTERVAL = '5s';
const DEFAULT_TIMEOUT_MS = 2000;

function hasRisingRanges(list: string): boolean {
  return list.split(',').every((part) => {
    const [low = 0, high = low] = part.split('-').map(Number);
    return low <= high;
  });
}

/** The health check as a user writes it: every field may be left out. */
export const HealthCheckInput = z
  .strictObject({
    type: z
      .enum(['http', 'https', 'tcp'])
      .optional()
      .describe(
        'What is checked: an HTTP answer, the same over TLS, or that a TCP connection opens. Default: http for an http load balancer when a path or an expectation is given; tcp otherwise.',
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
      .describe('Host header to send (http, https). Default: the backend’s target.'),
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

/** A health check with every default filled in. */
export type HealthCheck = Cadence &
  (
    | { type: 'tcp' }
    | {
        type: 'http' | 'https';
        path: string;
        method: (typeof METHODS)[number];
        host?: string | undefined;
        expectStatus: string;
        expectBody?: string | undefined;
      }
  );

/** The fields that only an HTTP answer can be held against. */
export const HTTP_CHECK_FIELDS = ['path', 'method', 'host', 'expectStatus', 'expectBody'] as const;

export function hasHttpField(input: HealthCheckInput): boolean {
  return HTTP_CHECK_FIELDS.some((field) => input[field] !== undefined);
}

/** Fills in every default. Without any word about the check, a connection that opens passes: it is never wrong. */
export function completeHealthCheck(input: HealthCheckInput, balancer: 'http' | 'tcp'): HealthCheck {
  const type = input.type ?? (balancer === 'http' && hasHttpField(input) ? 'http' : 'tcp');
  const interval = input.interval ?? DEFAULT_INTERVAL;
  const cadence: Cadence = {
    interval,
    timeout:
      input.timeout ?? formatDuration(Math.min(DEFAULT_TIMEOUT_MS, Math.floor(durationMs(interval) / 2))),
    fall: input.fall ?? 3,
    rise: input.rise ?? 2,
    ...(input.port === undefined ? {} : { port: input.port }),
  };
  if (type === 'tcp') return { type, ...cadence };
  return {
    type,
    path: input.path ?? '/',
    method: input.method ?? 'GET',
    ...(input.host === undefined ? {} : { host: input.host }),
    expectStatus: input.expectStatus ?? '200-399',
    ...(input.expectBody === undefined ? {} : { expectBody: input.expectBody }),
    ...cadence,
  };
}
