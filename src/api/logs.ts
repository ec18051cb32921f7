import { z } from 'zod';

/** The most lines of one answer. */
export const MAX_LOG_LINES = 1000;

const milliseconds = () => z.int().min(0).optional();

export const LogLine = z
  .strictObject({
    time: z.iso.datetime().describe('When the answer had been sent, RFC 3339 with milliseconds.'),
    client: z.string().max(64).describe('Address of the client.'),
    host: z
      .string()
      .max(1024)
      .optional()
      .describe(
        'The host that was asked for, in small letters and without a port; at most 255 bytes (http).',
      ),
    method: z.string().max(1024).optional().describe('The method (http).'),
    path: z
      .string()
      .max(4096)
      .optional()
      .describe('The path as it came, at most 1 KiB with the query (http).'),
    query: z.string().max(4096).optional().describe('The query without `?`; absent when there is none.'),
    status: z.int().optional().describe('Status that the client got (http).'),
    route: z.string().max(64).optional().describe('Name of the route that decided.'),
    pool: z.string().max(64).optional().describe('The pool that it went to; absent when it went to none.'),
    backend: z
      .string()
      .max(300)
      .optional()
      .describe('The backend that it went to; absent when it went to none.'),
    bytesIn: z.int().min(0).describe('Bytes from the client.'),
    bytesOut: z.int().min(0).describe('Bytes to the client.'),
    milliseconds: z
      .strictObject({
        queue: milliseconds().describe('Waiting for a free connection to a backend.'),
        connect: milliseconds().describe('Connecting to the backend.'),
        response: milliseconds().describe('Until the backend began to answer (http).'),
        total: milliseconds().describe('From the first byte to the last.'),
      })
      .describe('Where the time went; absent is what did not come to pass.'),
    termination: z
      .string()
      .max(8)
      .describe('How it ended, in HAProxy’s two letters (configuration manual, 8.5); `--` is well.'),
    requestId: z.string().max(1024).optional().describe('X-Request-ID, at most 128 bytes (http).'),
    protocol: z.string().max(32).optional().describe('HTTP/1.0, HTTP/1.1 or HTTP/2.0.'),
    tls: z.string().max(32).optional().describe('TLSv1.2 or TLSv1.3; absent in the clear.'),
    retries: z.int().min(0).describe('How often connecting to a backend was tried again.'),
  })
  .describe('One request; tcp: one connection.');
export type LogLine = z.infer<typeof LogLine>;

export const LogEntry = LogLine.extend({
  machine: z.string().describe('The machine that it went through.'),
}).describe('One request, or connection, and where it went.');
export type LogEntry = z.infer<typeof LogEntry>;

/** Nodes that did not answer, where those that did make up the answer. */
export const MissingNodes = z
  .array(
    z.strictObject({
      machine: z.string().describe('Name of its machine.'),
      problem: z.string().describe('Why it does not answer.'),
    }),
  )
  .describe('Nodes that did not answer; absent when all did.');
export type MissingNodes = z.infer<typeof MissingNodes>;

export const LogList = z
  .strictObject({
    items: z.array(LogEntry).describe('The oldest first.'),
    missing: MissingNodes.optional(),
  })
  .describe('The last lines of the access log.');
export type LogList = z.infer<typeof LogList>;

/** A status, a class or a range, or several by commas. */
const STATUS = /^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)(,([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?))*$/;
// oxlint-disable-next-line no-control-regex
const PLAIN_TEXT = /^[^\u0000-\u001f]*$/;
const text = (max: number) =>
  z.string().min(1).max(max).regex(PLAIN_TEXT, 'must not hold control characters');

/** Which lines are wanted: those to which all of it applies. */
export const LogFilter = z.strictObject({
  status: z
    .string()
    .max(200)
    .regex(STATUS, 'must be a status (404), a class (5xx) or a range (500-599), several by commas')
    .optional()
    .describe('Status: `404`, `5xx`, `500-599`, or several by commas. Default: any.'),
  pool: text(64).optional().describe('Name of the pool. Default: any.'),
  backend: text(300).optional().describe('Target of the backend. Default: any.'),
  route: text(64).optional().describe('Name of the route. Default: any.'),
  path: text(1024).optional().describe('How the path begins. Default: any.'),
  method: text(32).optional().describe('Method. Default: any.'),
  client: text(64).optional().describe('Address of the client. Default: any.'),
});
export type LogFilter = z.infer<typeof LogFilter>;
