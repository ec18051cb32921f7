import { type Cycle, type Surroundings, patch } from '../kinds.ts';
import { answered, appears } from '../looks.ts';

/** What pools are: the one at the top, and ones that come and go. */
export function poolCycles(surroundings: Surroundings): Cycle[] {
  return [
    algorithmCycle(surroundings),
    checkCycle(surroundings),
    stickyCycle(surroundings),
    settingsCycle(surroundings),
    wholePoolCycle(surroundings),
  ];
}

function algorithmCycle({ web }: Surroundings): Cycle {
  const names = ['leastconn', 'source', 'random', 'first', 'uri', 'header:X-Tenant', 'roundrobin'];
  return names.map((algorithm) => patch('algorithm', web, { algorithm }));
}

/** The name of a program that passes every backend. */
export const CHECK_SCRIPT = 'pass';

/** Each type of check, against services that answer it. */
function checkCycle({ web, origin, echoes: [echo] }: Surroundings): Cycle {
  const ports = echo?.ports;
  const check = (healthCheck: object) => patch('healthCheck', web, { healthCheck });
  const http = { path: '/health', port: null };
  const own = Number(origin.plain[0]?.split(':')[1]);
  return [
    check({ method: 'HEAD', expectStatus: '200,204', interval: '3s', timeout: '2s', fall: 4, rise: 1 }),
    check({
      method: null,
      expectBody: ':',
      expectStatus: null,
      host: 'bench.test',
      headers: { 'X-Check': '1' },
    }),
    check({ expectBody: null, host: null, headers: null, type: 'https', port: 22_000 }),
    check({ type: 'tcp', path: null, port: own, passive: { errors: 5 } }),
    check({ type: 'redis', port: ports?.redis }),
    check({ type: 'postgres', port: ports?.postgres, user: 'bench' }),
    check({ type: 'mysql', port: ports?.mysql, user: null }),
    check({ type: 'smtp', port: ports?.smtp, host: 'bench.test' }),
    check({ type: 'grpc', port: ports?.grpc, host: null, service: 'bench.Service' }),
    check({
      type: 'custom',
      port: ports?.redis,
      service: null,
      steps: [{ send: 'PING\r\n' }, { expect: 'PONG' }],
    }),
    check({
      type: 'custom',
      steps: [
        { connect: { port: ports?.redis, tls: false } },
        { sendHex: '50494e470d0a' },
        { expectRegex: '^.PO(NG|KE)' },
      ],
    }),
    check({ type: 'custom', steps: null, port: null, passive: null, script: CHECK_SCRIPT }),
    check({ type: 'tcp', script: null, port: 22_000, tls: true }),
    check({ type: 'http', tls: null, ...http, passive: { observe: 'layer7', errors: 20 } }),
    check({ passive: null, interval: '2s', timeout: '1500ms', fall: 3, rise: null }),
  ];
}

function stickyCycle({ web }: Surroundings): Cycle {
  const sticky = (change: object | null, look?: ReturnType<typeof answered>) =>
    patch('sticky', web, { sticky: change }, look);
  const sets = (name: string) =>
    answered(web, {}, ({ headers }) => headers.get('set-cookie')?.startsWith(`${name}=`) ?? false);
  return [
    sticky({ mode: 'cookie' }, sets('SERVERID')),
    sticky({ cookieName: 'BENCH', ttl: '1h' }, sets('BENCH')),
    sticky({ secure: true, httpOnly: false, sameSite: 'none' }),
    sticky({ mode: 'source-ip', cookieName: null, secure: null, httpOnly: null, sameSite: null, ttl: '10m' }),
    sticky({ ttl: '20m' }),
    sticky(null),
  ];
}

function settingsCycle({ web }: Surroundings): Cycle {
  return [
    patch('protocol', web, { protocol: 'http2' }),
    patch('slowStart', web, { slowStart: '5s' }),
    patch('failOpen', web, { failOpen: true }),
    patch('protocol', web, { protocol: 'http1' }),
    patch('slowStart', web, { slowStart: null }),
    patch('failOpen', web, { failOpen: false }),
  ];
}

/** A pool is made, used, changed, used no more and deleted. */
function wholePoolCycle({ web, origin }: Surroundings): Cycle {
  const [first = '', second = ''] = origin.plain.slice(16);
  const pool = { backends: [{ target: first }], healthCheck: { path: '/health' } };
  const route = { name: 'extra', match: { pathPrefix: '/extra' }, pool: 'extra' };
  const change = (kind: string, fields: object, look?: ReturnType<typeof appears>) =>
    patch(kind, web, { pools: { extra: fields } }, look);
  return [
    change('pool created', pool),
    patch(
      'route added',
      web,
      ({ routes }) => ({ routes: [...routes, route] }),
      appears(web, '/extra', first),
    ),
    change(
      'pool backends',
      { backends: [{ target: first }, { target: second }] },
      appears(web, '/extra', second),
    ),
    change('pool settings', { algorithm: 'leastconn', slowStart: '2s', failOpen: true }),
    change('pool settings', { sticky: { mode: 'source-ip' }, protocol: 'http2' }),
    change('pool settings', { healthCheck: { interval: '3s' } }),
    patch(
      'route removed',
      web,
      ({ routes }) => ({ routes: routes.filter(({ name }) => name !== route.name) }),
      answered(web, { path: '/extra' }, ({ body }) => body !== first && body !== second),
    ),
    patch('pool deleted', web, { pools: { extra: null } }),
  ];
}
