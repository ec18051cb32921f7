import { listOf } from '../../spec/route-name.ts';
import type { Redirect, Route, RouteMatch } from '../../spec/route.ts';
import type { Column } from './table.ts';

/** A route in words: `app.example.com /api* -> pool api`. */
export function routeText(route: Omit<Route, 'name'>): string {
  return `${matchText(route.match)} -> ${actionText(route)}`;
}

/** The columns of `lb route list`. */
export function routeColumns(): Array<Column<Route>> {
  return [
    { heading: 'ROUTE', cell: ({ name }) => name },
    { heading: 'MATCH', cell: ({ match }) => matchText(match) },
    { heading: 'TO', cell: actionText },
    { heading: 'CHANGES', cell: changesText },
  ];
}

function matchText({ method, host, path, pathPrefix, header = {} }: RouteMatch): string {
  const place = [listOf(host).join('|'), path ?? (pathPrefix === undefined ? '' : `${pathPrefix}*`)];
  const headers = Object.entries(header).map(([name, value]) => `${name}: ${value}`);
  const parts = [listOf(method).join('|'), ...place, ...headers].filter((part) => part !== '');
  return parts.length === 0 ? 'everything' : parts.join(' ');
}

/** What a route does. A fresh one may still lack what the control plane fills in. */
function actionText({ pool, split, redirect, respond }: Omit<Route, 'name'>): string {
  if (split) return `split ${split.map((part) => `${part.pool}=${part.weight}`).join(',')}`;
  if (redirect) return `redirect ${redirect.status ?? 302} to ${placeText(redirect)}`;
  if (respond) return `answer ${respond.status ?? 200}`;
  return `pool ${pool ?? ''}`;
}

function placeText({ scheme, host, path }: Redirect): string {
  if (host === undefined) return scheme === undefined ? (path ?? '') : `${scheme}://…${path ?? ''}`;
  return `${scheme === undefined ? '' : `${scheme}:`}//${host}${path ?? ''}`;
}

function changesText({ rewrite = {}, headers, rateLimit }: Route): string {
  const { path, pathPrefix, host } = rewrite;
  const counts = [headers?.request, headers?.response].map((changes) =>
    changes ? Object.keys({ ...changes.set, ...changes.add }).length + (changes.remove?.length ?? 0) : 0,
  );
  const count = counts.reduce((sum, each) => sum + each, 0);
  return [
    ...(path === undefined ? [] : [`path ${path}`]),
    ...(pathPrefix === undefined ? [] : [`prefix ${pathPrefix}`]),
    ...(host === undefined ? [] : [`host ${host}`]),
    ...(count === 0 ? [] : [`${count} ${count === 1 ? 'header' : 'headers'}`]),
    ...(rateLimit ? [`limit ${rateLimit.requests}/${rateLimit.window}`] : []),
  ].join(', ');
}
