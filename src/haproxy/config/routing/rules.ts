import type { HeaderChanges, Headers } from '../../../spec/header.ts';
import type { LoadBalancerSpec } from '../../../spec/load-balancer.ts';
import { type Route, listOf } from '../../../spec/route.ts';
import type { ServiceModel } from '../../model.ts';
import { pageFile } from '../files.ts';
import { HOST, WILDCARD_HOST } from '../host.ts';
import { lookupPaths } from '../lookup-paths.ts';
import { quote, quoteLogFormat } from '../quote.ts';
import {
  ANY_SITE,
  NO_ROUTE,
  PATH_END,
  SEPARATOR,
  SPLIT_SLOTS,
  type Site,
  compileRoutes,
  decisionOf,
  folderOf,
  profileOf,
  respondId,
  sitesOf,
  soleScheme,
} from './compile.ts';

/** Rules that find the route of a request and leave what it says in variables. */
export function routingLines(model: ServiceModel): string[] {
  const { routes } = model.spec;
  if (routes.length === 0) return [];
  const { conditional } = compileRoutes(routes);
  return [
    ...findLines(model),
    ...conditionalLines(conditional),
    ...(routes.every(isToPool)
      ? []
      : [
          'http-request set-var(txn.kind) var(txn.rule),field(2,|)',
          'http-request set-var(txn.pool) var(txn.rule),field(3,|)',
        ]),
    ...(routes.some((route) => profileOf(route) !== '')
      ? ['http-request set-var(txn.profile) var(txn.rule),field(4,|)']
      : []),
    ...splitLines(model),
  ];
}

const isToPool = ({ pool }: Route) => pool !== undefined;

/** The pool that was chosen. */
export function chosenPool({ routes }: Pick<LoadBalancerSpec, 'routes'>): string {
  return routes.every(isToPool) ? 'var(txn.rule),field(3,|)' : 'var(txn.pool)';
}

/** The name of the route that was found, for the access log. */
export const ROUTE_NAME = 'var(txn.rule),field(5,|)';

/** A host's name or IPv4 address, or an IPv6 address (RFC 3986, section 3.2.2, without what nobody uses). */
const IS_HOST = '^([a-z0-9._-]*|\\[[0-9a-f.]*:[0-9a-f.:]*\\])$';

/** Where the routes of each kind of site are looked up, the most particular first. */
const SITE_KEYS: readonly (readonly [Site, string])[] = [
  ['exact', `var(${HOST})`],
  ['wildcard', WILDCARD_HOST],
  ['any', `str(${ANY_SITE})`],
];

/**
 * The plain routes: host and path are looked up, then the host with a wildcard, then no host at all, as far as there are
 * routes of that kind. What is found there takes the place of what was found before where its routes come first in the
 * spec. Each lookup costs every request, so what was found in the first stretch ends the search.
 */
function findLines(model: ServiceModel): string[] {
  const routes = quote(lookupPaths(model).routes);
  const sites = sitesOf(model.spec.routes);
  const keys = SITE_KEYS.filter(([site]) => sites.has(site)).map(([, key]) => key);
  const find = (name: string, key: string) =>
    `http-request set-var(txn.${name}) ${key},concat(,txn.path,${PATH_END}),map_beg(${routes})`;
  return [
    // With a slash in it, the host would be taken for the beginning of a path.
    `http-request deny deny_status 400 if { var(${HOST}) -m sub / }`,
    'http-request set-var(txn.path) path',
    ...keys.slice(0, 1).map((key) => find('rule', key)),
    `acl route-decided var(txn.rule) -m end ${SEPARATOR}1`,
    // A host that the table knows is one.
    `http-request deny deny_status 400 if ${sites.has('exact') ? '!route-decided ' : ''}{ var(${HOST}) -m found } !{ var(${HOST}) -m reg -- ${quote(IS_HOST)} }`,
    ...keys
      .slice(1)
      .flatMap((key) => [
        `${find('other', key)} if !route-decided`,
        'http-request set-var(txn.stretch) var(txn.rule),field(6,|) if !route-decided',
        'http-request set-var(txn.rule) var(txn.other) if !route-decided !{ var(txn.rule) -m found } || !route-decided { var(txn.other),field(6,|),sub(txn.stretch) lt 0 }',
      ]),
    `http-request set-var(txn.rule) str(${NO_ROUTE}),map_beg(${routes}) if !{ var(txn.rule) -m found }`,
  ];
}

