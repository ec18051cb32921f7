import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ControlPlane, createWebLb, startControlPlane } from '../../../test/support/control-plane.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { AnswerBody, Question, QuestionBody } from '../../api/agent-questions.ts';
import type { LogLine } from '../../api/logs.ts';
import type { LoadBalancerTraffic, Stats } from '../../api/stats.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { findMachine, insertMachine } from '../../store/machines.ts';
import { deleteNode, insertNode } from '../../store/nodes.ts';
import { openStore } from '../../store/open.ts';

/** Sleeps are a fifth of what they are: short to wait for, and long enough for an answer on a busy machine. */
const clock: Clock = { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / 5, signal) };

const MACHINES = ['lb-1', 'lb-2', 'lb-3'] as const;
type Name = (typeof MACHINES)[number];
const LB = '/v1/load-balancers/web-lb';
const tokenOf = (name: Name) => `am_test_key_of_agent_${name}_0123456789abcdef`;

let plane: ControlPlane;
let url: string;
let lbId: string;
let isEnding = false;

beforeEach(async () => {
  isEnding = false;
  plane = await startControlPlane({ clock });
  url = await plane.server.listen();
  lbId = (await createWebLb(plane)).id;
  await withStore(async (tx) => {
    const local = await findMachine(tx, 'local');
    if (!local) throw new Error('there is no local machine');
    for (const [position, name] of MACHINES.entries()) {
      const tokenHash = createHash('sha256').update(tokenOf(name)).digest('hex');
      const lastReportAt = new Date().toISOString();
      await insertMachine(tx, { ...local, id: `machine_${name}`, name, tokenHash, lastReportAt });
      await insertNode(tx, { loadBalancerId: lbId, machineId: `machine_${name}`, position: position + 1 });
    }
    await deleteNode(tx, { loadBalancerId: lbId, machineId: local.id });
  });
});
afterEach(async () => {
  isEnding = true;
  await plane.stop();
});

async function withStore(change: Parameters<Awaited<ReturnType<typeof openStore>>['transaction']>[0]) {
  const store = await openStore(plane.dataDir);
  await store.transaction(change);
  await store.close();
}

/** Plays the agent of a machine, which answers everything at once, until it is silenced. */
function play(name: Name, answer: (body: QuestionBody) => AnswerBody): { silence(): void } {
  let isSilent = false;
  const call = (method: string, path: string, body?: unknown) =>
    plane.call(method, path, { key: tokenOf(name), ...(body === undefined ? {} : { body }) });
  void (async () => {
    while (!isEnding && !isSilent) {
      const { body } = await call('GET', '/v1/agent/questions?wait=1');
      for (const { id, body: question } of (body?.questions ?? []) as Question[]) {
        if (isSilent) return;
        await call('POST', '/v1/agent/answers', {
          answers: [{ id, body: answer(question as QuestionBody) }],
        });
      }
    }
  })();
  return { silence: () => (isSilent = true) };
}

const CLASSES = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, other: 0 };

function traffic(requests: number, { rate = 0, averageMs = 1 } = {}): LoadBalancerTraffic {
  const average = { queue: 0, connect: 0, response: averageMs, total: averageMs };
  return {
    connections: 2,
    queue: 1,
    perSecond: { requests: rate, responses: { ...CLASSES, '2xx': rate }, bytesIn: 0, bytesOut: 0 },
    totals: {
      requests,
      responses: { ...CLASSES, '2xx': requests },
      bytesIn: 10,
      bytesOut: 20,
      denied: 1,
      requestErrors: 0,
      connectErrors: 0,
      responseErrors: 0,
      retries: 0,
      redispatches: 0,
      clientAborts: 0,
      serverAborts: 0,
    },
    averageMs: average,
  };
}

interface Told {
  requests: number;
  rate?: number;
  averageMs?: number;
  state?: 'up' | 'down';
  /** How long how many requests took. */
  counts?: [number, number][];
}

function statsOf({ requests, state = 'up', counts = [], ...more }: Told): AnswerBody {
  const all = traffic(requests, more);
  return {
    kind: 'stats',
    time: '2026-11-23T04:00:00.000Z',
    total: all,
    pools: [{ name: 'default', ...all, backends: [{ target: 'web-1:80', state, ...all }] }],
    times: [{ pool: 'default', counts }],
  };
}

const answering =
  (told: Told) =>
  (body: QuestionBody): AnswerBody =>
    body.kind === 'stats' ? statsOf(told) : { kind: 'workers', old: [] };

const stats = async (query = '') => (await plane.call('GET', `${LB}/stats${query}`)).body as Stats;

