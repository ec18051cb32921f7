import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Route, Routes } from '../../api/contract/route.ts';
import type { Store } from '../../store/open.ts';
import { authorize, bearerToken } from './auth.ts';
import type { Answer, Handler, Handlers, Identity } from './handler.ts';
import { readRequest } from './read-request.ts';

const BODY_LIMIT = 8 * 1024 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity;
  }
}

/** Registers a table of routes with its handlers. */
export function registerRoutes<T extends Routes>(
  app: FastifyInstance,
  store: Store,
  routes: T,
  handlers: Handlers<T>,
): void {
  for (const [id, route] of Object.entries(routes)) {
    registerRoute(app, store, route, handlers[id] as unknown as Handler);
  }
}

function registerRoute(app: FastifyInstance, store: Store, route: Route, handler: Handler): void {
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: route.bodyLimit ?? BODY_LIMIT,
    // Before the body is read: nobody without a key makes us read eight megabytes.
    onRequest: async (request) => {
      request.identity = await authorize(store, route, bearerToken(request.headers));
    },
    handler: async (request, reply) => {
      const parts = readRequest(route, request, request.identity, bearerToken(request.headers));
      return send(reply, await handler(parts));
    },
  });
}

function send(reply: FastifyReply, { status, headers = {}, body }: Answer): FastifyReply {
  reply.code(status).headers(headers);
  if (body === undefined) return reply.send();
  if (typeof body === 'string') return reply.send(body);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}
