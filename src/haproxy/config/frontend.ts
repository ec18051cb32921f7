import { type HostLayout, boundPort } from '../../spec/host-layout.ts';
import { type LoadBalancerSpec, poolsOf, portRanges } from '../../spec/load-balancer.ts';
import { DEFAULT_POOL } from '../../spec/pool.ts';
import type { ServiceModel } from '../model.ts';
import { challengeLines } from './challenge.ts';
import { pageFile } from './files.ts';
import { FORM_LINES, prefaceLines } from './form.ts';
import { CLIENT, logLines } from './log.ts';
import { MAINTENANCE_SWITCH, lookupPaths } from './lookup-paths.ts';
import { failOpenBackend, frontendName } from './names.ts';
import { quote } from './quote.ts';
import { repeatLines } from './reuse.ts';
import { MAIN_LIMIT, limitLines, limitNumberLines, limitsOf } from './rate-limit.ts';
import {
  answerLines,
  chosenPool,
  headerLines,
  profileCondition,
  profileLines,
  routingLines,
} from './routing/rules.ts';
import type { Section } from './section.ts';
import {
  HTTPS_PORT,
  clientCertificateHeaders,
  clientCertificateLines,
  hstsLines,
  redirectLines,
  tlsOptions,
} from './tls.ts';
import { durationMs } from '../../base/duration.ts';

/** A port that a load balancer listens on. */
export interface Listener {
  port: number;
  tls: boolean;
}

type Listening = Pick<LoadBalancerSpec, 'type' | 'port' | 'ports' | 'tls'>;

/** The ports of a spec as the machine binds them. */
export function listeners(spec: Listening, layout: Pick<HostLayout, 'lowPortOffset'>): Listener[] {
  if (spec.type === 'http')
    return [
      { port: boundPort(spec.port, layout), tls: false },
      { port: boundPort(HTTPS_PORT, layout), tls: true },
    ];
  return portRanges(spec).flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, offset) => ({
      port: boundPort(first + offset, layout),
      tls: isTerminated(spec),
    })),
  );
}

/** Whether TLS ends here. */
export function isTerminated({ type, tls }: Listening): boolean {
  return type === 'http' || tls?.mode === 'terminate';
}

export function frontendSection(model: ServiceModel): Section {
  const { spec } = model;
  const lines = spec.type === 'http' ? httpLines(model) : tcpLines(model);
  return {
    header: `frontend ${frontendName(spec.type)}`,
    lines: [
      ...listeners(spec, model.layout).flatMap((listener) => bindLines(model, listener)),
      ...(spec.maxConnections > 0 ? [`maxconn ${spec.maxConnections}`] : []),
      ...proxyProtocolLines(model),
      ...limitNumberLines(model),
      ...logLines(model),
      ...lines,
      `default_backend ${DEFAULT_POOL}`,
    ],
  };
}

function bindLines(model: ServiceModel, { port, tls }: Listener): string[] {
  const { address, layout } = model;
  const options = tls ? tlsOptions(model) : '';
  return bindAddresses(address, port, layout).map((bound) => `bind ${bound}${options}`);
}

/** One socket for both families would show IPv4 clients to backends as IPv6 addresses (`::ffff:192.0.2.1`). */
function bindAddresses(address: string, port: number, layout: Pick<HostLayout, 'ipv6'>): string[] {
  if (address === '*') return [`*:${port}`, ...(layout.ipv6 ? [`:::${port} v6only`] : [])];
  return [quote(`${address}:${port}`)];
}

function proxyProtocolLines(model: ServiceModel): string[] {
  if (!model.spec.proxyProtocol) return [];
  const { proxies } = lookupPaths(model);
  return [
    `acl behind-proxy src -f ${quote(proxies)}`,
    'tcp-request connection expect-proxy layer4 if behind-proxy',
  ];
}

/** What an HTTP request passes through, in order. */
function httpLines(model: ServiceModel): string[] {
  const { spec } = model;
  const limits = limitsOf(model);
  return [
    ...prefaceLines(spec),
    ...challengeLines(model),
    ...hstsLines(model),
    ...accessLines(model, 'http-request deny deny_status 403'),
    ...FORM_LINES,
    ...redirectLines(model),
    ...clientCertificateLines(model),
    ...maintenanceLines(model),
    ...limits.filter(({ name }) => name === MAIN_LIMIT).flatMap((limit) => limitLines(model, limit, 0, '')),
    ...routingLines(model),
    ...limits
      .filter(({ route }) => route !== undefined)
      .flatMap((limit) => limitLines(model, limit, 1, profileCondition(limit.name))),
    ...answerLines(model),
    ...CLIENT_HEADERS,
    ...clientCertificateHeaders(model),
    ...repeatLines(model),
    LEAVE_OLD_WORKER,
    ...headerLines(spec.headers),
    ...profileLines(spec),
    ...(spec.compression
      ? [
          'filter compression',
          'compression algo gzip',
          `compression type ${spec.compression.types.join(' ')}`,
        ]
      : []),
    ...(spec.routes.length > 0 ? choiceLines(model, chosenPool(spec)) : failOpenLines(model)),
  ];
}

