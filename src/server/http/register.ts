import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Route, Routes } from '../../api/contract/route.ts';
import type { ServerContext } from '../context.ts';
import { authorize, bearerToken } from './auth.ts';
import type { Answer, Handler, Handlers, Identity } from './handler.ts';
import { EVENT_STREAM, eventStream } from './event-stream.ts';
import { whileAuthorized } from './while-authorized.ts';
import { readRequest } from './read-request.ts';

const BODY_LIMIT = 8 * 1024 * 1024;

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity;
  }
}

type Context = Pick<ServerContext, 'store' | 'clock'>;

/** Registers a table of routes with its handlers. */
export function registerRoutes<T extends Routes>(
  app: FastifyInstance,
  context: Context,
  routes: T,
  handlers: Handlers<T>,
): void {
  for (const [id, route] of Object.entries(routes)) {
    registerRoute(app, context, route, handlers[id] as unknown as Handler);
  }
}

function registerRoute(app: FastifyInstance, context: Context, route: Route, handler: Handler): void {
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: route.bodyLimit ?? BODY_LIMIT,
    // Before the body is read: nobody without a key makes us read eight megabytes.
    onRequest: async (request) => {
      request.identity = await authorize(context, route, bearerToken(request.headers));
    },
    handler: async (request, reply) => {
      const { identity, headers, method } = request;
      const signal = signalOf(reply);
      const parts = readRequest(route, request, { identity, token: bearerToken(headers), signal });
      const answer = await handler(parts);
      const stillMay = () => authorize(context, route, bearerToken(headers));
      const events = answer.events && whileAuthorized(answer.events, stillMay, context.clock);
      return send(reply, events ? { ...answer, events } : answer, method);
    },
  });
}

/** Tells when the caller has gone before all was answered. */
function signalOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

function send(
  reply: FastifyReply,
  { status, headers = {}, body, events, stream }: Answer,
  method: string,
): FastifyReply {
  reply.code(status).headers(headers);
  if (events) {
    reply.type(`${EVENT_STREAM}; charset=utf-8`);
    // A proxy in between would gather events otherwise.
    reply.header('x-accel-buffering', 'no');
    // Kept open after a stream's end, the connection would hold up the end of the server.
    reply.header('connection', 'close');
    return method === 'HEAD' ? reply.send('') : reply.send(eventStream(events));
  }
  if (stream) return reply.send(stream);
  if (body === undefined) return reply.send();
  if (typeof body === 'string') return reply.send(body);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}
