import { createHash } from 'node:crypto';
import { durationMs } from '../../base/duration.ts';
import { memoized } from '../../base/memo.ts';
import type { RateLimit } from '../../spec/rate-limit.ts';
import type { Route } from '../../spec/route.ts';
import type { ServiceModel } from '../model.ts';
import { lookupPaths } from './lookup-paths.ts';
import { PEERS } from './names.ts';
import { quote } from './quote.ts';
import type { Section } from './section.ts';

/** Name of the limit that stands at the top of the spec. */
export const MAIN_LIMIT = 'all';

/** A limit with the route that it is for; that of the spec is for all. */
export interface NamedLimit {
  name: string;
  limit: RateLimit;
  /** The route; undefined for all requests. */
  route?: string;
}

/** All limits of a load balancer, that of the spec first. */
export function limitsOf({ spec }: Pick<ServiceModel, 'spec'>): NamedLimit[] {
  return [
    ...(spec.rateLimit ? [{ name: MAIN_LIMIT, limit: spec.rateLimit }] : []),
    ...limitsOfRoutes(spec.routes),
  ];
}

const limitsOfRoutes = memoized((routes: readonly Route[]): readonly NamedLimit[] =>
  routes.flatMap(({ name, rateLimit }) =>
    rateLimit ? [{ name: `route-${name}`, limit: rateLimit, route: name }] : [],
  ),
);

/**
 * The stick tables of a limit: this node's own, and those that the other nodes count in. A peer overwrites what it tells of,
 * so nodes that counted in one table would undo each other's counting. Names tell key and window, so that counters of
 * another kind never meet in a table.
 */
function tablesOf({ nodes }: Pick<ServiceModel, 'nodes'>, { name, limit }: NamedLimit): NodeTables {
  const kind = digest(`${limit.key}\n${limit.window}`);
  const table = `limit:${name}:${kind}`;
  if (!nodes) return { own: table, others: [] };
  const tableOf = (member: string) => `${table}:${memberKey(member)}`;
  return {
    own: tableOf(nodes.self),
    others: nodes.members
      .filter((member) => member.name !== nodes.self)
      .map((member) => tableOf(member.name)),
  };
}