/** Routes that also go by header or method: rules in their order, each before the plain ones that come after it. */
function conditionalLines(routes: readonly Route[]): string[] {
  if (routes.length === 0) return [];
  return [
    'http-request set-var(txn.rank) var(txn.rule),field(1,|)',
    ...routes.flatMap(conditionalRule),
    'http-request set-var(txn.rule) var(txn.chosen) if { var(txn.chosen) -m found }',
  ];
}

function conditionalRule(route: Route, index: number): string[] {
  const conditions = matchAcls(route).map((alternatives, part) => ({
    name: `route${index}.${part}`,
    alternatives,
  }));
  const names = conditions.map(({ name }) => name).join(' ');
  return [
    // Lines of one name are alternatives.
    ...conditions.flatMap(({ name, alternatives }) => alternatives.map((text) => `acl ${name} ${text}`)),
    `http-request set-var(txn.chosen) str(${decisionOf(route)}) if !{ var(txn.chosen) -m found } { var(txn.rank) -m int gt ${index} } ${names}`,
  ];
}

/** What the route goes by: all of it must hold, each in one of its alternatives. */
function matchAcls(route: Route): string[][] {
  const { match } = route;
  const scheme = soleScheme(route);
  const hosts = listOf(match.host);
  const methods = listOf(match.method);
  const folder = folderOf(match.pathPrefix ?? '/');
  return [
    ...(scheme === undefined ? [] : [[scheme === 'https' ? 'ssl_fc,not' : 'ssl_fc']]),
    ...(methods.length > 0 ? [[`method ${methods.join(' ')}`]] : []),
    ...(hosts.length > 0 ? [hostAcls(hosts)] : []),
    ...(match.path === undefined ? [] : [[`var(txn.path) -m str -- ${quote(match.path)}`]]),
    ...(folder === '/' ? [] : [[prefixAcl(folder)]]),
    ...Object.entries(match.header ?? {}).map(([name, value]) => [
      value === '*' ? `req.hdr(${name}) -m found` : `req.fhdr(${name}) -m str -- ${quote(value)}`,
    ]),
  ];
}

/** HAProxy takes 64 words on a line. */
const HOSTS_PER_LINE = 40;

