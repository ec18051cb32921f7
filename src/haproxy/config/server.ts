import { createHash } from 'node:crypto';
import type { Backend } from '../../spec/backend.ts';
import { formatTarget, parseTarget } from '../../spec/target.ts';
import type { LoadBalancerSpec } from '../../spec/load-balancer.ts';
import type { ServiceModel } from '../model.ts';
import { isHashed } from './backend.ts';
import { DEFAULT_POOL } from './frontend.ts';
import { admissionKeywords, checkKeywords } from './health-check.ts';

/** One backend as a `server` of HAProxy. */
export interface Server {
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
}

export function servers(model: ServiceModel): Server[] {
  const ids = serverIds(model.spec);
  return model.spec.backends.map((backend) => toServer(backend, model.addresses, ids.get(backend.target)));
}

function toServer(backend: Backend, addresses: ReadonlyMap<string, string>, id: number | undefined): Server {
  const target = parseTarget(backend.target);
  if (!target) throw new Error(`not a target: ${backend.target}`);
  return {
    pool: DEFAULT_POOL,
    name: `${target.host}:${target.port}`,
    target: backend.target,
    address: target.isIp ? target.host : addresses.get(target.host),
    port: target.port,
    weight: backend.drain ? 0 : backend.weight,
    maxConnections: backend.maxConnections,
    backup: backend.backup,
    id,
  };
}

/** Fixed ids where they decide who gets a request; elsewhere HAProxy may give its own. */
function serverIds({ algorithm, backends }: LoadBalancerSpec): Map<string, number> {
  // `first` fills the servers in the order of their ids, which is to be the order of the spec.
  if (algorithm === 'first') return new Map(backends.map(({ target }, index) => [target, index + 1]));
  return isHashed(algorithm) ? hashedIds(backends) : new Map();
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
  ];
}

/** Everything behind the address of a server added at run time: `default-server` does not reach it. */
export function dynamicServerKeywords(server: Server, model: ServiceModel): string {
  return [checkKeywords(model.spec.healthCheck), ...ownKeywords(server)].join(' ');
}

export function serverLine(server: Server): string {
  return [
    `server ${server.name} ${socketAddress(server)} weight ${server.weight}`,
    ...ownKeywords(server),
  ].join(' ');
}

/** Keywords for the server's twin in the admission section. */
export function admissionServerKeywords(model: ServiceModel): string {
  return admissionKeywords(model.spec.healthCheck);
}