test('statistics are the sum of all nodes, and each node is told apart', async () => {
  play(
    'lb-1',
    answering({
      requests: 100,
      rate: 30,
      averageMs: 2,
      counts: [
        [1, 98],
        [50, 2],
      ],
    }),
  );
  play('lb-2', answering({ requests: 20, rate: 10, averageMs: 6, state: 'down', counts: [[1, 50]] }));
  play('lb-3', answering({ requests: 3, averageMs: 900, counts: [[1000, 50]] }));
  const { total, pools, nodes } = await stats();
  expect(total).toMatchObject({
    connections: 6,
    queue: 3,
    perSecond: { requests: 40, responses: { '2xx': 40 } },
    totals: { requests: 123, responses: { '2xx': 123 }, bytesOut: 60, denied: 3 },
    // The one that serves nothing now has no say in how long it takes.
    averageMs: { total: 3 },
    percentilesMs: { p50: 1, p90: 1000, p99: 1000, requests: 200 },
  });
  expect(pools).toMatchObject([
    { name: 'default', totals: { requests: 123 }, percentilesMs: { requests: 200 } },
  ]);
  expect(pools[0]?.backends).toMatchObject([
    { target: 'web-1:80', state: 'down', totals: { requests: 123 }, connections: 6 },
  ]);
  expect(nodes.map(({ machine, total: own }) => [machine, own?.totals.requests])).toEqual([
    ['lb-1', 100],
    ['lb-2', 20],
    ['lb-3', 3],
  ]);
});

test('one node can be asked alone, and one that there is not is named as missing', async () => {
  play('lb-1', answering({ requests: 100 }));
  play('lb-2', answering({ requests: 20 }));
  const { total, nodes } = await stats('?node=lb-2');
  expect([total.totals.requests, nodes.length]).toEqual([20, 1]);
  const none = await plane.call('GET', `${LB}/logs?node=lb-9`);
  expect(none.status).toBe(404);
  expect(none.body).toMatchObject({
    detail: 'web-lb has no node lb-9',
    hint: 'Its nodes are: lb-1, lb-2, lb-3.',
  });
});

test('a node that does not answer is named, and the rest is shown', async () => {
  play('lb-1', answering({ requests: 100 }));
  play('lb-3', () => ({ kind: 'refused', reason: 'not-serving', detail: 'HAProxy does not serve it yet' }));
  const { total, nodes } = await stats();
  expect(total.totals.requests).toBe(100);
  expect(nodes).toMatchObject([
    { machine: 'lb-1', total: { totals: { requests: 100 } } },
    { machine: 'lb-2', problem: 'the agent of machine lb-2 does not answer', old: [] },
    { machine: 'lb-3', problem: 'the agent of machine lb-3 cannot tell: HAProxy does not serve it yet' },
  ]);
  const { body } = await plane.call('GET', `${LB}/rate-limit`);
  expect(body.code).toBe('agent_unavailable');
});

const second = (at: number) => new Date(Date.parse('2026-11-23T04:00:00Z') + at * 1000).toISOString();
const line = (path: string, at: number): LogLine => ({
  time: second(at),
  client: '192.0.2.1',
  path,
  bytesIn: 1,
  bytesOut: 2,
  milliseconds: { total: 3 },
  termination: '--',
  retries: 0,
});
const logging =
  (...lines: LogLine[]) =>
  (body: QuestionBody): AnswerBody =>
    body.kind === 'logs'
      ? { kind: 'logs', lines: lines.slice(-body.limit), missed: 0 }
      : statsOf({ requests: 0 });

test('log lines come from all nodes in the order of their times, each with its node', async () => {
  play('lb-1', logging(line('/1', 1), line('/4', 4)));
  play('lb-2', logging(line('/2', 2), line('/3', 3)));
  const { body } = await plane.call('GET', `${LB}/logs?limit=3`);
  expect(body.items.map(({ path, machine }: { path: string; machine: string }) => [path, machine])).toEqual([
    ['/2', 'lb-2'],
    ['/3', 'lb-2'],
    ['/4', 'lb-1'],
  ]);
  expect(body.missing).toEqual([{ machine: 'lb-3', problem: 'the agent of machine lb-3 does not answer' }]);
});

interface Stream {
  events: { id?: string; event: string; data: { path?: string; machine?: string; detail?: string } }[];
  leave(): Promise<void>;
}

async function openStream(path: string, headers: Record<string, string> = {}): Promise<Stream> {
  const leaving = new AbortController();
  const response = await fetch(url + path, {
    headers: { authorization: `Bearer ${plane.key}`, accept: 'text/event-stream', ...headers },
    signal: leaving.signal,
  });
  const events: Stream['events'] = [];
  const ended = (async () => {
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const parts = (rest + new TextDecoder().decode(chunk)).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts.filter((each) => !each.startsWith(':'))) {
        const fields = new Map(part.split('\n').map((text) => text.split(': ', 2) as [string, string]));
        const data = JSON.parse(part.slice(part.indexOf('data: ') + 6));
        const id = fields.get('id');
        events.push({ event: fields.get('event') ?? '', data, ...(id === undefined ? {} : { id }) });
      }
    }
  })().catch(() => {});
  return {
    events,
    async leave() {
      leaving.abort();
      await ended;
    },
  };
}

