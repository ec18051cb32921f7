import type { LoadBalancerSpec } from '../../../../src/spec/load-balancer.ts';
import { type Cycle, type Surroundings, call, patch } from '../kinds.ts';
import { opened } from '../looks.ts';

/** What load balancers of the type tcp have, one plain and one with TLS and routes by server name. */
export function tcpCycles(surroundings: Surroundings): Cycle[] {
  return [
    portsCycle(surroundings),
    tcpSettings(surroundings),
    tcpTraffic(surroundings),
    ...tlsCycles(surroundings),
  ];
}

function portsCycle({ tcp }: Surroundings): Cycle {
  const { port } = tcp;
  const set = (kind: string, ports: string[] | null, look: ReturnType<typeof opened>) =>
    patch(kind, tcp, { port, ports }, look);
  return [
    set('ports', [`${port + 1}`, `${port + 10}-${port + 19}`], opened(tcp, port + 15, true)),
    patch('port', tcp, { port: port + 1, ports: [`${port}-${port + 5}`] }, opened(tcp, port + 5, true)),
    set('ports', null, opened(tcp, port + 5, false)),
  ];
}

function tcpSettings({ tcp, echoes }: Surroundings): Cycle {
  const path = `/v1/load-balancers/${tcp.id}/backends`;
  const second = `${echoes[1]?.host}:${echoes[1]?.ports.tcp}`;
  const one = (kind: string, method: 'PATCH' | 'DELETE', body?: object) =>
    call(kind, tcp, { method, path: `${path}/${encodeURIComponent(second)}`, body });
  return [
    patch('tcp algorithm', tcp, { algorithm: 'leastconn' }),
    one('tcp backend drain', 'PATCH', { drain: true }),
    one('tcp backend drain', 'PATCH', { drain: false }),
    patch('tcp healthCheck', tcp, {
      healthCheck: { type: 'custom', steps: [{ send: 'hello' }, { expect: 'hello' }] },
    }),
    one('tcp backend maxConnections', 'PATCH', { maxConnections: 500 }),
    patch('tcp sticky', tcp, { sticky: { mode: 'source-ip' } }),
    one('tcp backend removed', 'DELETE'),
    patch('tcp failOpen, slowStart', tcp, { failOpen: true, slowStart: '3s' }),
    call('tcp backend added', tcp, { method: 'POST', path, body: { target: second } }),
    patch('tcp sticky', tcp, { sticky: null }),
    patch('tcp healthCheck', tcp, { healthCheck: { type: 'tcp', steps: null } }),
    patch('tcp failOpen, slowStart', tcp, { failOpen: false, slowStart: null }),
    patch('tcp algorithm', tcp, { algorithm: 'roundrobin' }),
  ];
}

function tcpTraffic({ tcp, sources }: Surroundings): Cycle {
  const set = (kind: string, spec: object) => patch(kind, tcp, spec);
  return [
    set('tcp rateLimit', { rateLimit: { requests: 1_000_000, window: '10s' } }),
    set('tcp rateLimit', { rateLimit: { requests: 2_000_000 } }),
    set('tcp rateLimit', { rateLimit: { action: 'drop', exempt: ['10.0.0.0/8'] } }),
    set('tcp access', { access: { deny: ['10.9.0.0/16'], allow: [sources.busy, '127.0.0.1'] } }),
    set('tcp maintenance', { maintenance: { enabled: true, exempt: [sources.busy] } }),
    set('tcp timeouts', { timeouts: { client: '2h', server: '2h', connect: '3s', queue: '10s' } }),
    set('tcp proxyProtocol', { proxyProtocol: { from: ['10.0.0.7'] } }),
    set('tcp maxConnections', { maxConnections: 3000 }),
    set('tcp maintenance', { maintenance: { enabled: false } }),
    set('tcp retries', { retries: 2 }),
    set('tcp proxyProtocol', { proxyProtocol: null }),
    set('tcp rateLimit', { rateLimit: null }),
    set('tcp maintenance', { maintenance: null }),
    set('tcp access', { access: null }),
    set('tcp several at once', { timeouts: null, retries: null, maxConnections: null }),
  ];
}

function tlsCycles({ tls, echoes, certificate }: Surroundings): Cycle[] {
  const routes = (kind: string, change: (routes: LoadBalancerSpec['routes']) => readonly object[]) =>
    patch(kind, tls, (spec) => ({ routes: change(spec.routes) }));
  const route = { name: 'third', match: { host: ['three.test', '*.three.test'] }, pool: 'second' };
  const backend = (index: number, isTerminated: boolean) => ({
    target: `${echoes[index]?.host}:${echoes[index]?.ports.tls}`,
    ...(isTerminated ? { tls: { verify: true, ca: certificate.pem, serverName: certificate.name } } : {}),
  });
  const mode = (isTerminated: boolean) =>
    patch('tls mode', tls, {
      tls: { mode: isTerminated ? 'terminate' : 'passthrough' },
      backends: [backend(0, isTerminated)],
      pools: { second: { backends: [backend(1, isTerminated)] } },
    });
  return [
    [
      routes('tcp route added', (list) => [...list, route]),
      routes('tcp route moved', (list) => list.toReversed()),
      routes('tcp route removed', (list) => list.filter(({ name }) => name !== route.name)),
    ],
    [
      patch('tcp tls minVersion', tls, { tls: { minVersion: '1.3' } }),
      mode(false),
      patch('tcp tls minVersion', tls, { tls: { minVersion: '1.2' } }),
      mode(true),
    ],
  ];
}
