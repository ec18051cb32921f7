import { freePort, loopbackAddress } from '../../../test/support/temporary.ts';
import type { BusyOptions } from '../../support/busy/types.ts';
import { type CaddyConfig, startCaddy } from '../../support/caddy.ts';
import { hasStreams, startNginx } from '../../support/nginx.ts';
import type { Scope } from '../../support/scope.ts';
import { LOAD, type Backends, SERVER_NAMES, WEBSOCKET_PATH } from './surroundings.ts';

/** Another proxy that the same clients keep busy while it reloads. */
export interface Rival {
  name: string;
  options: BusyOptions;
  reload(): Promise<void>;
}

interface Places {
  host: string;
  http: number;
  https: number;
  tcp: number;
  tls: number;
}

async function findPlaces(): Promise<Places> {
  const host = loopbackAddress();
  const [http, https, tcp, tls] = await Promise.all([1, 2, 3, 4].map(() => freePort(host)));
  return { host, http: http ?? 0, https: https ?? 0, tcp: tcp ?? 0, tls: tls ?? 0 };
}

/** nginx, which takes every change by a reload. */
export async function startNginxRival(scope: Scope, backends: Backends): Promise<Rival> {
  const places = await findPlaces();
  const { host, tcp, tls } = places;
  let count = 0;
  const nginx = await scope.use(
    () => startNginx(nginxConfig(places, backends, count), { host, port: places.http }),
    (started) => started.stop(),
  );
  return {
    name: 'nginx (HUP)',
    options: {
      ...optionsFor(places, backends),
      ...(hasStreams
        ? { tcp: { host, port: tcp }, tls: { host, port: tls, serverNames: SERVER_NAMES } }
        : {}),
    },
    reload: () => nginx.reload(nginxConfig(places, backends, (count += 1))),
  };
}

/** Caddy, which carries no TCP. */
export async function startCaddyRival(scope: Scope, backends: Backends): Promise<Rival> {
  const places = await findPlaces();
  let count = 0;
  const caddy = await scope.use(
    () => startCaddy(caddyConfig(places, backends, count), { host: places.host, port: places.http }),
    (started) => started.stop(),
  );
  return {
    name: 'Caddy (/load)',
    options: optionsFor(places, backends),
    reload: () => caddy.load(caddyConfig(places, backends, (count += 1))),
  };
}

function optionsFor({ host, http, https }: Places, { sources }: Backends): BusyOptions {
  return { ...LOAD, source: sources.busy, http: { host, port: http, tlsPort: https } };
}

/** Each reload changes a weight. */
function nginxConfig(
  { host, http, https, tcp, tls }: Places,
  { origin, echoes, certificate }: Backends,
  count: number,
): string {
  const servers = origin.plain
    .slice(0, 3)
    .map((target, index) => `server ${target} weight=${index === 0 ? (count % 2) + 1 : 1};`);
  const sockets = echoes.map((echo) => `server ${echo.host}:${echo.ports.websocket};`);
  const streams = echoes.map((echo) => `server ${echo.host}:${echo.ports.tcp};`);
  const secure = echoes.map((echo) => `${echo.host}:${echo.ports.tls}`);
  return `
http {
  access_log off;
  keepalive_timeout 60s;
  keepalive_requests 1000000;
  upstream web { ${servers.join(' ')} keepalive 64; }
  upstream sockets { ${sockets.join(' ')} }
  server {
    listen ${host}:${http};
    listen ${host}:${https} ssl http2;
    ssl_certificate ${certificate.file};
    ssl_certificate_key ${certificate.file};
    proxy_http_version 1.1;
    location / { proxy_pass http://web; proxy_set_header Connection ""; }
    location = ${WEBSOCKET_PATH} {
      proxy_pass http://sockets;
      proxy_set_header Connection upgrade;
      proxy_set_header Upgrade websocket;
      proxy_read_timeout 1h;
    }
  }
}
${
  hasStreams
    ? `stream {
  upstream streams { ${streams.join(' ')} }
  map $ssl_server_name $secure { ${SERVER_NAMES[1]} ${secure[1]}; default ${secure[0]}; }
  server { listen ${host}:${tcp}; proxy_pass streams; }
  server {
    listen ${host}:${tls} ssl;
    ssl_certificate ${certificate.file};
    ssl_certificate_key ${certificate.file};
    proxy_ssl on;
    proxy_pass $secure;
  }
}`
    : ''
}`;
}

function caddyConfig(
  { host, http, https }: Places,
  { origin, echoes, certificate }: Backends,
  count: number,
): CaddyConfig {
  const proxyTo = (targets: readonly string[]) => ({
    handler: 'reverse_proxy',
    upstreams: targets.map((dial) => ({ dial })),
    load_balancing: { selection_policy: { policy: count % 2 === 0 ? 'round_robin' : 'least_conn' } },
  });
  const routes = [
    {
      match: [{ path: [WEBSOCKET_PATH] }],
      handle: [proxyTo(echoes.map((echo) => `${echo.host}:${echo.ports.websocket}`))],
    },
    { handle: [proxyTo(origin.plain.slice(0, 3))] },
  ];
  const server = { routes, automatic_https: { disable: true } };
  return {
    apps: {
      http: {
        servers: {
          plain: { ...server, listen: [`${host}:${http}`] },
          secure: {
            ...server,
            listen: [`${host}:${https}`],
            tls_connection_policies: [{ default_sni: certificate.name }],
          },
        },
      },
      tls: { certificates: { load_files: [{ certificate: certificate.file, key: certificate.file }] } },
    },
  };
}
