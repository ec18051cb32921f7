import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ControlPlane,
  createWebLb,
  liveReport,
  startControlPlane,
} from '../../../test/support/control-plane.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { AnswerBody, Question, QuestionBody } from '../../api/agent-questions.ts';
import type { LogLine } from '../../api/logs.ts';
import type { TrafficTotals } from '../../api/stats.ts';
import { type Clock, systemClock } from '../../base/clock.ts';

/** Sleeps are a twentieth of what they are, so that no test waits for a time to be over. */
const clock: Clock = { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };

let plane: ControlPlane;
let url: string;
let lbId: string;
let isEnding = false;
beforeEach(async () => {
  isEnding = false;
  plane = await startControlPlane({ clock });
  url = await plane.server.listen();
  lbId = (await createWebLb(plane)).id;
});
afterEach(async () => {
  isEnding = true;
  await plane.stop();
});

const LB = '/v1/load-balancers/web-lb';
const CLASSES = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, other: 0 };
const TOTALS: TrafficTotals = {
  requests: 42,
  responses: { ...CLASSES, '2xx': 41, '5xx': 1 },
  bytesIn: 1000,
  bytesOut: 2000,
  denied: 3,
  requestErrors: 0,
  connectErrors: 0,
  responseErrors: 0,
  retries: 0,
  redispatches: 0,
  clientAborts: 0,
  serverAborts: 0,
};
const TRAFFIC = {
  connections: 1,
  queue: 0,
  perSecond: { requests: 1.5, responses: CLASSES, bytesIn: 0, bytesOut: 0 },
  totals: TOTALS,
};
const STATS: AnswerBody = { kind: 'stats', time: '2026-11-23T04:00:00.000Z', total: TRAFFIC, pools: [] };
const WORKERS: AnswerBody = { kind: 'workers', old: [] };
const line = (path: string): LogLine => ({
  time: '2026-11-23T04:00:00.000Z',
  client: '192.0.2.1',
  path,
  bytesIn: 1,
  bytesOut: 2,
  milliseconds: { total: 3 },
  termination: '--',
  retries: 0,
});

const asAgent = (method: string, path: string, body?: unknown) =>
  plane.call(method, path, { key: plane.agentToken, ...(body === undefined ? {} : { body }) });

/** Plays an agent that answers everything at once. */
function playAgent(answer: (body: QuestionBody, question: Question) => AnswerBody): Question[] {
  const asked: Question[] = [];
  void (async () => {
    while (!isEnding) {
      const { body } = await asAgent('GET', '/v1/agent/questions?wait=1');
      for (const question of body.questions as Question[]) {
        asked.push(question);
        const answers = [{ id: question.id, body: answer(question.body as QuestionBody, question) }];
        await asAgent('POST', '/v1/agent/answers', { answers });
      }
    }
  })();
  return asked;
}

const answerAll = (body: QuestionBody): AnswerBody => {
  if (body.kind === 'stats') return STATS;
  if (body.kind === 'workers') return WORKERS;
  if (body.kind === 'rate-limits') return { kind: 'rate-limits', limits: [] };
  return { kind: 'logs', lines: [line('/a')], missed: 0 };
};

async function openStream(
  path: string,
): Promise<{ events: string[]; ended: Promise<void>; leave(): void; type: string | null }> {
  const leaving = new AbortController();
  const response = await fetch(url + path, {
    headers: { authorization: `Bearer ${plane.key}`, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  const events: string[] = [];
  const ended = (async () => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      events.push(...parts.filter((part) => !part.startsWith(':')));
    }
  })().catch(() => {});
  return { events, ended, leave: () => leaving.abort(), type: response.headers.get('content-type') };
}

test('stats come from the agent that serves', async () => {
  const asked = playAgent(answerAll);
  const { status, body } = await plane.call('GET', `${LB}/stats`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ total: { totals: { requests: 42 } }, nodes: [{ machine: 'local', old: [] }] });
  expect(asked.map(({ loadBalancerId }) => loadBalancerId)).toEqual([lbId, lbId]);
});

