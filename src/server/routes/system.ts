import type { systemRoutes } from '../../api/contract/system.ts';
import { buildOpenApi } from '../../api/openapi.ts';
import { VERSION } from '../../base/version.ts';
import { readMeta } from '../../store/meta.ts';
import type { ServerContext } from '../context.ts';
import { renderDocsPage } from '../docs/page.ts';
import type { Handlers } from '../http/handler.ts';
import { renderMetrics } from '../metrics.ts';

export function systemHandlers(context: ServerContext): Handlers<typeof systemRoutes> {
  const document = buildOpenApi();
  const docs = renderDocsPage(document);
  return {
    getLiveness: async () => ({ status: 200, body: { status: 'ok', version: VERSION } }),
    async getReadiness() {
      await context.store.transaction((tx) => readMeta(tx, 'control_plane_id'));
      return { status: 200, body: { status: 'ok' } };
    },
    async getMetrics() {
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
      return { status: 200, headers, body: await renderMetrics(context) };
    },
    getOpenApi: async () => ({ status: 200, body: document }),
    getDocs: async () => ({
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': docs.contentSecurityPolicy,
      },
      body: docs.html,
    }),
    getRoot: async () => ({ status: 302, headers: { location: '/docs' } }),
  };
}