/** An agent whose log grows: each question gets what is behind its cursor. */
function growing(name: Name, lines: LogLine[]): (body: QuestionBody) => AnswerBody {
  return (body) => {
    if (body.kind !== 'logs') return statsOf({ requests: 0 });
    const at = Number(body.follow?.cursor?.split('.')[1] ?? 0);
    const wanted = lines.slice(at).filter(({ time }) => Date.parse(time) >= (body.since ?? 0));
    return { kind: 'logs', lines: wanted, cursor: `${name}.${lines.length}`, missed: 0 };
  };
}

test('a stream follows all nodes, those that come later too, and goes on where it was broken off', async () => {
  const [one, two, three] = [[line('/1', 1)], [line('/2', 2)], [line('/old', 0)]];
  play('lb-1', growing('lb-1', one));
  const second = play('lb-2', growing('lb-2', two));
  const stream = await openStream(`${LB}/logs`);
  const told = ({ events }: Stream) =>
    events.flatMap(({ event, data }) => (event === 'request' ? [`${data.machine} ${data.path}`] : []));
  await waitFor('the first lines', () => stream.events.length >= 3);
  expect(told(stream)).toEqual(['lb-1 /1', 'lb-2 /2']);
  // lb-3 does not answer, and is named once.
  const problems = () => stream.events.filter(({ event }) => event === 'problem');
  expect(problems().map(({ data }) => data.detail)).toEqual(['the agent of machine lb-3 does not answer']);
  one.push(line('/3', 3));
  await waitFor('a line', () => told(stream).includes('lb-1 /3'));
  play('lb-3', growing('lb-3', three));
  three.push({ ...line('/4', 0), time: new Date().toISOString() });
  await waitFor('a line of the node that was away', () => told(stream).includes('lb-3 /4'));
  expect(told(stream)).not.toContain('lb-3 /old');
  expect(problems()).toHaveLength(1);
  const last = stream.events.findLast(({ id }) => id !== undefined)?.id ?? '';
  await stream.leave();
  second.silence();
  two.push(line('/5', 5));
  one.push(line('/6', 6));
  const again = await openStream(`${LB}/logs`, { 'last-event-id': last });
  await waitFor('what came meanwhile', () => told(again).includes('lb-1 /6'));
  expect(told(again)).toEqual(['lb-1 /6']);
  await again.leave();
});

test('every node is asked for new certificates, and what each answers is told', async () => {
  const asked = new Map<string, QuestionBody>();
  const renewing =
    (name: Name) =>
    (body: QuestionBody): AnswerBody => {
      asked.set(name, body);
      return { kind: 'renew', domains: ['app.example.com'] };
    };
  play('lb-1', renewing('lb-1'));
  play('lb-2', renewing('lb-2'));
  play('lb-3', () => ({ kind: 'refused', reason: 'failed', detail: 'no certificates are obtained here' }));
  const renew = (body: object) => plane.call('POST', `${LB}/certificates/renew`, { body });
  const { status, body } = await renew({});
  expect(status).toBe(202);
  expect(body.domains).toEqual(['app.example.com']);
  expect(body.nodes).toEqual(['lb-1', 'lb-2'].map((machine) => ({ machine, domains: ['app.example.com'] })));
  expect(body.missing).toEqual([
    { machine: 'lb-3', problem: 'the agent of machine lb-3 cannot tell: no certificates are obtained here' },
  ]);
  expect([...asked.values()]).toEqual([{ kind: 'renew' }, { kind: 'renew' }]);
  asked.clear();
  expect((await renew({ node: 'lb-2', domain: 'app.example.com' })).body.nodes).toHaveLength(1);
  expect([...asked]).toEqual([['lb-2', { kind: 'renew', domain: 'app.example.com' }]]);
  expect((await renew({ node: 'lb-3' })).body.code).toBe('agent_unavailable');
});

test('the use of a limit is told by whoever has heard of most', async () => {
  const use = (keys: [string, number, number][]): AnswerBody => ({
    kind: 'rate-limits',
    limits: [
      {
        name: 'all',
        requests: 10,
        window: '60s',
        key: 'source-ip',
        action: 'deny',
        clients: keys.length,
        isComplete: true,
        keys: keys.map(([key, admitted, denied]) => ({
          key,
          admitted,
          denied,
          admittedTotal: admitted,
          deniedTotal: denied,
        })),
      },
    ],
  });
  play('lb-1', () =>
    use([
      ['192.0.2.1', 10, 5],
      ['192.0.2.2', 1, 0],
    ]),
  );
  play('lb-2', () =>
    use([
      ['192.0.2.1', 9, 7],
      ['192.0.2.3', 2, 0],
    ]),
  );
  const { body } = await plane.call('GET', `${LB}/rate-limit?limit=2`);
  expect(body.items).toMatchObject([
    {
      name: 'all',
      clients: 3,
      keys: [
        { key: '192.0.2.1', admitted: 10, denied: 7 },
        { key: '192.0.2.3', admitted: 2 },
      ],
    },
  ]);
  expect(body.missing).toMatchObject([{ machine: 'lb-3' }]);
});
