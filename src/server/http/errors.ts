import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, messageOf, systemCode } from '../../base/errors.ts';
import { PROBLEM_TYPE, callerError, problemOf } from './problem.ts';

type UnknownRoute = (method: string, url: string) => { error: AppError; allow?: string };

/** Makes every error a problem document, those of the framework included. */
export function addErrorHandling(app: FastifyInstance, unknownRoute: UnknownRoute): void {
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const { error, allow } = unknownRoute(request.method, request.url);
    if (allow !== undefined) reply.header('allow', allow);
    return answerProblem(error, request, reply);
  });
}

export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = callerError(error);
  if (!known || known.status >= 500) request.log.error({ err: error }, 'a request failed');
  const shown =
    known ?? new AppError('internal', 'the control plane met a fault of its own', { hint: INTERNAL_HINT });
  if (shown.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="agentmetal"');
  if (RETRY_LATER.has(shown.code)) reply.header('retry-after', '5');
  return reply
    .code(shown.status)
    .header('x-request-id', request.id)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemOf(shown, request.id)));
}

const RETRY_LATER: ReadonlySet<string> = new Set(['unavailable', 'agent_unavailable', 'storage_full']);
const INTERNAL_HINT = 'Look for the requestId in the log of the control plane, and report what is there.';

/** Answers what is no HTTP at all, or has headers beyond measure. */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  if (!socket.writable || systemCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const detail = `the request is not valid HTTP: ${messageOf(error)}`;
  const body = JSON.stringify(problemOf(new AppError('invalid_request', detail), 'none'));
  const head = [
    'HTTP/1.1 400 Bad Request',
    'connection: close',
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