function accessLines(model: ServiceModel, refuse: string): string[] {
  const { allow, deny } = lookupPaths(model);
  return [
    `acl allowed src -f ${quote(allow)}`,
    `acl denied src -f ${quote(deny)}`,
    `${refuse} if denied || !allowed`,
  ];
}

function maintenanceLines(model: ServiceModel): string[] {
  const { maintenance, type } = model.spec;
  if (!maintenance) return [];
  const paths = lookupPaths(model);
  const acls = [
    `acl maintenance str(${MAINTENANCE_SWITCH}) -f ${quote(paths.switches)}`,
    `acl maintenance-exempt src -f ${quote(paths.maintenanceExempt)}`,
  ];
  const condition = 'if maintenance !maintenance-exempt';
  if (type === 'tcp') return [...acls, `tcp-request session reject ${condition}`];
  const { status, contentType, body, retryAfter } = maintenance;
  const payload =
    body === '' ? '' : ` content-type ${quote(contentType)} file ${quote(pageFile(model, body).path)}`;
  const retry =
    retryAfter === undefined ? '' : ` hdr Retry-After ${Math.ceil(durationMs(retryAfter) / 1000)}`;
  return [
    ...acls,
    `http-request return status ${status}${payload}${retry} hdr Cache-Control no-store ${condition}`,
  ];
}

/** HTTP/1 clients of a worker that is to end get one more answer from it; HTTP/2 has frames of its own for that. */
const LEAVE_OLD_WORKER =
  'http-after-response set-header Connection close if { stopping } { fc_http_major 1 }';

/** What a backend is told of the client. X-Forwarded-For is appended to what came, as the clouds do. */
const CLIENT_HEADERS = [
  `http-request add-header X-Forwarded-For %[var(${CLIENT})]`,
  'http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]',
  'http-request set-header X-Forwarded-Port %[dst_port]',
];

/** What a TCP connection passes through, in order. */
function tcpLines(model: ServiceModel): string[] {
  const { spec } = model;
  return [
    ...accessLines(model, 'tcp-request session reject'),
    ...maintenanceLines(model),
    ...limitsOf(model).flatMap((limit) => limitLines(model, limit, 0, '')),
    ...(spec.routes.length > 0 ? serverNameLines(model) : failOpenLines(model)),
  ];
}

/** The longest time that a client may take to say which name it wants. */
const HELLO_TIMEOUT = '5s';

/** Chooses the pool by the name that a TLS client asks for. */
function serverNameLines(model: ServiceModel): string[] {
  const names = quote(lookupPaths(model).serverNames);
  const isTerminating = model.spec.tls?.mode === 'terminate';
  const rule = isTerminating ? 'tcp-request session' : 'tcp-request content';
  const variable = isTerminating ? 'sess.pool' : 'txn.pool';
  const name = isTerminating ? 'ssl_fc_sni,lower' : 'req.ssl_sni,lower';
  const find = [
    `${rule} set-var(${variable}) ${name},map_str(${names})`,
    `${rule} set-var(${variable}) ${name},regsub(^[^.]*,*),map_str(${names}) unless { var(${variable}) -m found }`,
    // Of no name, or of one that no route knows.
    `${rule} set-var(${variable}) str(${DEFAULT_POOL}) unless { var(${variable}) -m found }`,
  ];
  return [
    ...(isTerminating
      ? find
      : [
          `tcp-request inspect-delay ${HELLO_TIMEOUT}`,
          ...find.map((line) => `${line}${line.includes(' unless ') ? '' : ' if { req.ssl_hello_type 1 }'}`),
          'tcp-request content accept if { req.ssl_hello_type 1 }',
          // What begins otherwise than a TLS record is not kept waiting.
          'tcp-request content reject if { req.len ge 1 } !{ req.payload(0,1),hex -m str 16 }',
          'tcp-request content reject',
        ]),
    ...choiceLines(model, `var(${variable})`, ` if { var(${variable}) -m found }`),
  ];
}

/** Sends to the pool that was chosen, or to what stands in for it when all of it is down. */
function choiceLines(model: ServiceModel, chosen: string, condition = ''): string[] {
  const open = poolsOf(model.spec).filter(([, { failOpen }]) => failOpen);
  return [
    ...open.map(
      ([name]) =>
        `use_backend ${failOpenBackend(name)} if { ${chosen} -m str ${name} } { nbsrv(${name}) eq 0 }`,
    ),
    `use_backend %[${chosen}]${condition}`,
  ];
}

function failOpenLines({ spec }: ServiceModel): string[] {
  return spec.failOpen
    ? [`use_backend ${failOpenBackend(DEFAULT_POOL)} if { nbsrv(${DEFAULT_POOL}) eq 0 }`]
    : [];
}
