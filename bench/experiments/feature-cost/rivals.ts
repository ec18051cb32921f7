import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, loopbackAddress } from '../../../test/support/temporary.ts';
import { startCaddy } from '../../support/caddy.ts';
import type { Contestant } from '../../support/contest.ts';
import { startPlainProxy } from '../../support/haproxy.ts';
import { startNginx } from '../../support/nginx.ts';
import type { Address } from '../../support/program.ts';
import type { Scope } from '../../support/scope.ts';
import { cookieOf } from '../../../src/haproxy/config/sticky.ts';
import { RENDERED_ID } from '../../support/rendered.ts';
import { DENIED } from './features.ts';
import { HOSTS } from './request.ts';

/** What a rival is to do: nothing, what a managed load balancer does by itself, or everything typical. */
export type Extent = 'bare' | 'built in' | 'everything typical' | 'everything in this table';

async function newAddress(): Promise<Address> {
  const host = loopbackAddress();
  return { host, port: await freePort(host) };
}

/** The least that people write by hand. */
export async function bareHaproxy(
  scope: Scope,
  targets: readonly string[],
  extra: readonly string[] = [],
): Promise<Contestant> {
  const { host, port } = await newAddress();
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${extra.map((line) => `  ${line}\n`).join('')}frontend http
  bind ${host}:${port}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /health
${targets.map((target, index) => `  server s${index} ${target} check inter 5s\n`).join('')}`;
  const { pids } = await scope.use(
    () => startPlainProxy(config, { host, port }),
    (proxy) => proxy.stop(),
  );
  const name = ['HAProxy, bare', ...extra].join(', ');
  return { name, url: `http://${host}:${port}/`, pids };
}

/**
 * Everything typical as somebody writes it by hand who knows HAProxy well: what HAProxy itself costs with these features, and so
 * the most that anything which renders configurations for it can come to.
 * @param repeats whether requests that a backend did not answer are sent again, as ours and nginx's are.
 */
export async function handHaproxy(
  scope: Scope,
  targets: readonly string[],
  repeats: boolean,
): Promise<Contestant> {
  const { host, port } = await newAddress();
  const hosts = join(await logDirectory(scope), 'hosts.map');
  await writeFile(hosts, HOSTS.map((name) => `${name} servers\n`).join(''));
  const config = `
global
  log ring@access local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${repeats ? '  retry-on conn-failure empty-response\n' : ''}frontend http
  bind ${host}:${port}
  option forwardfor
  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-ID
  http-request track-sc0 src table limit
  http-request deny deny_status 429 if { sc0_http_req_rate gt 1000000000 }
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Port %[dst_port]
  http-response set-header Strict-Transport-Security max-age=63072000
  use_backend %[req.hdr(host),lower,map(${hosts},servers)]
backend servers
  balance roundrobin
  option httpchk GET /health
  cookie SERVERID insert indirect nocache
${targets
  .map(
    (target, index) =>
      `  server s${index} ${target} check inter 5s cookie ${cookieOf({ id: RENDERED_ID }, 'default', target)}\n`,
  )
  .join('')}backend limit
  stick-table type ipv6 size 1m expire 20s store http_req_rate(10s)
ring access
  format rfc3164
  maxlen 4096
  size 1048576
`;
  const { pids } = await scope.use(
    () => startPlainProxy(config, { host, port }),
    (proxy) => proxy.stop(),
  );
  const name = `HAProxy by hand, everything typical${repeats ? ', repeats requests' : ''}`;
  return { name, url: `http://${host}:${port}/`, pids };
}

export async function nginx(scope: Scope, targets: readonly string[], extent: Extent): Promise<Contestant> {
  const { host, port } = await newAddress();
  const log = await logDirectory(scope);
  const hasMore = extent !== 'bare';
  const isAll = extent === 'everything in this table';
  const isFull = isAll || extent === 'everything typical';
  const proxyLines = [
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    `proxy_pass http://${isFull ? '$bound_to' : 'servers'};`,
    ...(hasMore
      ? [
          'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
          'proxy_set_header X-Forwarded-Proto $scheme;',
          'proxy_set_header X-Forwarded-Port $server_port;',
          'proxy_set_header X-Request-ID $id;',
          'proxy_set_header Host $http_host;',
        ]
      : []),
  ];
  // What stands here holds for all servers.
  const settings = isFull
    ? [
        'limit_req_zone $binary_remote_addr zone=all:10m rate=1000000r/s;',
        'limit_req zone=all burst=1000000 nodelay;',
        'add_header Strict-Transport-Security max-age=63072000 always;',
        'add_header Set-Cookie $set_cookie;',
        ...stickyMaps(targets),
      ]
    : [];
  if (isAll)
    settings.push(
      'gzip on; gzip_comp_level 1; gzip_proxied any;',
      'gzip_types text/plain text/css application/javascript application/json;',
      ...DENIED.map((network) => `deny ${network};`),
    );
  const location = `location / { ${proxyLines.join(' ')} }`;
  const sites = isFull
    ? HOSTS.map((name) => `server { listen ${host}:${port}; server_name ${name}; ${location} }`)
    : [];
  const config = `
http {
  keepalive_timeout 60s;
  keepalive_requests 1000000000;
  server_names_hash_max_size 8192;
  ${hasMore ? `map $http_x_request_id $id { default $http_x_request_id; "" $request_id; }` : ''}
  ${hasMore ? JSON_LOG : 'access_log off;'}
  ${hasMore ? `access_log ${log}/access.log json buffer=64k flush=1s;` : ''}
  ${settings.join('\n  ')}
  ${upstream('servers', targets)}
  ${isFull ? targets.map((target, index) => upstream(`server${index}`, targets, target)).join('\n  ') : ''}
  server {
    listen ${host}:${port} reuseport default_server;
    ${location}
  }
  ${sites.join('\n  ')}
}`;
  const { pids } = await scope.use(
    () => startNginx(config, { host, port }),
    (started) => started.stop(),
  );
  return { name: `nginx, ${extent}`, url: `http://${host}:${port}/`, pids };
}

