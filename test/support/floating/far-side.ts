import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DesiredLoadBalancer, LoadBalancerReport } from '../../../src/api/agent.ts';
import type { AnswerBody, QuestionBody } from '../../../src/api/agent-questions.ts';
import { BACKEND_PORTS, CONTROL_PORT, type FromFarSide, type ToFarSide } from './far-side-messages.ts';

/**
 * Runs beside the backends in their network: the backends, and what agents call, which speaks the agent's API and gives the
 * orders that the parent sends.
 */

const orders = new Map<string, { version: number; order: DesiredLoadBalancer | undefined }>();
const waiting = new Map<string, Set<() => void>>();
const questions = new Map<string, { id: string; body: QuestionBody }[]>();
let asked = 0;

const send = (message: FromFarSide) => process.send?.(message);

process.on('message', (message: ToFarSide) => {
  if (message.kind !== 'ask') {
    const version = (orders.get(message.node)?.version ?? 0) + 1;
    orders.set(message.node, { version, order: message.kind === 'order' ? message.order : undefined });
  } else {
    const question = { id: `question-${++asked}`, body: message.body };
    questions.set(message.node, [...(questions.get(message.node) ?? []), question]);
  }
  for (const wake of waiting.get(message.node) ?? []) wake();
});
process.on('disconnect', () => process.exit());

/** Holds an answer back until the parent has sent something, or the time is over. */
function news(node: string, request: IncomingMessage): Promise<void> {
  const waiters = waiting.get(node) ?? new Set();
  waiting.set(node, waiters);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiters.delete(done);
      resolve();
    };
    const timer = setTimeout(done, 5000);
    waiters.add(done);
    request.once('close', done);
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://control');
  const node = (request.headers.authorization ?? '').replace('Bearer ', '');
  const json = (body: unknown) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  switch (url.pathname) {
    case '/v1/agent/desired': {
      const since = Number(url.searchParams.get('since'));
      if ((orders.get(node)?.version ?? 0) <= since) await news(node, request);
      const { version = 0, order } = orders.get(node) ?? {};
      const changed = order && version > since ? [order] : [];
      json({ controlPlaneId: 'cp_test', version, ids: order ? [order.id] : [], changed });
      return;
    }
    case '/v1/agent/questions': {
      if (!questions.has(node)) await news(node, request);
      const list = questions.get(node) ?? [];
      questions.delete(node);
      const loadBalancerId = orders.get(node)?.order?.id ?? '';
      json({
        questions: list.map((question) => ({ ...question, loadBalancerId, timeoutMs: 10_000 })),
      });
      return;
    }
    case '/v1/agent/answers': {
      const { answers } = JSON.parse(await text(request)) as { answers: { body: AnswerBody }[] };
      for (const { body } of answers) send({ kind: 'answer', node, body });
      break;
    }
    case '/v1/agent/report': {
      const { loadBalancers } = JSON.parse(await text(request)) as { loadBalancers: LoadBalancerReport[] };
      for (const report of loadBalancers) send({ kind: 'report', node, report });
      break;
    }
  }
  response.writeHead(204).end();
}

const control = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
const backends = BACKEND_PORTS.map((port) =>
  // It names itself, and by which node it was asked.
  createServer((request, response) => {
    response.end(`${port} ${request.socket.remoteAddress}`);
  }).listen(port),
);
control.listen(CONTROL_PORT, () => send({ kind: 'ready' }));
for (const server of [control, ...backends]) server.keepAliveTimeout = 60_000;
