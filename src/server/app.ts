import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';
import { allRoutes } from '../api/contract/all.ts';
import type { Routes } from '../api/contract/route.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { TlsFiles } from './config.ts';
import type { ServerContext } from './context.ts';
import { addErrorHandling, answerBrokenRequest, answerProblem } from './http/errors.ts';
import { parseJsonBody } from './http/json-body.ts';
import { createKeyUsage } from './http/key-usage.ts';
import type { ParsedBody } from './http/read-request.ts';
import { createUnknownRoute } from './http/unknown-route.ts';

/** Longer than any name; what is longer is answered as a bad request and not as a path that does not exist. */
const MAX_PARAM_LENGTH = 32_768;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

export interface AppOptions {
  /** Speaks TLS with this certificate. Default: plain HTTP. */
  tls?: TlsPair | undefined;
  /** What will be registered, so that a wrong method is told from a wrong path. Default: all of the API. */
  routes?: Routes;
}

/** A certificate chain and its private key, PEM. */
export interface TlsPair {
  cert: string | Buffer;
  key: string | Buffer;
}

/** The HTTP server without its routes: limits, headers, bodies and errors. */
export async function createApp(
  context: ServerContext,
  { tls, routes = allRoutes }: AppOptions = {},
): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    loggerInstance: context.log,
    genReqId: (request) => requestId(context, request),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    frameworkErrors: answerProblem,
    clientErrorHandler: answerBrokenRequest,
    ...(tls ? { https: { ...tls, minVersion: 'TLSv1.2' } } : {}),
  }) as unknown as FastifyInstance;
  addErrorHandling(app, createUnknownRoute(routes));
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    // A browser that once saw this header would refuse plain HTTP on the host for every other port as well.
    strictTransportSecurity: tls !== undefined,
  });
  addBodyParser(app);
  addHooks(app, context);
  return app;
}

function addBodyParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, async (_request: unknown, bytes: Buffer) => {
    const body: ParsedBody = { value: parseJsonBody(bytes), bytes };
    return body;
  });
}

function addHooks(app: FastifyInstance, context: ServerContext): void {
  const noteUsage = createKeyUsage(context);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('cache-control', 'no-store');
  });
  app.addHook('onSend', async (_request, reply) => {
    // Whoever has its answer while the control plane closes would else be waited for as long as a connection may be idle.
    if (context.closing.aborted) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request) => noteUsage(request.identity));
}

/** A proxy's id when it sends a sane one, so that its log and ours can be read together. */
function requestId({ newId }: ServerContext, { headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('req');
}

export function readTls({ cert, key }: TlsFiles): TlsPair {
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (error) {
    throw new AppError('invalid_request', `the certificate or key cannot be read: ${messageOf(error)}`, {
      hint: 'Check the paths of --tls-cert and --tls-key, and that this user may read them.',
      cause: error,
    });
  }
}
