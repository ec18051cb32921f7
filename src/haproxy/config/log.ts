import type { ServiceModel } from '../model.ts';
import { HOST, HOST_LINE } from './host.ts';
import { quote } from './quote.ts';
import { ROUTE_NAME } from './routing/rules.ts';
import type { Section } from './section.ts';

/** The ring in HAProxy's memory that holds the last lines of the access log. */
export const ACCESS_RING = 'access';

/** Bytes of the ring: the last few thousand requests. */
const RING_BYTES = 1024 * 1024;
/** Longest line in bytes, with what a client sends cut before it is written (the target by HAProxy at 1 KiB). */
const LINE_BYTES = 4096;
const HOST_BYTES = 255;
const REQUEST_ID_BYTES = 128;

/** The id that the client gave its request. */
const REQUEST_ID = 'txn.request_id';

/**
 * The access log goes into a ring, which costs no system call and nobody's time while nobody reads it (section 3.9 of
 * the configuration manual).
 */
export function ringSections(_model: ServiceModel): Section[] {
  return [
    {
      header: `ring ${ACCESS_RING}`,
      lines: ['format raw', `maxlen ${LINE_BYTES}`, `size ${RING_BYTES}`],
    },
  ];
}

/** The frontend's directives that write one line for each request or connection. They come first there. */
export function logLines({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  const format = spec.type === 'http' ? HTTP_FORMAT : TCP_FORMAT;
  return [
    // Whoever only looks whether the port is open, as this agent does, is no client and asks nothing.
    'option dontlognull',
    ...(spec.type === 'http' ? ['option http-ignore-probes'] : []),
    `log ring@${ACCESS_RING} len ${LINE_BYTES} format raw local0`,
    ...(spec.type === 'http' ? HTTP_CAPTURES : []),
    `log-format ${Object.values(format).map(quote).join(WRITTEN_SEPARATOR)}`,
  ];
}

/** Tells the worker from every other one, on any machine: 48 random bits in hexadecimal, with a hyphen. */
const WORKER = 'proc.worker';

/** The client's address as text. Made once for a connection: the C library takes its time for it. */
export const CLIENT = 'sess.client';

const HTTP_CAPTURES = [
  // Not in the global section: HAProxy's numbers are not yet random when it reads that.
  `tcp-request session set-var(${WORKER}) uuid,bytes(0,13) if !{ var(${WORKER}) -m found }`,
  `tcp-request session set-var(${CLIENT}) src,concat()`,
  // A UUID of its own for each request would cost more than the rest of its header fields together.
  `unique-id-format %[var(${WORKER})]-%rt`,
  `http-request set-var(${REQUEST_ID}) req.fhdr(X-Request-ID,1),bytes(0,${REQUEST_ID_BYTES})`,
  `http-request add-header X-Request-ID %[unique-id] unless { var(${REQUEST_ID}) -m found }`,
  HOST_LINE,
];

/**
 * Stands between the fields: a carriage return, which nothing that a client sends can hold (RFC 9110, section 5.5;
 * RFC 9113, section 8.2.1). JSON would cost twice the time, and nobody but the agent reads these lines.
 */
const SEPARATOR = '\r';
const WRITTEN_SEPARATOR = String.raw`\r`;

/** Fields that every line has. */
const COMMON = {
  // When the line is written, in milliseconds since the epoch.
  time: '%[date(0,ms)]',
  client: '%ci',
  proxy: '%b',
  server: '%s',
  in: '%U',
  out: '%B',
  end: '%ts',
  tls: '%sslv',
  // A plus before it tells that the last try went to another backend.
  retries: '%rc',
  // Milliseconds in the queue, and to connect.
  queue: '%Tw',
  connect: '%Tc',
} as const;

const HTTP_FORMAT = {
  ...COMMON,
  client: `%[var(${CLIENT})]`,
  // Milliseconds until the response began, and in all.
  response: '%Tr',
  total: '%Ta',
  status: '%ST',
  method: '%HM',
  protocol: '%HV',
  route: `%[${ROUTE_NAME}]`,
  host: `%[var(${HOST}),bytes(0,${HOST_BYTES})]`,
  clientId: `%[var(${REQUEST_ID})]`,
  id: '%ID',
  target: '%[capture.req.uri]',
};

const TCP_FORMAT = { ...COMMON, total: '%Tt' };

/** The fields of a line by their names; `-` and `-1` are what HAProxy writes for what there is not. */
export type LogFields = Partial<Record<keyof typeof HTTP_FORMAT, string>>;

/** Takes a line of the ring apart; undefined for what is none, such as HAProxy's own words at a reload. */
export function readLogFields(line: string): LogFields | undefined {
  const values = line.split(SEPARATOR);
  const format = [HTTP_FORMAT, TCP_FORMAT].find((each) => Object.keys(each).length === values.length);
  if (!format) return undefined;
  return Object.fromEntries(Object.keys(format).map((name, index) => [name, values[index]]));
}
