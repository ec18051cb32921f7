import { type Cycle, type Look, type Surroundings, call, patch } from '../kinds.ts';
import { answered, shaken } from '../looks.ts';

/** Who may come in and how much, what is changed on the way, and how clients are spoken to. */
export function trafficCycles(surroundings: Surroundings): Cycle[] {
  return [
    limitCycle(surroundings),
    accessCycle(surroundings),
    maintenanceCycle(surroundings),
    proxyProtocolCycle(surroundings),
    headersCycle(surroundings),
    timeoutsCycle(surroundings),
    compressionCycle(surroundings),
    numbersCycle(surroundings),
    // One after the other: both end with TLS as it comes.
    [...tlsCycle(surroundings), ...certificateCycle(surroundings)],
    dnsCycle(surroundings),
  ];
}

/** A limit that none of the clients comes near. */
function limitCycle({ web }: Surroundings): Cycle {
  const limit = (kind: string, rateLimit: object | null) => patch(kind, web, { rateLimit });
  return [
    limit('rateLimit', { requests: 10_000_000, window: '10s' }),
    limit('rateLimit requests', { requests: 20_000_000 }),
    limit('rateLimit', { key: 'header:X-Client' }),
    limit('rateLimit requests', { requests: 30_000_000 }),
    limit('rateLimit', { key: 'path', action: 'tarpit' }),
    limit('rateLimit', { key: 'source-ip', action: 'drop', window: '20s' }),
    limit('rateLimit', { action: 'observe' }),
    limit('rateLimit', { action: 'deny', status: 503 }),
    limit('rateLimit exempt', { exempt: ['10.0.0.0/8'] }),
    limit('rateLimit exempt', { exempt: [] }),
    limit('rateLimit', null),
  ];
}

function accessCycle({ web, sources }: Surroundings): Cycle {
  const access = (change: object | null, look?: () => Look) => patch('access', web, { access: change }, look);
  const others = (status: number) =>
    answered(web, { source: sources.denied }, (answer) => answer.status === status);
  const all = [sources.busy, sources.waiting, '127.0.0.1'];
  return [
    access({ deny: [sources.denied, '10.9.0.0/16'] }, others(403)),
    access({ deny: ['10.9.0.0/16'] }, others(200)),
    access({ allow: all }, others(403)),
    access({ allow: [...all, sources.denied] }, others(200)),
    access({ allow: [], deny: [] }),
    access(null),
  ];
}

function maintenanceCycle({ web, sources }: Surroundings): Cycle {
  const exempt = [sources.busy, sources.denied, '127.0.0.1'];
  const set = (kind: string, maintenance: object | null, look?: () => Look) =>
    patch(kind, web, { maintenance }, look);
  const others = (status: number) =>
    answered(web, { source: sources.waiting }, (answer) => answer.status === status);
  return [
    set('maintenance set, off', { enabled: false, exempt }),
    set('maintenance on', { enabled: true }, others(503)),
    set('maintenance exempt', { exempt: [...exempt, sources.waiting] }, others(200)),
    set('maintenance exempt', { exempt }, others(503)),
    set(
      'maintenance page',
      { status: 500, body: 'later', contentType: 'text/plain', retryAfter: '5m' },
      others(500),
    ),
    set('maintenance off', { enabled: false }, others(200)),
    set('maintenance unset', null),
  ];
}

/** Of others than the clients here, who send no such header. */
function proxyProtocolCycle({ web }: Surroundings): Cycle {
  return [
    patch('proxyProtocol set', web, { proxyProtocol: { from: ['10.0.0.7'] } }),
    patch('proxyProtocol from', web, { proxyProtocol: { from: ['10.0.0.8', '10.1.0.0/16'] } }),
    patch('proxyProtocol unset', web, { proxyProtocol: null }),
  ];
}

function headersCycle({ web }: Surroundings): Cycle {
  const set = (headers: object | null, look: () => Look) => patch('headers', web, { headers }, look);
  const got = (name: string, value: string | undefined) =>
    answered(web, {}, ({ headers }) => headers.get(name) === value);
  return [
    set({ request: { set: { 'X-Bench': 'whole' } } }, got('x-seen', 'whole')),
    set(
      { request: { add: { 'X-Tag': '1' }, remove: ['X-Old'] }, response: { set: { 'X-Frame': 'deny' } } },
      got('x-frame', 'deny'),
    ),
    set({ response: { add: { 'X-Added': '2' }, remove: ['X-Gone'] } }, got('x-gone', undefined)),
    set(null, got('x-gone', 'always')),
  ];
}

