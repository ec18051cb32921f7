import { bufferLines } from './buffers.ts';
import { hasTables, peerEndpoint } from './peers.ts';
import { quote } from './quote.ts';
import { TARPIT } from './rate-limit.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import { servicePaths } from './paths.ts';
import type { Section } from './section.ts';
import type { ServiceModel } from '../model.ts';

/** Mozilla's intermediate profile, version 5.7 (guideline for HAProxy 2.6 and OpenSSL 3). */
const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES128-GCM-SHA256',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-CHACHA20-POLY1305',
].join(':');
const CURVES = 'X25519:prime256v1:secp384r1';
const CIPHERSUITES = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

export function globalSection(model: ServiceModel): Section {
  const { id, layout, spec } = model;
  const paths = servicePaths(id, layout);
  return {
    header: 'global',
    lines: [
      `stats socket ${quote(paths.workerSocket)} mode 600 level admin`,
      'stats timeout 1h',
      `server-state-file ${quote(paths.serverState)}`,
      // Two processes on one port would share its connections; listening must fail instead.
      'noreuseport',
      // An old worker serves its last connections to their end, but not for ever.
      `hard-stop-after ${spec.timeouts.drain}`,
      // The agent bounds the number of old workers; HAProxy's own bound would end one for its age alone.
      'mworker-max-reloads 100000',
      // It saves work only for long lists of patterns, and costs a lock for the short ones that stand here.
      'tune.pattern.cache-size 0',
      ...bufferLines(spec),
      ...(hasTables(model) ? [`localpeer ${peerEndpoint(model).local}`] : []),
      ...(layout.user ? [`user ${quote(layout.user)}`] : []),
      ...(layout.group ? [`group ${quote(layout.group)}`] : []),
      ...(layout.chroot ? [`chroot ${quote(layout.chroot)}`] : []),
      `crt-base ${quote(paths.certificates)}`,
      `ssl-default-bind-ciphers ${CIPHERS}`,
      `ssl-default-bind-ciphersuites ${CIPHERSUITES}`,
      `ssl-default-bind-curves ${CURVES}`,
      'ssl-default-bind-options prefer-client-ciphers no-tls-tickets',
    ],
  };
}

export function defaultsSection({ spec }: ServiceModel): Section {
  const { timeouts } = spec;
  return {
    header: 'defaults',
    lines: [
      `mode ${spec.type}`,
      'load-server-state-from-file global',
      ...(spec.type === 'http' ? HTTP_DEFAULTS : TCP_DEFAULTS),
      // A connection that is refused has carried nothing yet, so trying another backend repeats nothing.
      `retries ${spec.retries}`,
      'option redispatch 1',
      `timeout connect ${timeouts.connect}`,
      `timeout queue ${timeouts.queue}`,
      `timeout client ${timeouts.client}`,
      `timeout server ${timeouts.server}`,
      // A half-closed tunnel would otherwise hold an old worker until the tunnel's timeout.
      'timeout client-fin 30s',
      'timeout server-fin 30s',
      ...(spec.type === 'http' ? httpTimeouts(timeouts) : []),
    ],
  };
}

const NO_BACKEND =
  '<html><body><h1>503 Service Unavailable</h1>No server is available to handle this request.</body></html>';

const HTTP_DEFAULTS = [
  // HAProxy's own answer, but for the header: a client that found no backend shall not ask an old worker again.
  `http-error status 503 content-type text/html string ${quote(NO_BACKEND)} hdr Connection close hdr Cache-Control no-cache`,
  // Without it a reload closes idle keep-alive connections just as a client may be sending on them.
  'option idle-close-on-response',
  // A backend may close an idle connection just as a request is sent on it; what is safe to repeat is sent again.
  'retry-on conn-failure empty-response',
];

const TCP_DEFAULTS = ['option clitcpka', 'option srvtcpka'];

function httpTimeouts({ request, keepAlive, tunnel }: LoadBalancerSpec['timeouts']): string[] {
  return [
    ...(request === undefined ? [] : [`timeout http-request ${request}`]),
    ...(keepAlive === undefined ? [] : [`timeout http-keep-alive ${keepAlive}`]),
    ...(tunnel === undefined ? [] : [`timeout tunnel ${tunnel}`]),
    `timeout tarpit ${TARPIT}`,
  ];
}
