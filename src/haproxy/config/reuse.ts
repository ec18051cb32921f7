import { memoized } from '../../base/memo.ts';
import type { Backend } from '../../spec/backend.ts';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { Pool } from '../../spec/pool.ts';
import type { ServiceModel } from '../model.ts';

/**
 * Connections to backends are used again for the first request of a client's connection too (`http-reuse always`), which
 * saves a handshake for each client that comes with one request. Such a connection may just be closing: what is safe to
 * repeat is repeated then. What is not gets a connection that no other request has: connections are told apart by the
 * server name asked for, which these invent; without TLS nobody is told it.
 */
const FRESH = 'txn.fresh';
/** A client's connection of HTTP/1 has carried a request. What follows on it may be lost with it, as everywhere. */
const SEEN = 'sess.seen';

/** The methods that may be repeated, as an ACL. */
const REPEATABLE = 'acl repeatable method GET HEAD OPTIONS';

/** Whether all members of a pool speak HTTP/1 without TLS, and take several clients on one connection. */
export function reusesAlways(pool: Pool): boolean {
  return pool.protocol === 'http1' && areAllPlain(pool.backends);
}

const areAllPlain = memoized((backends: readonly Backend[]) =>
  backends.every(({ tls, sendProxy }) => tls === undefined && sendProxy === undefined),
);

/** The directive of a pool's section. */
export function reuseLines(type: ServiceModel['spec']['type'], pool: Pool): string[] {
  return type === 'http' && reusesAlways(pool) ? ['http-reuse always'] : [];
}

/** The keyword of each server of such a pool. */
export function reuseKeywords(type: ServiceModel['spec']['type'], pool: Pool): string[] {
  return type === 'http' && reusesAlways(pool) ? [`sni var(${FRESH})`] : [];
}

/** The frontend's rules: what may be repeated, and what gets a connection of its own. */
export function repeatLines({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  return [
    REPEATABLE,
    'http-request disable-l7-retry if !repeatable',
    ...(poolsOf(spec).some(([, pool]) => reusesAlways(pool))
      ? [
          `http-request set-var(${FRESH}) uuid if !repeatable !{ var(${SEEN}) -m found }`,
          `http-request set-header Connection close if !repeatable { var(${FRESH}) -m found }`,
          `http-request set-var(${SEEN}) bool(true) if { fc_http_major 1 } !{ var(${SEEN}) -m found }`,
        ]
      : []),
  ];
}