function timeoutsCycle({ web }: Surroundings): Cycle {
  const names = ['connect', 'client', 'server', 'queue', 'tunnel', 'request', 'keepAlive', 'drain'];
  const values = ['4s', '50s', '50s', '20s', '50m', '9s', '40s', '6h'];
  const set = (name: string, value: string | null) => patch('timeouts', web, { timeouts: { [name]: value } });
  return [
    ...names.map((name, index) => set(name, values[index] ?? null)),
    patch('timeouts', web, { timeouts: Object.fromEntries(names.map((name) => [name, null])) }),
  ];
}

function compressionCycle({ web }: Surroundings): Cycle {
  const set = (compression: object, encoding: string | undefined) =>
    patch(
      'compression',
      web,
      { compression },
      answered(
        web,
        { headers: { 'Accept-Encoding': 'gzip' } },
        ({ headers }) => headers.get('content-encoding') === encoding,
      ),
    );
  return [
    set({}, 'gzip'),
    set({ types: ['text/css'] }, undefined),
    patch('compression', web, { compression: null }),
  ];
}

function numbersCycle({ web }: Surroundings): Cycle {
  return [
    patch('retries', web, { retries: 5 }),
    patch('maxConnections', web, { maxConnections: 4000 }),
    patch('retries', web, { retries: 1 }),
    patch('maxConnections', web, { maxConnections: 0 }),
    patch('retries', web, { retries: 3 }),
  ];
}

function tlsCycle({ web }: Surroundings): Cycle {
  const old = { maxVersion: 'TLSv1.2' } as const;
  const both = { protocols: ['h2', 'http/1.1'] };
  return [
    patch(
      'tls minVersion',
      web,
      { tls: { minVersion: '1.3' } },
      shaken(web, old, (result) => !result),
    ),
    patch(
      'http2',
      web,
      { http2: false },
      shaken(web, both, (result) => result?.protocol === 'http/1.1'),
    ),
    patch('tls redirect, autoRenew', web, { tls: { redirect: false, autoRenew: false } }),
    patch('tls domains', web, { tls: { domain: 'bench.test' } }),
    patch(
      'http2',
      web,
      { http2: true },
      shaken(web, both, (result) => result?.protocol === 'h2'),
    ),
    patch('tls domains', web, { tls: { domain: null, domains: ['bench.test', 'www.bench.test'] } }),
    patch(
      'tls unset',
      web,
      { tls: null },
      shaken(web, old, (result) => result !== undefined),
    ),
  ];
}

/** Whom clients are shown, and who has to show himself. The clients of this run show nothing, so none is required. */
function certificateCycle({ web, own }: Surroundings): Cycle {
  const path = `/v1/load-balancers/${web.id}/certificates`;
  const upload = ({ certificate, privateKey }: Surroundings['own']['first']) => ({ certificate, privateKey });
  const shows = (serial: string) => shaken(web, {}, (result) => result?.serial === serial);
  return [
    call('certificate uploaded', web, {
      method: 'POST',
      path,
      body: { name: 'own', ...upload(own.first) },
    }),
    patch('tls certificate', web, { tls: { certificate: 'own' } }, shows(own.first.serial)),
    call(
      'certificate replaced',
      web,
      { method: 'PUT', path: `${path}/own`, body: upload(own.second) },
      shows(own.second.serial),
    ),
    patch('tls hsts', web, {
      tls: { hsts: { maxAge: '365d', includeSubDomains: true, preload: true } },
    }),
    patch('tls clientCa', web, { tls: { clientCa: { certificates: own.ca, verify: 'optional' } } }),
    patch('tls clientCa', web, { tls: { clientCa: { revocationLists: own.revocationList } } }),
    patch('tls hsts', web, { tls: { hsts: null } }),
    patch('tls clientCa', web, { tls: { clientCa: null } }),
    patch('tls certificate', web, { tls: null }),
    call('certificate deleted', web, { method: 'DELETE', path: `${path}/own` }),
  ];
}

/** Records are made by the control plane: no part of it is for HAProxy. */
function dnsCycle({ web }: Surroundings): Cycle {
  return [
    patch('dns', web, { dns: { domains: ['www.bench.test'], ttl: 120, addresses: ['192.0.2.1'] } }),
    patch('dns', web, { dns: { enabled: false } }),
    patch('dns', web, { dns: null }),
  ];
}
