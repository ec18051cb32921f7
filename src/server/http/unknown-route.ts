import type { Routes } from '../../api/contract/route.ts';
import { AppError } from '../../base/errors.ts';

/** Tells apart a path that does not exist from a method that the path does not have. */
export function createUnknownRoute(
  routes: Routes,
): (method: string, url: string) => { error: AppError; allow?: string } {
  const paths = Object.values(routes).map(({ method, path }) => ({ method, pattern: pathPattern(path) }));
  return (method, url) => {
    const path = url.split('?', 1)[0] ?? '';
    const methods = [
      ...new Set(paths.filter(({ pattern }) => pattern.test(path)).map((route) => route.method)),
    ];
    if (methods.length === 0) return { error: notFound(path) };
    const allow = methods.flatMap((known) => (known === 'GET' ? ['GET', 'HEAD'] : [known])).join(', ');
    return {
      error: new AppError('method_not_allowed', `${method} is none of ${allow}, which the path has`),
      allow,
    };
  };
}

function notFound(path: string): AppError {
  const shown = path.length > 100 ? `${path.slice(0, 100)}…` : path;
  return new AppError('not_found', `there is no path ${shown}`, { hint: 'All paths are listed at /docs.' });
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
