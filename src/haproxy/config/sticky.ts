import { createHash } from 'node:crypto';
import { durationMs } from '../../base/duration.ts';
import type { Sticky } from '../../spec/sticky.ts';
import type { ServiceModel } from '../model.ts';
import { lookupPaths } from './lookup-paths.ts';
import { PEERS } from './names.ts';
import { quote } from './quote.ts';

/** The value of the cookie that binds a client to a backend. It tells a client nothing, and is the same on every node. */
export function cookieOf({ id }: Pick<ServiceModel, 'id'>, pool: string, target: string): string {
  return createHash('sha256').update(`${id}\n${pool}\n${target}`).digest('hex').slice(0, 20);
}

/** Directives of a pool's section that keep a client on its backend. */
export function stickyLines(model: ServiceModel, pool: string, sticky: Sticky | undefined): string[] {
  if (!sticky) return [];
  return sticky.mode === 'cookie' ? cookieLines(model, pool, sticky) : sourceLines(sticky);
}

/**
 * HAProxy's own insertion of cookies takes them away again from clients of servers that were added at run time, so the
 * cookie is read and set by rules (facts: a server that is unknown, down or in maintenance is passed over).
 */
function cookieLines(
  model: ServiceModel,
  pool: string,
  sticky: Extract<Sticky, { mode: 'cookie' }>,
): string[] {
  const paths = lookupPaths(model);
  const [toServer, toCookie] = [paths.cookieToServer(pool), paths.serverToCookie(pool)].map(quote);
  const cookie = `${sticky.cookieName}=%[var(txn.cookie)]; ${cookieAttributes(sticky).join('; ')}${secureAttribute(sticky)}`;
  return [
    `http-request set-var(txn.bound_to) req.cook(${sticky.cookieName}),map_str(${toServer})`,
    'use-server %[var(txn.bound_to)] if { var(txn.bound_to) -m found }',
    // Most clients have the right one already.
    `http-response set-var(txn.cookie) srv_name,map_str(${toCookie}) unless { srv_name,strcmp(txn.bound_to) eq 0 }`,
    `http-response add-header Set-Cookie ${quote(cookie)} if { var(txn.cookie) -m found }`,
  ];
}

/** Unless it is said otherwise, clients that came over TLS are told to send the cookie over TLS alone. */
function secureAttribute({ secure, sameSite }: Extract<Sticky, { mode: 'cookie' }>): string {
  if (sameSite === 'none' || secure === true) return '; Secure';
  return secure === false ? '' : '%[ssl_fc,iif("; Secure",)]';
}

function cookieAttributes({ ttl, httpOnly, sameSite }: Extract<Sticky, { mode: 'cookie' }>): string[] {
  const site = { strict: 'Strict', lax: 'Lax', none: 'None' }[sameSite];
  return [
    'Path=/',
    ...(ttl === undefined ? [] : [`Max-Age=${Math.floor(durationMs(ttl) / 1000)}`]),
    ...(httpOnly ? ['HttpOnly'] : []),
    `SameSite=${site}`,
  ];
}

function sourceLines({ ttl }: Extract<Sticky, { mode: 'source-ip' }>): string[] {
  return [`stick-table type ipv6 size 1m expire ${ttl} peers ${PEERS}`, 'stick on src'];
}

/** The same where another section stands in for the pool: its servers have the same names, so clients stay with them. */
export function standInStickyLines(model: ServiceModel, pool: string, sticky: Sticky | undefined): string[] {
  if (sticky?.mode === 'source-ip') return [`stick on src table ${pool}`];
  return stickyLines(model, pool, sticky);
}
