import type { ServiceModel } from '../model.ts';
import { quote } from './quote.ts';
import type { Section } from './section.ts';

/** The ring in HAProxy's memory that holds the last lines of the access log. */
export const ACCESS_RING = 'access';

/** Bytes of the ring: the last few thousand requests. */
const RING_BYTES = 1024 * 1024;
/**
 * Longest line in bytes. What a client sends is cut before it is written (the target by HAProxy at 1 KiB), and escaping
 * makes at most six bytes of one, so that no line is ever cut in the middle of its JSON.
 */
const LINE_BYTES = 16_384;
const HOST_BYTES = 255;
const REQUEST_ID_BYTES = 128;

/** Variables of a request for its log line: what a rule changes later is logged as it came. */
const HOST = 'txn.log_host';
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

/** The frontend's directives that write one line of JSON for each request or connection. They come first there. */
export function logLines({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  const format = spec.type === 'http' ? HTTP_FORMAT : TCP_FORMAT;
  return [
    // Whoever only looks whether the port is open, as this agent does, is no client and asks nothing.
    'option dontlognull',
    ...(spec.type === 'http' ? ['option http-ignore-probes'] : []),
    `log ring@${ACCESS_RING} len ${LINE_BYTES} format raw local0`,
    ...(spec.type === 'http' ? HTTP_CAPTURES : []),
    `log-format ${quote(writeJson(format))}`,
  ];
}

const HTTP_CAPTURES = [
  'http-request set-header X-Request-ID %[uuid] unless { req.hdr(X-Request-ID) -m found }',
  `http-request set-var(${HOST}) req.fhdr(host),bytes(0,${HOST_BYTES})`,
  `http-request set-var(${REQUEST_ID}) req.fhdr(X-Request-ID),bytes(0,${REQUEST_ID_BYTES})`,
];

/** Text from a client: the converter leaves nothing that JSON does not allow, and drops what is no UTF-8. */
const escaped = (expression: string) => `"%[${expression},json(utf8s)]"`;

/** Fields that every line has; `-` stands for what there is not. */
const COMMON = {
  // When the line is written, in milliseconds since the epoch.
  time: '%[date(0,ms)]',
  client: '"%ci"',
  proxy: '"%b"',
  server: '"%s"',
  in: '%U',
  out: '%B',
  end: '"%ts"',
  tls: '"%sslv"',
  // Not a number: a plus before it tells that the last try went to another backend.
  retries: '"%rc"',
} as const;

/** Milliseconds in the queue, to connect, until the response began, in all; -1 for what did not happen. */
const HTTP_FORMAT = {
  ...COMMON,
  host: escaped(`var(${HOST})`),
  method: '"%HM"',
  target: escaped('capture.req.uri'),
  status: '%ST',
  route: '"%[var(txn.route)]"',
  ms: '[%Tw,%Tc,%Tr,%Ta]',
  id: escaped(`var(${REQUEST_ID})`),
  protocol: '"%HV"',
};

const TCP_FORMAT = { ...COMMON, ms: '[%Tw,%Tc,-1,%Tt]' };

function writeJson(fields: Readonly<Record<string, string>>): string {
  return `{${Object.entries(fields)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;
}