/** What a member is called in the names of tables: its own name may be too long. */
function memberKey(name: string): string {
  return digest(name);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

interface NodeTables {
  own: string;
  others: string[];
}

/** What a limit is and where it is counted, for who shows it. */
export interface LimitTable {
  name: string;
  /** One for each node; what they tell of a client adds up. */
  tables: string[];
  requests: number;
  window: string;
  key: string;
  action: RateLimit['action'];
}

export function limitTables(model: Pick<ServiceModel, 'spec' | 'nodes'>): LimitTable[] {
  return limitsOf(model).map((named) => ({
    name: named.route ?? named.name,
    tables: allTables(tablesOf(model, named)),
    requests: named.limit.requests,
    window: named.limit.window,
    key: named.limit.key,
    action: named.limit.action,
  }));
}

/** In the same order on every node. */
function allTables({ own, others }: NodeTables): string[] {
  return [own, ...others].toSorted();
}

/** A header's value may be a secret, so its SHA-256 stands in the table, in hexadecimal. */
const TABLE_TYPES = { 'source-ip': 'ipv6', path: 'string len 256', header: 'string len 65' };

export function limitSections(model: ServiceModel): Section[] {
  return limitsOf(model).flatMap((named) => {
    const { key, window } = named.limit;
    const type = TABLE_TYPES[key.startsWith('header:') ? 'header' : (key as 'source-ip' | 'path')];
    // Twice the window: the rate of a window that slides needs the one before.
    const expire = durationMs(window) * 2;
    return allTables(tablesOf(model, named)).map((table) => ({
      header: `backend ${table}`,
      lines: [
        `stick-table type ${type} size 1m expire ${expire}ms store gpc0,gpc0_rate(${window}),gpc1,gpc1_rate(${window}) peers ${PEERS}`,
      ],
    }));
  });
}

/** How long a client that is over the limit is kept waiting by `tarpit`. */
export const TARPIT = '10s';

/**
 * Holds the number of a limit for the rules: looking it up in the map for each request would cost more than the rest of
 * the comparison.
 */
export function limitVariable(name: string): string {
  // Names may hold what those of variables may not.
  return `proc.limit_${digest(name)}`;
}

/** Connections fetch what a worker does not know yet from the map; later the agent tells what changes, of both. */
export function limitNumberLines(model: ServiceModel): string[] {
  const map = quote(lookupPaths(model).limits);
  return limitsOf(model).map(({ name }) => {
    const variable = limitVariable(name);
    return `tcp-request session set-var(${variable}) str(${name}),map_str_int(${map},0) if !{ var(${variable}) -m found }`;
  });
}

/**
 * Rules that hold clients to a limit. What was let through counts (gpc0), not what was asked for: a client above the
 * limit goes on getting the limit.
 */
export function limitLines(
  model: ServiceModel,
  named: NamedLimit,
  counter: number,
  condition: string,
): string[] {
  const { name, limit } = named;
  const isHttp = model.spec.type === 'http';
  const rule = isHttp ? 'http-request' : 'tcp-request session';
  const aclOf = (what: string) => `limit${counter}-${what}:${name}`;
  const [exempt, over] = [aclOf('exempt'), aclOf('over')];
  const variable = limitVariable(name);
  const action: LimitAction = { rule, condition, variable, isHttp };
  const when = condition === '' ? '' : ` if ${condition}`;
  const { own, others } = tablesOf(model, named);
  const elsewhere = `${isHttp ? 'txn' : 'sess'}.elsewhere${counter}`;
  const excess = `sub(${variable})${others.length > 0 ? `,add(${elsewhere})` : ''}`;
  return [
    ...soleKeyLines(limit.key, condition),
    `acl ${exempt} src -f ${quote(lookupPaths(model).limitExempt(name))}`,
    `${rule} track-sc${counter} ${keyFetch(limit.key)} table ${own} if !${exempt} ${hasKey(limit.key)}${condition}`.trimEnd(),
    // What the other nodes have let through.
    ...others.map((table, index) => {
      const sum = index === 0 ? '' : `,add(${elsewhere})`;
      return `${rule} set-var(${elsewhere}) ${keyFetch(limit.key)},table_gpc0_rate(${table})${sum}${when}`;
    }),
    `acl ${over} sc${counter}_gpc0_rate,${excess} ge 0`,
    ...(limit.action === 'observe'
      ? [
          `${rule} sc-inc-gpc1(${counter}) if ${over} ${condition}`.trimEnd(),
          `${rule} sc-inc-gpc0(${counter}) if !${over} ${condition}`.trimEnd(),
        ]
      : [
          // Whom it refuses it also counts: one rule that most requests pass costs less than two.
          ...actionLines(limit, action, `${condition} ${over} { sc${counter}_inc_gpc1 gt 0 }`),
          ...claimLines(limit, action, counter, { aclOf, excess }),
        ]),
  ];
}

/** No more requests than HAProxy has threads can be between having seen room and having counted. */
const MAX_THREADS = 64;

/**
 * Counts a request that found room. Threads may all have seen the last place free: counting hands each a number, and
 * those that came after it do not count against it, so that as many as there was room for pass, and the others do not.
 * All of it is one condition: requests that are far from the limit are done with it after the second of four steps.
 */
function claimLines(
  limit: RateLimit,
  action: LimitAction,
  counter: number,
  { aclOf, excess }: { aclOf: (what: string) => string; excess: string },
): string[] {
  const { condition, isHttp } = action;
  const variableOf = (what: string) => `${isHttp ? 'txn' : 'sess'}.${what}${counter}`;
  const [claim, claims] = [variableOf('claim'), variableOf('claims')];
  const [claimed, last, counted, raced] = ['claimed', 'last', 'counted', 'raced'].map(aclOf);
  const rate = `sc${counter}_gpc0_rate`;
  return [
    `acl ${claimed} sc${counter}_inc_gpc0,set-var(${claim}) -m int gt 0`,
    `acl ${last} ${rate},${excess},add(${MAX_THREADS}) ge 0`,
    `acl ${counted} sc${counter}_get_gpc0,set-var(${claims}) -m int gt 0`,
    `acl ${raced} ${rate},sub(${claims}),add(${claim}),${excess} gt 0`,
    ...actionLines(limit, action, `${condition} ${claimed} ${last} ${counted} ${raced}`),
  ];
}

/** IPv6 clients have a whole /64 each, and often change the rest of their address. */
function keyFetch(key: RateLimit['key']): string {
  if (key === 'source-ip') return 'src,ipmask(32,64)';
  return key === 'path' ? 'path' : `req.fhdr(${key.slice('header:'.length)}),sha2(256),hex`;
}

/** A request without the header, or with an empty one, is nobody's. */
function hasKey(key: RateLimit['key']): string {
  return key.startsWith('header:') ? `{ req.fhdr(${key.slice('header:'.length)}) -m len gt 0 } ` : '';
}

/** Of several fields of one name a backend may take another one than is counted here. */
function soleKeyLines(key: RateLimit['key'], condition: string): string[] {
  if (!key.startsWith('header:')) return [];
  const several = `{ req.fhdr_cnt(${key.slice('header:'.length)}) gt 1 }`;
  return [`http-request deny deny_status 400 if ${several} ${condition}`.trimEnd()];
}

interface LimitAction {
  rule: string;
  /** Under which the limit is for a request; empty: for all. */
  condition: string;
  /** The variable that holds the limit. */
  variable: string;
  isHttp: boolean;
}

function actionLines(limit: RateLimit, { rule, variable, isHttp }: LimitAction, denied: string): string[] {
  const when = ` if ${denied.trim().replaceAll('  ', ' ')}`;
  if (limit.action === 'drop') return [`${rule} silent-drop${when}`];
  if (!isHttp) return [`${rule} reject${when}`];
  const seconds = Math.max(1, Math.ceil(durationMs(limit.window) / 1000));
  const answer = [
    `status ${limit.status} content-type text/plain`,
    `string ${quote('Too many requests. Please wait and try again.\n'.trimEnd())}`,
    `hdr Retry-After ${seconds}`,
    `hdr RateLimit-Policy ${quote(`"default";q=%[var(${variable})];w=${seconds}`)}`,
    `hdr RateLimit ${quote(`"default";r=0;t=${seconds}`)}`,
    'hdr Cache-Control no-store',
  ].join(' ');
  return [`${rule} ${limit.action === 'tarpit' ? 'tarpit' : 'return'} ${answer}${when}`];
}
