import { createHash } from 'node:crypto';
import { memoized } from '../../base/memo.ts';
import { createNewest } from '../../base/newest.ts';
import { unshared } from '../../base/unshared.ts';
import type { Backend, BackendCheck, BackendTls } from '../../spec/backend.ts';
import { type HealthCheck, checkOfBackend, isScriptCheck } from '../../spec/health-check.ts';
import { poolsOf } from '../../spec/load-balancer.ts';
import { type Algorithm, type Pool, DEFAULT_POOL } from '../../spec/pool.ts';
import { formatTarget, parseTarget } from '../../spec/target.ts';
import type { ServiceModel } from '../model.ts';
import { caFile } from './files.ts';
import { admissionKeywords, checkKeywords } from './health-check.ts';
import { failOpenBackend, poolOfBackend } from './names.ts';
import { quote } from './quote.ts';
import { reuseKeywords } from './reuse.ts';

/** One backend as a `server` of HAProxy. */
export interface Server {
  /** What tells it from all others: {@link serverKey}. */
  key: string;
  /** The HAProxy backend that it is in: its pool, or the section that stands in for it. */
  pool: string;
  /** Its name in HAProxy: the target without brackets, which are not allowed there. */
  name: string;
  target: string;
  /** IP address; undefined while the target's name stands for none. */
  address: string | undefined;
  port: number;
  /** Effective weight: a draining backend has none. */
  weight: number;
  maxConnections: number;
  backup: boolean;
  /** Fixed numeric id where the algorithm goes by it: the place on the ring of a hash, or in the order of `first`. */
  id: number | undefined;
  /** Whether its health is known at all; one that stands in when every check fails has none. */
  isChecked: boolean;
  /** How it is spoken to and checked where that is its own: only a reload changes it. */
  keywords: string;
}

/** What tells servers apart: the same target may be in several pools. */
export function serverKey({ key, pool, name }: Pick<Server, 'pool' | 'name'> & { key?: string }): string {
  return key ?? `${pool}/${name}`;
}

/** The members of all pools, in the order of the spec. */
export const servers = memoized((model: ServiceModel): readonly Server[] => {
  const known = { ...model, addresses: sameAddresses(model) };
  return poolsOf(model.spec).flatMap(([name, pool]) => knownServers(known, name, pool));
});

/** All that HAProxy has: the members, and those that stand in for them where a pool fails open. */
export const allServers = memoized((model: ServiceModel): readonly Server[] => {
  const open = new Set(poolsOf(model.spec).flatMap(([name, { failOpen }]) => (failOpen ? [name] : [])));
  if (open.size === 0) return servers(model);
  return [
    ...servers(model),
    ...servers(model)
      .filter(({ pool }) => open.has(pool))
      .map(toStandIn),
  ];
});

/** The addresses by which the servers of a load balancer were last made. */
const lastAddresses = createNewest<ServiceModel['addresses']>(4000);

/** The very object of last time while it holds the same, so that it is looked through once and not for each pool. */
function sameAddresses({ id, addresses }: ServiceModel): ServiceModel['addresses'] {
  const last = lastAddresses.get(id);
  const same = last && isSameMap(last, addresses) ? last : addresses;
  lastAddresses.keep(id, same);
  return same;
}

type Made = Pick<ServiceModel, 'id' | 'addresses'> & { directory: string; name: string; servers: Server[] };

/** What a pool was last made into, and what else that depended on: of a thousand pools nearly all are as they were. */
const madeOfPools = new WeakMap<Pool, Made>();

function knownServers(model: ServiceModel, name: string, pool: Pool): Server[] {
  const { id, addresses } = model;
  const { directory } = model.layout;
  const known = madeOfPools.get(pool);
  if (
    known?.addresses === addresses &&
    known.name === name &&
    known.id === id &&
    known.directory === directory
  )
    return known.servers;
  const servers = poolServers(model, name, pool);
  madeOfPools.set(pool, { id, addresses, directory, name, servers });
  return servers;
}

/** What a backend was last made into, and what else that depended on. */
const made = new WeakMap<
  Backend,
  { server: Server; context: string; address: string | undefined; id: number | undefined }
>();

/** The servers of a pool as they were last made, by the pool's place. */
const lastMade = createNewest<{
  backends: readonly Backend[];
  servers: Server[];
  context: string;
  addresses: ServiceModel['addresses'];
}>(4000);

