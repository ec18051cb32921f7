import { it } from 'vitest';
import { compileRoutes } from '/work/main/src/haproxy/config/routing/compile.ts';
it('x', () => {
  for (const n of [200, 1000, 2000, 3000]) {
    const routes = [...Array.from({ length: n }, (_, i) => ({ name: `h${i}`, match: { host: `h${i}.x` }, pool: 'default' })), ...Array.from({ length: n }, (_, i) => ({ name: `p${i}`, match: { pathPrefix: `/p${i}` }, pool: 'default' }))];
    // hosts after the anywhere ones
    const t = performance.now(); const c = compileRoutes([...routes.slice(n), ...routes.slice(0, n)] as never);
    console.log(n, c.prefixes.size + c.exact.size, Math.round(performance.now() - t), Math.round(process.memoryUsage().rss / 1e6));
  }
  for (const n of [2000, 10000]) { const routes = Array.from({ length: n }, (_, i) => ({ name: `p${i}`, match: { host: 'a.x', pathPrefix: `/p${i}` }, pool: 'default' })); const t = performance.now(); compileRoutes(routes as never); console.log('same host', n, Math.round(performance.now() - t)); }
}, 200000);
