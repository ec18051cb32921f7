import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import type { LoadBalancerSpecInput } from '../../../src/spec/load-balancer.ts';
import { selfSigned } from '../../../test/support/certificate.ts';
import type { Product } from '../../../test/support/product.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import { loopbackAddress, temporaryDirectory } from '../../../test/support/temporary.ts';
import type { BusyOptions } from '../../support/busy/types.ts';
import { startEcho } from '../../support/echo.ts';
import { createLoadBalancer, endpointOf } from '../../support/managed.ts';
import type { Scope } from '../../support/scope.ts';
import { startVariedOrigin } from '../../support/varied-origin.ts';
import { POOL, POOL_PATH } from './cycles/backends.ts';
import { CHECK_SCRIPT } from './cycles/pools.ts';
import type { Subject, Surroundings } from './kinds.ts';

type SpecInput = z.input<typeof LoadBalancerSpecInput>;

export interface Backends extends Omit<Surroundings, 'web' | 'tcp' | 'tls'> {
  /** Folder with the programs that health checks run. */
  checksDirectory: string;
}

const HTTPS_PORT = 443;
const STREAM_PORT = 5000;
const CERTIFICATE_NAME = 'backend.test';
export const WEBSOCKET_PATH = '/websocket';
/** What HTTP clients ask for: every one of them is to be answered with 200, whatever is changed. */
export const PATHS = ['/', POOL_PATH, '/split', '/conditional', '/move', '/rewritten/a', '/headed', '/extra'];
export const SERVER_NAMES = ['one.test', 'two.test'];

/** Backends for every kind of client. */
export async function startBackends(scope: Scope): Promise<Backends> {
  const directory = await scope.use(temporaryDirectory, (created) => created.remove());
  const { cert, key } = selfSigned(directory.path, CERTIFICATE_NAME);
  const pem = await readFile(cert, 'utf8');
  const both = `${directory.path}/both.pem`;

  // Programs run as another user.
  await chmod(directory.path, 0o755);
  const checksDirectory = `${directory.path}/checks`;
  await mkdir(checksDirectory, { mode: 0o755 });
  await writeFile(`${checksDirectory}/${CHECK_SCRIPT}`, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await writeFile(both, pem + (await readFile(key, 'utf8')));
  const origin = await scope.use(
    () => startVariedOrigin(both),
    (started) => started.stop(),
  );
  const echoes = [];
  // The first has the origin's address: health checks of the origin may ask it.
  for (const host of [origin.host, loopbackAddress()]) {
    const { ports } = await scope.use(
      () => startEcho({ host, cert, key }),
      (started) => started.stop(),
    );
    echoes.push({ host, ports });
  }
  const sources = { busy: loopbackAddress(), denied: loopbackAddress(), waiting: loopbackAddress() };
  return {
    origin,
    echoes,
    certificate: { pem, name: CERTIFICATE_NAME, file: both },
    own: ownCertificates(directory.path),
    sources,
    checksDirectory,
  };
}

function ownCertificates(directory: string): Surroundings['own'] {
  const ca = createTestCa(directory);
  const issue = () => ca.issue({ names: ['own.test'] });
  return { first: issue(), second: issue(), ca: ca.pem, revocationList: ca.revocationList([]) };
}

/** The load balancers that are changed. */
export async function createSubjects(product: Product, backends: Backends): Promise<Surroundings> {
  await product.client.request({
    method: 'POST',
    path: '/v1/vpcs',
    body: { name: 'other', spec: { cidrs: ['10.0.0.0/8', '127.0.0.0/8'] } },
  });
  const create = async (name: string, spec: SpecInput): Promise<Subject> => {
    const created = await createLoadBalancer(product, name, spec);
    const { host, port } = endpointOf(created);
    return { id: created.id, host, port };
  };
  const web = await create('bench', webSpec(backends));
  const tcp = await create('bench-tcp', tcpSpec(backends));
  const tls = await create('bench-tls', tlsSpec(backends));
  return { ...backends, web: { ...web, tlsPort: HTTPS_PORT }, tcp, tls };
}

/** Soon enough to see a check that cannot pass, and late enough for a machine that is busy. */
const QUICK_CHECK = { interval: '2s', timeout: '1500ms', fall: 3 };

function webSpec({ origin, echoes }: Backends): SpecInput {
  const healthCheck = { ...QUICK_CHECK, path: '/health' };
  const targets = (first: number, count: number) =>
    origin.plain.slice(first, first + count).map((target) => ({ target }));
  return {
    type: 'http',
    backends: targets(0, 3),
    healthCheck,
    pools: {
      [POOL]: { backends: targets(3, 2), healthCheck },
      blue: { backends: targets(5, 1), healthCheck },
      green: { backends: targets(6, 1), healthCheck },
      sockets: {
        backends: echoes.map(({ host, ports }) => ({ target: `${host}:${ports.websocket}` })),
        healthCheck: { ...QUICK_CHECK, type: 'tcp' },
      },
    },
    routes: [
      { name: 'websocket', match: { path: WEBSOCKET_PATH }, pool: 'sockets' },
      { name: POOL, match: { pathPrefix: POOL_PATH }, pool: POOL },
      {
        name: 'split',
        match: { pathPrefix: '/split' },
        split: [
          { pool: 'blue', weight: 50 },
          { pool: 'green', weight: 50 },
        ],
      },
    ],
  };
}

function tcpSpec({ echoes }: Backends): SpecInput {
  return {
    type: 'tcp',
    port: STREAM_PORT,
    backends: echoes.map(({ host, ports }) => ({ target: `${host}:${ports.tcp}` })),
    healthCheck: QUICK_CHECK,
  };
}

function tlsSpec({ echoes, certificate }: Backends): SpecInput {
  const [first, second] = echoes.map(({ host, ports }) => ({
    target: `${host}:${ports.tls}`,
    tls: { verify: true, ca: certificate.pem, serverName: certificate.name },
  }));
  return {
    type: 'tcp',
    port: STREAM_PORT,
    tls: { mode: 'terminate' },
    backends: first ? [first] : [],
    healthCheck: QUICK_CHECK,
    pools: { second: { backends: second ? [second] : [], healthCheck: QUICK_CHECK } },
    routes: [{ name: 'two', match: { host: SERVER_NAMES[1] ?? '' }, pool: 'second' }],
  };
}

/** Clients of every kind, on the load balancers. */
export function busyOptions({ web, tcp, tls, sources }: Surroundings): BusyOptions {
  return {
    ...LOAD,
    source: sources.busy,
    http: { host: web.host, port: web.port, tlsPort: web.tlsPort },
    tcp: { host: tcp.host, port: tcp.port },
    tls: { host: tls.host, port: tls.port, serverNames: SERVER_NAMES },
  };
}

/** The same clients for everybody. */
export const LOAD = {
  paths: PATHS,
  websocketPath: WEBSOCKET_PATH,
  counts: {
    keepingAlive: 24,
    perRequest: 8,
    http2: 4,
    http2Requests: 4,
    longStreams: 4,
    shortStreams: 2,
  },
  thinkMs: 20,
};