function hostAcls(hosts: readonly string[]): string[] {
  const exact = hosts.filter((host) => !host.startsWith('*'));
  const wild = hosts.filter((host) => host.startsWith('*'));
  const lines = (fetch: string, list: readonly string[]) =>
    chunks(list, HOSTS_PER_LINE).map((part) => `${fetch} -m str -- ${part.map(quote).join(' ')}`);
  return [...lines(`var(${HOST})`, exact), ...lines(WILDCARD_HOST, wild)];
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

function prefixAcl(folder: string): string {
  // With a slash put behind it, `/api` begins with `/api/` as well, and `/apifoo` does not.
  return `var(txn.path),concat(/) -m beg -- ${quote(folder)}`;
}

function splitLines(model: ServiceModel): string[] {
  if (!model.spec.routes.some(({ split }) => split)) return [];
  const splits = quote(lookupPaths(model).splits);
  const isSplit = 'if { var(txn.kind) -m str split }';
  return [
    `http-request set-var(txn.slot) rand(${SPLIT_SLOTS}) ${isSplit}`,
    `http-request set-var(txn.pool) var(txn.pool),concat(/,txn.slot),map_str(${splits}) ${isSplit}`,
  ];
}

/** Answers that no backend gives: redirects, fixed responses, and that there is no route. */
export function answerLines(model: ServiceModel): string[] {
  if (model.spec.routes.length === 0) return [];
  return [
    ...redirectLines(model),
    ...respondLines(model),
    `http-request return status 404 content-type text/plain string 'No route is for this request.' if { var(txn.rule),field(2,|) -m str none }`,
  ];
}

function redirectLines(model: ServiceModel): string[] {
  const { routes } = model.spec;
  if (!routes.some(({ redirect }) => redirect)) return [];
  const isRedirect = 'if { var(txn.kind) -m str redirect }';
  const named = (name: string, index: number) =>
    `http-request set-var(txn.${name}) var(txn.to),field(${index},|) ${isRedirect}`;
  const otherwise = (name: string, value: string, condition = '') =>
    `http-request set-var(txn.${name}) ${value} ${isRedirect} { var(txn.${name}) -m len 0 }${condition}`;
  return [
    `http-request set-var(txn.to) var(txn.pool),map_str(${quote(lookupPaths(model).redirects)}) ${isRedirect}`,
    named('scheme', 2),
    otherwise('scheme', 'ssl_fc,iif(https,http)'),
    named('authority', 3),
    // A port belongs to its scheme: where http was spoken, https is not.
    otherwise('authority', 'req.hdr(host),host_only', ' !{ ssl_fc,iif(https,http),strcmp(txn.scheme) eq 0 }'),
    otherwise('authority', 'req.hdr(host)'),
    named('target', 4),
    otherwise('target', 'pathq'),
    ...[301, 302, 303, 307, 308].map(
      (status) =>
        `http-request redirect location %[var(txn.scheme)]://%[var(txn.authority)]%[var(txn.target)] code ${status} ${isRedirect} { var(txn.to),field(1,|) -m str ${status} }`,
    ),
  ];
}

/** RFC 9110, sections 15.3.5 and 15.4.5. */
const BODILESS = new Set([204, 304]);

function respondLines(model: ServiceModel): string[] {
  const distinct = new Map(
    model.spec.routes.flatMap((route) => (route.respond ? [[respondId(route), route.respond] as const] : [])),
  );
  return [...distinct].map(([id, { status, contentType, body }]) => {
    const isEmpty = body === '' || BODILESS.has(status);
    const payload = isEmpty
      ? ''
      : ` content-type ${quote(contentType)} file ${quote(pageFile(model, body).path)}`;
    return `http-request return status ${status}${payload} if { var(txn.kind) -m str respond } { var(txn.pool) -m str ${id} }`;
  });
}

/** What routes change of requests on their way: one set of rules for all routes that do the same. */
export function profileLines({ routes }: Pick<LoadBalancerSpec, 'routes'>): string[] {
  const profiles = new Map(
    routes.filter((route) => profileOf(route) !== '').map((route) => [profileOf(route), route]),
  );
  return [...profiles].flatMap(([profile, { rewrite, headers, match }]) => {
    const condition = profileCondition(profile);
    return [
      ...(rewrite ? rewriteLines(rewrite, match.pathPrefix, condition) : []),
      ...headerLines(headers, condition),
    ];
  });
}

/** Holds for the requests of routes with that profile. */
export function profileCondition(profile: string): string {
  return `{ var(txn.profile) -m str ${profile} }`;
}

function rewriteLines(
  { path, pathPrefix, host }: NonNullable<Route['rewrite']>,
  matched: string | undefined,
  condition: string,
): string[] {
  const lines = host === undefined ? [] : [`http-request set-header Host ${quote(host)} if ${condition}`];
  if (path !== undefined) lines.push(`http-request set-path ${quoteLogFormat(path)} if ${condition}`);
  if (pathPrefix === undefined || matched === undefined) return lines;
  const cut = folderOf(matched).length - 1;
  const begin = folderOf(pathPrefix).slice(0, -1);
  return [
    ...lines,
    `http-request set-var(txn.rest) path,bytes(${cut}) if ${condition}`,
    ...(begin === ''
      ? [
          `http-request set-path %[var(txn.rest)] if ${condition} { var(txn.rest) -m len gt 0 }`,
          `http-request set-path / if ${condition} !{ var(txn.rest) -m len gt 0 }`,
        ]
      : [`http-request set-path ${quote(`${begin.replaceAll('%', '%%')}%[var(txn.rest)]`)} if ${condition}`]),
  ];
}

/** Changes of headers in both directions. */
export function headerLines(headers: Headers | undefined, condition = ''): string[] {
  if (!headers) return [];
  return [
    ...changeLines('http-request', headers.request, condition),
    ...changeLines('http-after-response', headers.response, condition),
  ];
}

function changeLines(rule: string, { set, add, remove }: HeaderChanges, condition: string): string[] {
  const when = condition === '' ? '' : ` if ${condition}`;
  return [
    ...remove.map((name) => `${rule} del-header ${name}${when}`),
    ...Object.entries(set).map(
      ([name, value]) => `${rule} set-header ${name} ${quoteLogFormat(value)}${when}`,
    ),
    ...Object.entries(add).map(
      ([name, value]) => `${rule} add-header ${name} ${quoteLogFormat(value)}${when}`,
    ),
  ];
}