test('without an agent the answer is a 503 that says so, for a stream too', async () => {
  const { status, body, headers } = await plane.call('GET', `${LB}/stats`);
  expect(status).toBe(503);
  expect(headers['retry-after']).toBe('5');
  expect(body).toMatchObject({
    code: 'agent_unavailable',
    detail: 'the agent of machine local does not answer',
    hint: expect.stringContaining('agentmetal machine show local'),
  });
  const stream = await openStream(`${LB}/logs`);
  expect(stream.type).toContain('application/problem+json');
});

test('an agent that refuses is quoted', async () => {
  playAgent(() => ({ kind: 'refused', reason: 'not-serving', detail: 'HAProxy does not serve it yet' }));
  const { status, body } = await plane.call('GET', `${LB}/rate-limit`);
  expect(status).toBe(503);
  expect(body.detail).toBe('the agent of machine local cannot tell: HAProxy does not serve it yet');
});

test('answers in another kind, unasked ones and malformed ones do nothing', async () => {
  const kinds: AnswerBody[] = [WORKERS, { kind: 'rate-limits', limits: [] }];
  const pending = plane.call('GET', `${LB}/rate-limit`);
  const { questions } = (await asAgent('GET', '/v1/agent/questions?wait=5')).body as {
    questions: Question[];
  };
  const id = questions[0]?.id ?? '';
  expect(questions[0]?.body).toEqual({ kind: 'rate-limits', keys: 20 });
  expect(
    (await asAgent('POST', '/v1/agent/answers', { answers: [{ id, body: { kind: 'odd' } }] })).status,
  ).toBe(422);
  await asAgent('POST', '/v1/agent/answers', { answers: [{ id: 'ask_1', body: WORKERS }] });
  for (const body of kinds) await asAgent('POST', '/v1/agent/answers', { answers: [{ id, body }] });
  expect(await pending).toMatchObject({ status: 200, body: { items: [] } });
  expect((await plane.call('GET', '/v1/agent/questions')).status).toBe(403);
});

test('of two polls the later one gets the question: the other’s agent has gone', async () => {
  const before = asAgent('GET', '/v1/agent/questions?wait=60');
  const begun = performance.now();
  await waitFor('the first poll', async () => {
    const later = asAgent('GET', '/v1/agent/questions?wait=60');
    expect((await before).body).toEqual({ questions: [] });
    // A minute is three seconds here.
    expect(performance.now() - begun).toBeLessThan(2000);
    void plane.call('GET', `${LB}/rate-limit`);
    return (await later).body.questions.length === 1;
  });
});

test('logs are asked for as the query says', async () => {
  const asked = playAgent(answerAll);
  const query = 'status=5xx,404&path=/api&backend=web-1:80&method=GET&limit=7&since=5m';
  const { body } = await plane.call('GET', `${LB}/logs?${query}`);
  expect(body).toEqual({ items: [{ ...line('/a'), machine: 'local' }] });
  const question = asked[0]?.body as Extract<QuestionBody, { kind: 'logs' }>;
  expect(question).toMatchObject({
    filter: { status: '5xx,404', path: '/api', backend: 'web-1:80', method: 'GET' },
    limit: 7,
  });
  expect(Math.abs(Date.now() - 300_000 - (question.since ?? 0))).toBeLessThan(5000);
  for (const bad of ['status=6xx', 'status=5xx;', 'limit=0', 'since=yesterday', 'colour=red', 'path=a%0Ab'])
    expect((await plane.call('GET', `${LB}/logs?${bad}`)).status, bad).toBe(400);
});

