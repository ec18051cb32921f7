/** Specs as version 0.1.0 stored them, before pools and routes: one of each type. */
export const OLD_SPECS = {
  http: {
    type: 'http',
    vpc: 'prod',
    port: 80,
    nodes: 1,
    algorithm: 'roundrobin',
    backends: [
      { target: 'web-1:8080', weight: 50, backup: false, maxConnections: 0, drain: false },
      { target: 'web-2:8080', weight: 50, backup: false, maxConnections: 0, drain: true },
    ],
    healthCheck: {
      type: 'http',
      path: '/health',
      method: 'GET',
      expectStatus: '200-399',
      interval: '5s',
      timeout: '2s',
      fall: 3,
      rise: 2,
    },
    tls: { domain: 'app.example.com', autoRenew: true, redirect: true, minVersion: '1.2' },
    deletionProtection: true,
  },
  tcp: {
    type: 'tcp',
    vpc: 'default',
    port: 5432,
    nodes: 1,
    algorithm: 'leastconn',
    backends: [],
    healthCheck: { type: 'tcp', interval: '5s', timeout: '2s', fall: 3, rise: 2 },
    deletionProtection: false,
  },
} as const;

/** What the old http spec is now, besides what it said. */
export const NEW_HTTP_FIELDS = {
  protocol: 'http1',
  failOpen: false,
  http2: true,
  pools: {},
  routes: [],
  retries: 3,
  maxConnections: 0,
  timeouts: {
    connect: '5s',
    client: '60s',
    server: '60s',
    queue: '30s',
    drain: '12h',
    tunnel: '1h',
    request: '10s',
    keepAlive: '60s',
  },
  tls: { ...OLD_SPECS.http.tls, mode: 'terminate' },
};
