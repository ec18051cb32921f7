import { memoized } from '../../base/memo.ts';
import type { Backend } from '../../spec/backend.ts';
import { poolsOf } from '../../spec/load-balancer.ts';
import type { Pool } from '../../spec/pool.ts';
import type { ServiceModel } from '../model.ts';

/**
 * Connections to backends are used again for the first request of a client's connection too (`http-reuse always`), which
 * saves a handshake for each client that comes with one request. Such a connection may just be closing: what is safe to
 * repeat is repeated then, and what is not gets a connection of its own. HAProxy tells connections apart by the server name
 * to ask for, which this variable invents; without TLS nobody is told it.
 */
const APART = 'txn.apart';

/**
 * Is given a new value when a backend has moved to another address. HAProxy closes the idle connections to the old one,
 * but those that carried a request in that moment would be used again, for as long as clients keep coming.
 */
export const MOVED = 'proc.moved';

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
  return type === 'http' && reusesAlways(pool) ? [`sni var(${APART})`] : [];
}

/** The frontend's rules: what may be repeated, and what gets which connection. */
export function repeatLines({ spec }: Pick<ServiceModel, 'spec'>): string[] {
  return [
    REPEATABLE,
    'http-request disable-l7-retry if !repeatable',
    ...(poolsOf(spec).some(([, pool]) => reusesAlways(pool))
      ? [
          `http-request set-var(${APART}) var(${MOVED}) if { var(${MOVED}) -m found }`,
          // What follows on a connection may be lost with it, as everywhere.
          `http-request set-var(${APART}) uuid if !repeatable { http_first_req }`,
          'http-request set-header Connection close if !repeatable { http_first_req }',
        ]
      : []),
  ];
}