/** Pools follow one another with few other members: only those are made anew. */
function poolServers(model: ServiceModel, name: string, pool: Pool): Server[] {
  const { protocol, backends, algorithm, healthCheck } = pool;
  const isScripted = isScriptCheck(healthCheck);
  const context = `${model.layout.directory} ${protocol} ${algorithm} ${healthCheck.type} ${isScripted}`;
  const { addresses } = model;
  const key = `${model.id} ${name}`;
  const last = lastMade.get(key);
  const isKnown = last?.context === context && last.addresses === addresses;
  if (isKnown && last.backends === backends) return last.servers;
  // Where servers have fixed ids, one backend may change those of others.
  const known = isKnown && !hasIds(algorithm) ? last : { backends: [], servers: [] };
  const { start, before, after } = unshared(known.backends, backends);
  const made = makeServers(model, name, pool, after);
  const servers =
    after.length === backends.length ? made : known.servers.toSpliced(start, before.length, ...made);
  lastMade.keep(key, { backends, servers, context, addresses });
  return servers;
}

function isSameMap(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  if (one === other) return true;
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

function makeServers(model: ServiceModel, name: string, pool: Pool, backends: readonly Backend[]): Server[] {
  const ids = serverIds(pool);
  const isScripted = isScriptCheck(pool.healthCheck);
  const { type } = pool.healthCheck;
  const context = JSON.stringify([model.id, model.layout.directory, name, pool.protocol, type, isScripted]);
  return backends.map((backend) => {
    const target = parseTarget(backend.target);
    if (!target) throw new Error(`not a target: ${backend.target}`);
    const address = target.isIp ? target.host : model.addresses.get(target.host);
    const id = ids.get(backend.target);
    const known = made.get(backend);
    if (known?.context === context && known.address === address && known.id === id) return known.server;
    const server = {
      key: serverKey({ pool: name, name: `${target.host}:${target.port}` }),
      pool: name,
      name: `${target.host}:${target.port}`,
      target: backend.target,
      address,
      port: target.port,
      weight: backend.drain ? 0 : backend.weight,
      maxConnections: backend.maxConnections,
      backup: backend.backup,
      id,
      isChecked: true,
      keywords: [
        ...connectionKeywords(backend, target.host, model, pool.protocol === 'http2'),
        ...alpnKeywords(backend, pool),
        ...(isScripted ? [] : ownCheckKeywords(backend)),
      ].join(' '),
    };
    made.set(backend, { server, context, address, id });
    return server;
  });
}

const toStandIn = memoized((server: Server): Server => ({
  ...server,
  key: serverKey({ pool: failOpenBackend(server.pool), name: server.name }),
  pool: failOpenBackend(server.pool),
  isChecked: false,
}));

/** How the server is spoken to, where that is not as its pool says. */
function connectionKeywords(
  { tls, sendProxy }: Pick<Backend, 'tls' | 'sendProxy'>,
  host: string,
  model: ServiceModel,
  isHttp2: boolean,
): string[] {
  return [
    ...(tls ? tlsKeywords(tls, host, model) : []),
    ...(isHttp2 ? [http2Keywords(tls !== undefined)] : []),
    ...(sendProxy === undefined
      ? []
      : [sendProxy === 'v1' ? 'send-proxy' : 'send-proxy-v2', 'check-send-proxy']),
  ];
}

/** Where TLS has agreed on HTTP/2, `proto` on top of it would have 2.6 check with HTTP/1. */
function http2Keywords(overTls: boolean): string {
  return overTls ? 'alpn h2' : 'proto h2';
}

/**
 * What checks over TLS agree on. It stands here and nowhere else: a server that says it again after `default-server` has
 * 2.6 free the same text twice.
 */
function alpnKeywords({ tls }: Pick<Backend, 'tls'>, { healthCheck, protocol }: Pool): string[] {
  return healthCheck.type === 'grpc' || (tls && protocol === 'http2') ? ['check-alpn h2'] : [];
}

function tlsKeywords(tls: BackendTls, host: string, model: ServiceModel): string[] {
  const name = tls.serverName ?? (parseTarget(`${host}:1`)?.isIp === false ? host : undefined);
  const sni = name === undefined ? [] : [`sni str(${name})`, `check-sni ${name}`];
  // Without `check-ssl` a server added at run time would only have its port checked.
  if (!tls.verify) return ['ssl verify none check-ssl', ...sni];
  const ca = tls.ca === undefined ? '@system-ca' : quote(caFile(model, tls.ca).path);
  return [
    `ssl verify required ca-file ${ca} check-ssl`,
    ...sni,
    ...(name === undefined ? [] : [`verifyhost ${name}`]),
  ];
}

/** Whether TLS is spoken to the server. */
export function isSpokenToByTls({ keywords }: Pick<Server, 'keywords'>): boolean {
  return /^ssl( |$)/.test(keywords);
}

function ownCheckKeywords({ healthCheck }: Pick<Backend, 'healthCheck'>): string[] {
  if (!healthCheck) return [];
  const { port, interval, fall, rise } = healthCheck;
  return [
    ...(port === undefined ? [] : [`port ${port}`]),
    ...(interval === undefined ? [] : [`inter ${interval}`]),
    ...(fall === undefined ? [] : [`fall ${fall}`]),
    ...(rise === undefined ? [] : [`rise ${rise}`]),
  ];
}

function hasIds(algorithm: Algorithm): boolean {
  return algorithm === 'first' || isHashed(algorithm);
}

/** Fixed ids where they decide who gets a request; elsewhere HAProxy may give its own. */
function serverIds({ algorithm, backends }: Pool): Map<string, number> {
  // `first` fills the servers in the order of their ids, which is to be the order of the spec.
  if (algorithm === 'first') return new Map(backends.map(({ target }, index) => [target, index + 1]));
  return isHashed(algorithm) ? hashedIds(backends) : new Map();
}

/** Whether the algorithm places clients by a hash, so that the servers' ids decide who goes where. */
export function isHashed(algorithm: Algorithm): boolean {
  return algorithm === 'source' || algorithm === 'uri' || algorithm.startsWith('header:');
}

/** Ids that depend on the targets alone, so that every node and every reload places clients alike. */
function hashedIds(backends: readonly Backend[]): Map<string, number> {
  const taken = new Set<number>();
  const ids = new Map<string, number>();
  for (const target of backends.map((backend) => backend.target).toSorted()) {
    let id = (createHash('sha256').update(target).digest().readUInt32BE() % 0x7fff_fffe) + 1;
    while (taken.has(id)) id = (id % 0x7fff_fffe) + 1;
    taken.add(id);
    ids.set(target, id);
  }
  return ids;
}

/** Address and port as the configuration and the runtime API take them. */
export function socketAddress({ address, port }: Pick<Server, 'address' | 'port'>): string {
  if (address === undefined) throw new Error('a server without an address cannot be written');
  return formatTarget({ host: address, port });
}

/** What sets a server apart from the others of its pool, the weight excepted. */
function ownKeywords(server: Server): string[] {
  return [
    ...(server.maxConnections > 0 ? [`maxconn ${server.maxConnections}`] : []),
    ...(server.backup ? ['backup'] : []),
    ...(server.id === undefined ? [] : [`id ${server.id}`]),
    ...(server.keywords === '' ? [] : [server.keywords]),
  ];
}

/** What all servers of a section have in common: `default-server` in the configuration. */
export function poolKeywords({ spec }: Pick<ServiceModel, 'spec'>, pool: Pool, isChecked: boolean): string {
  return [
    ...(isChecked && !isScriptCheck(pool.healthCheck) ? [checkKeywords(pool.healthCheck)] : []),
    ...(pool.slowStart === undefined ? [] : [`slowstart ${pool.slowStart}`]),
    ...reuseKeywords(spec.type, pool),
  ].join(' ');
}

/** The pool that a server belongs to, whichever section it is in. */
export function poolOfServer(server: Pick<Server, 'pool'>, model: ServiceModel): Pool {
  const name = poolOfBackend(server.pool);
  const pool = name === DEFAULT_POOL ? model.spec : model.spec.pools[name];
  if (!pool) throw new Error(`there is no pool ${name}`);
  return pool;
}

/** How a server is checked: as its pool says, or as it says itself. */
export function healthCheckOf(server: Pick<Server, 'pool' | 'target'>, model: ServiceModel): HealthCheck {
  const pool = poolOfServer(server, model);
  return checkOfBackend(pool.healthCheck, ownChecks(pool).get(server.target));
}

const ownChecksOfPools = new WeakMap<Pool, ReadonlyMap<string, BackendCheck>>();

/** The checks that backends have of their own, by target; found once for each spec, for pools may be large. */
function ownChecks(pool: Pool): ReadonlyMap<string, BackendCheck> {
  const known = ownChecksOfPools.get(pool);
  if (known) return known;
  const own = pool.backends.flatMap(({ target, healthCheck }) =>
    healthCheck ? [[target, healthCheck] as const] : [],
  );
  const found = new Map(own);
  ownChecksOfPools.set(pool, found);
  return found;
}

/** Everything behind the address of a server added at run time: `default-server` does not reach it. */
export function dynamicServerKeywords(server: Server, model: ServiceModel): string {
  return [poolKeywords(model, poolOfServer(server, model), server.isChecked), ...ownKeywords(server)]
    .filter((part) => part !== '')
    .join(' ');
}

export const serverLine = memoized((server: Server): string =>
  [`server ${server.name} ${socketAddress(server)} weight ${server.weight}`, ...ownKeywords(server)].join(
    ' ',
  ),
);

/** Keywords for the server's twin in the admission section. */
export function admissionServerKeywords(server: Server, model: ServiceModel): string {
  const pool = poolOfServer(server, model);
  return [
    admissionKeywords(pool.healthCheck),
    // The twin is checked in its own rhythm, whatever the server's own is.
    ...(server.keywords === '' ? [] : [server.keywords.replaceAll(/\b(inter|fall|rise) \S+ ?/g, '').trim()]),
  ].join(' ');
}