/** Of the servers that a client is not bound to, each takes over only when its own is down. */
function upstream(name: string, targets: readonly string[], bound?: string): string {
  const servers = targets.map(
    (target) => `server ${target}${bound === undefined || bound === target ? '' : ' backup'};`,
  );
  return `upstream ${name} { ${servers.join(' ')} keepalive 128; keepalive_requests 1000000000; }`;
}

/** Stickiness as ours is: a client without a cookie, or whose server did not answer, gets the cookie of that which did. */
function stickyMaps(targets: readonly string[]): string[] {
  const cookies = targets.map((target) => cookieOf({ id: RENDERED_ID }, 'default', target));
  const bound = cookies.map((cookie, index) => `${cookie} server${index};`);
  const known = cookies.map((cookie, index) => `"${cookie} ${targets[index]}" "";`);
  const fresh = cookies.map(
    (cookie, index) =>
      `"~ ${targets[index]?.replaceAll('.', '\\.')}$" "SERVERID=${cookie}; Path=/; HttpOnly; SameSite=Lax";`,
  );
  return [
    `map $cookie_SERVERID $bound_to { default servers; ${bound.join(' ')} }`,
    `map "$cookie_SERVERID $upstream_addr" $set_cookie { default ""; ${known.join(' ')} ${fresh.join(' ')} }`,
  ];
}

const JSON_LOG = `log_format json escape=json '{"time":$msec,"client":"$remote_addr","server":"$upstream_addr","out":$bytes_sent,"host":"$http_host","method":"$request_method","target":"$request_uri","status":$status,"ms":$request_time,"connect":"$upstream_connect_time","response":"$upstream_response_time","id":"$id","protocol":"$server_protocol"}';`;

/** It has no limit of requests in itself, so it does without one. */
export async function caddy(scope: Scope, targets: readonly string[], extent: Extent): Promise<Contestant> {
  const { host, port } = await newAddress();
  const log = await logDirectory(scope);
  const hasMore = extent !== 'bare';
  const isAll = extent === 'everything in this table';
  const isFull = isAll || extent === 'everything typical';
  const proxy = {
    handler: 'reverse_proxy',
    upstreams: targets.map((dial) => ({ dial })),
    transport: { protocol: 'http', keep_alive: { max_idle_conns_per_host: 128 } },
    ...(isFull ? { load_balancing: { selection_policy: { policy: 'cookie', name: 'SERVERID' } } } : {}),
    ...(hasMore ? { headers: { request: { set: CADDY_HEADERS } } } : {}),
  };
  const handlers = [
    ...(isFull
      ? [
          {
            handler: 'headers',
            response: { set: { 'Strict-Transport-Security': ['max-age=63072000'] } },
          },
          ...(isAll ? [{ handler: 'encode', encodings: { gzip: { level: 1 } }, minimum_length: 20 }] : []),
        ]
      : []),
    proxy,
  ];
  const routes = isFull
    ? [
        ...(isAll
          ? [
              {
                match: [{ remote_ip: { ranges: DENIED } }],
                handle: [{ handler: 'static_response', status_code: 403 }],
              },
            ]
          : []),
        ...HOSTS.map((name) => ({ match: [{ host: [name] }], handle: handlers, terminal: true })),
        { handle: handlers },
      ]
    : [{ handle: handlers }];
  const server = {
    listen: [`${host}:${port}`],
    routes,
    automatic_https: { disable: true },
    ...(hasMore ? { logs: { default_logger_name: 'access' } } : {}),
  };
  const logs = {
    default: { level: 'ERROR' },
    access: {
      include: ['http.log.access.access'],
      writer: { output: 'file', filename: join(log, 'access.log'), roll: false },
    },
  };
  const config = {
    apps: { http: { servers: { bench: server } } },
    ...(hasMore ? { logging: { logs } } : {}),
  };
  const { pids } = await scope.use(
    () => startCaddy(config, { host, port }),
    (started) => started.stop(),
  );
  return { name: `Caddy, ${extent}`, url: `http://${host}:${port}/`, pids };
}

const CADDY_HEADERS = {
  'X-Forwarded-Port': ['{http.request.port}'],
  'X-Request-ID': ['{http.request.uuid}'],
};

/** In memory: what is measured is not the disk. */
async function logDirectory(scope: Scope): Promise<string> {
  return scope.use(
    () => mkdtemp('/dev/shm/am-bench-'),
    (directory) => rm(directory, { recursive: true, force: true }),
  );
}