test('a filter that names what there is not is an error that says what there is, unless there are lines of it still', async () => {
  let lines = [line('/a')];
  playAgent((body) => (body.kind === 'logs' ? { kind: 'logs', lines, missed: 0 } : answerAll(body)));
  const ask = (query: string) => plane.call('GET', `${LB}/logs?${query}`);
  expect((await ask('backend=was-there:80')).body.items).toHaveLength(1);
  lines = [];
  for (const [query, detail, hint] of [
    ['pool=nope', 'web-lb has no pool nope', 'Its pools are: default.'],
    ['backend=web-9:80', 'web-lb has no backend web-9:80', 'Its backends are: web-1:8080, web-2:8080.'],
    ['route=nope', 'web-lb has no route nope', 'It has no routes.'],
  ]) {
    const { status, body } = await ask(query ?? '');
    expect([status, body.code, body.detail, body.hint]).toEqual([404, 'not_found', detail, hint]);
    const accept = 'text/event-stream';
    expect((await plane.call('GET', `${LB}/logs?${query}`, { headers: { accept } })).status).toBe(404);
  }
  for (const query of ['pool=default', 'backend=web-1:8080', 'path=/nope'])
    expect((await ask(query)).body).toEqual({ items: [] });
});

test('a stream of stats goes on over an agent that is away, and ends with its reader', async () => {
  let isAway = false;
  const asked = playAgent((body) =>
    isAway ? { kind: 'refused', reason: 'failed', detail: 'away' } : answerAll(body),
  );
  const stream = await openStream(`${LB}/stats`);
  expect(stream.type).toBe('text/event-stream; charset=utf-8');
  await waitFor('two events', () => stream.events.length >= 2);
  expect(stream.events[0]).toMatch(/^event: stats\ndata: \{"time":/);
  isAway = true;
  await waitFor('a problem', () =>
    stream.events.some((event) => event.startsWith('event: problem\ndata: {')),
  );
  isAway = false;
  await waitFor('stats again', () => stream.events.at(-1)?.startsWith('event: stats'));
  stream.leave();
  await stream.ended;
  let count = -1;
  // Nobody asks the agent any more.
  await waitFor('silence', async () => {
    const before = count;
    count = asked.length;
    await systemClock.sleep(200);
    return asked.length === before;
  });
});

test('a stream of logs tells each line once, with where to go on, and ends with the server', async () => {
  let turn = 0;
  const cursors: (string | undefined)[] = [];
  playAgent((body) => {
    if (body.kind !== 'logs') return answerAll(body);
    cursors.push(body.follow?.cursor);
    turn += 1;
    if (turn > 3) return { kind: 'logs', lines: [], cursor: 'c.9', missed: 0 };
    return { kind: 'logs', lines: [line(`/${turn}`)], cursor: `c.${turn}`, missed: turn === 2 ? 5 : 0 };
  });
  const stream = await openStream(`${LB}/logs`);
  await waitFor('three lines', () => stream.events.length >= 4);
  expect(stream.events[0]).toMatch(
    /^id: local=c\.1\nevent: request\ndata: \{.*"path":"\/1".*"machine":"local"\}$/,
  );
  expect(stream.events[1]).toBe('event: missed\ndata: {"lines":5,"machine":"local"}');
  expect(cursors.slice(0, 4)).toEqual([undefined, 'c.1', 'c.2', 'c.3']);
  isEnding = true;
  plane = await plane.restart();
  await stream.ended;
});

test('HEAD opens no stream', async () => {
  playAgent(answerAll);
  const headers = { accept: 'text/event-stream' };
  expect(await plane.call('HEAD', `${LB}/stats`, { headers })).toMatchObject({ status: 200, text: '' });
});

test('metrics tell what agents reported of the traffic', async () => {
  const report = liveReport((await plane.call('GET', LB)).body);
  await plane.agent.report({ ...report, traffic: { connections: 7, totals: TOTALS } });
  const { text } = await plane.call('GET', '/metrics', { key: null });
  const labels = 'load_balancer="web-lb",machine="local"';
  expect(text).toContain(`agentmetal_load_balancer_requests_total{${labels}} 42\n`);
  expect(text).toContain(`agentmetal_load_balancer_responses_total{${labels},code="5xx"} 1\n`);
  expect(text).toContain(`agentmetal_load_balancer_connections{${labels}} 7\n`);
  await plane.call('DELETE', LB);
  expect((await plane.call('GET', '/metrics', { key: null })).text).not.toContain('web-lb');
});
