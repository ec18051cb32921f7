import { describe, expect, test } from 'vitest';
import { type FakeApi, startFakeApi, startWithWebLb } from '../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../test/support/cli/run-cli.ts';
import { waitFor } from '../../../../test/support/wait.ts';
import type { DnsStatus } from '../../../api/dns-status.ts';
import type { Event } from '../../../api/events.ts';
import type { LogEntry } from '../../../api/logs.ts';
import type { RateLimitList } from '../../../api/rate-limits.ts';
import type { Stats } from '../../../api/stats.ts';

const CLASSES = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0, other: 0 };
const TRAFFIC = {
  connections: 3,
  queue: 1,
  perSecond: {
    requests: 1234.5,
    responses: { ...CLASSES, '2xx': 1200, '5xx': 2.5 },
    bytesIn: 10,
    bytesOut: 2e6,
  },
  totals: {
    requests: 5_000_000,
    responses: { ...CLASSES, '5xx': 12 },
    bytesIn: 1,
    bytesOut: 2,
    denied: 7,
    requestErrors: 0,
    connectErrors: 0,
    responseErrors: 0,
    retries: 0,
    redispatches: 0,
    clientAborts: 0,
    serverAborts: 0,
  },
  averageMs: { queue: 0, connect: 1, response: 2, total: 3.4 },
};
const STATS: Stats = {
  time: '2026-11-23T04:00:00.000Z',
  total: { ...TRAFFIC, percentilesMs: { p50: 1, p90: 2, p99: 45, requests: 100 } },
  pools: [{ name: 'default', ...TRAFFIC, backends: [{ target: 'web-1:8080', state: 'up', ...TRAFFIC }] }],
  nodes: [
    {
      machine: 'local',
      serving: { pid: 200, startedAt: '2026-11-23T03:00:00.000Z', connections: 9 },
      old: [
        {
          pid: 100,
          startedAt: '2026-11-23T02:00:00.000Z',
          replacedAt: '2026-11-23T03:00:00.000Z',
          replacedBy: 7,
          connections: 3,
          held: [{ pool: 'default', target: 'web-1:8080', connections: 2 }],
        },
      ],
    },
  ],
};
const ENTRY: LogEntry = {
  time: '2026-11-23T04:00:00.123Z',
  client: '192.0.2.1',
  method: 'GET',
  host: 'app.example.com',
  path: '/api/\u001b[31mred',
  query: 'a=1',
  status: 503,
  route: 'api',
  pool: 'default',
  backend: 'web-1:8080',
  bytesIn: 100,
  bytesOut: 2048,
  milliseconds: { total: 12 },
  termination: 'SC',
  retries: 2,
  machine: 'local',
};
const PATH = '/v1/load-balancers/web-lb';

const eventText = (event: string, data: unknown, id?: string) =>
  `: stream\n\n${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

async function withAnswer(
  path: string,
  answer: { body?: unknown; text?: string; status?: number },
): Promise<FakeApi> {
  const api = await startFakeApi();
  api.answers.set(`GET ${PATH}/${path}`, answer);
  return api;
}

describe('lb stats', () => {
  test('a table with a line for each backend and pool, and what keeps old workers', async () => {
    const api = await withAnswer('stats', { body: STATS });
    const { out, code } = await runCli('lb stats web-lb', { env: api.env });
    expect(code).toBe(0);
    expect(out).toMatch(/^POOL +BACKEND +STATE +REQ\/S +2XX\/S/);
    expect(out).toMatch(/^default +web-1:8080 +up +1\.2k +1\.2k +0 +2\.5 +3 +1 +3\.4 +- +10 +2M +5M +12$/m);
    expect(out).toMatch(/^default +\(all\) +- +1\.2k/m);
    expect(out).toMatch(/^total .* 45 .* 5M +12$/m);
    expect(out).toMatch(/^Denied: 7$/m);
    expect(out).toMatch(/^ {2}local +200 +serving +\S+ +9$/m);
    expect(out).toMatch(/^100: +replaced \S+ ago, revision 7; holds 2 to web-1:8080 \(default\), 1 idle$/m);
    expect(JSON.parse((await runCli('lb stats web-lb -o json', { env: api.env })).out)).toEqual(STATS);
  });

  test('of several nodes each has a line, and who does not answer is named', async () => {
    const [node] = STATS.nodes;
    const away = { machine: 'lb-2', problem: 'the agent of machine lb-2 does not answer', old: [] };
    const body = { ...STATS, nodes: [{ ...node, machine: 'lb-1', total: STATS.total }, away] };
    const api = await withAnswer('stats', { body });
    const { out } = await runCli('lb stats web-lb --node lb-1', { env: api.env });
    expect(out).toMatch(/^ {2}lb-1 +1\.2k +2\.5 +3 +45 +5M/m);
    expect(out).toMatch(/^ {2}lb-2 .* the agent of machine lb-2 does not answer$/m);
    expect(api.requests[0]?.query).toEqual({ node: 'lb-1' });
  });

  test('--watch goes on over an end of the stream, until it is interrupted', async () => {
    const api = await withAnswer('stats', { text: eventText('stats', STATS) });
    const interrupt = new AbortController();
    const running = runCli('lb stats web-lb --watch -o json', { env: api.env, signal: interrupt.signal });
    await waitFor('a second stream', () => api.requests.length >= 2);
    interrupt.abort();
    const { out, err, code } = await running;
    expect({ code, err }).toEqual({ code: 130, err: '' });
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Stats)[0],
    ).toEqual(STATS);
    expect(api.requests[0]?.headers['accept']).toBe('text/event-stream');
  });

  test('an agent that does not answer is a failure to try again', async () => {
    const problem = {
      code: 'agent_unavailable',
      detail: 'the agent of machine local does not answer',
      hint: 'Look',
    };
    const api = await withAnswer('stats', { status: 503, body: problem });
    for (const line of ['lb stats web-lb', 'lb stats web-lb -w'])
      expect(await runCli(line, { env: api.env })).toMatchObject({
        code: 6,
        err: expect.stringContaining('the agent of machine local does not answer'),
      });
  });
});

describe('lb logs', () => {
  test('a line for people, safe for the terminal; an object for programs', async () => {
    const api = await withAnswer('logs', { body: { items: [ENTRY] } });
    const line = 'lb logs web-lb --status 5xx --backend web-1:8080 --path /api --limit 5';
    expect((await runCli(line, { env: api.env })).out).toBe(
      '04:00:00.123 192.0.2.1 GET app.example.com/api/\\x1b[31mred?a=1 503 12ms 2kB → web-1:8080 (default) route api, 2 retries, ended SC\n',
    );
    expect(api.requests[0]?.query).toEqual({
      status: '5xx',
      backend: 'web-1:8080',
      path: '/api',
      limit: '5',
    });
    expect(JSON.parse((await runCli('lb logs web-lb -o json', { env: api.env })).out)).toEqual(ENTRY);
  });

  test('nothing found is told on stderr', async () => {
    const api = await withAnswer('logs', { body: { items: [] } });
    const { out, err } = await runCli('lb logs web-lb', { env: api.env });
    expect({ out, err }).toEqual({ out: '', err: 'No request in memory is like that\n' });
  });

  test('-f goes on where the stream ended, and tells what is missing', async () => {
    const text = `${eventText('request', ENTRY, 'c.1')}${eventText('missed', { lines: 3, machine: 'lb-2' })}${eventText('problem', { detail: 'the agent is away' })}`;
    const api = await withAnswer('logs', { text });
    const interrupt = new AbortController();
    const running = runCli('lb logs web-lb -f', { env: api.env, signal: interrupt.signal });
    await waitFor('a second stream', () => api.requests.length >= 2);
    interrupt.abort();
    const { out, err } = await running;
    expect(out).toContain('503 12ms');
    expect(err).toContain('3 lines of lb-2 came too fast and are missing');
    expect(err).toContain('the agent is away\n');
    expect(api.requests[0]?.headers['last-event-id']).toBeUndefined();
    expect(api.requests[1]?.headers['last-event-id']).toBe('c.1');
  });
});

describe('lb events', () => {
  const EVENT: Event = {
    id: 'evt_7',
    time: '2026-11-23T04:31:05.123Z',
    firstTime: '2026-11-23T04:28:51.000Z',
    count: 3,
    type: 'backend.down',
    severity: 'warning',
    resource: { kind: 'load_balancer', id: 'lb_web-lb', name: 'web-lb' },
    message: 'web-1:8080 went down: \u001b[2Jrefused',
    details: {},
  };
  const earlier = { ...EVENT, id: 'evt_6', count: 1, message: 'before' };

  test('a line for people, the newest last and safe for the terminal; objects for programs', async () => {
    const api = await withAnswer('events', { body: { items: [EVENT, earlier], nextCursor: null } });
    const line = 'lb events web-lb --type backend.* --severity warning --limit 5';
    const { out } = await runCli(line, { env: api.env });
    expect(out.split('\n')).toEqual([
      '2026-11-23 04:31:05  warning  backend.down  web-lb: before',
      '2026-11-23 04:31:05  warning  backend.down  web-lb: web-1:8080 went down: \\x1b[2Jrefused (3 times since 04:28:51)',
      '',
    ]);
    expect(api.requests[0]?.query).toEqual({ type: 'backend.*', severity: 'warning', limit: '5' });
    const json = await runCli('lb events web-lb -o json', { env: api.env });
    expect(
      json.out
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toEqual([earlier, EVENT]);
    expect((await runCli('lb events web-lb -o name', { env: api.env })).out).toBe('evt_6\nevt_7\n');
  });

  test('of all load balancers without a name, and nothing is told on stderr', async () => {
    const api = await withAnswer('events', { body: { items: [], nextCursor: null } });
    api.answers.set('GET /v1/events', { body: { items: [EVENT], nextCursor: null } });
    expect((await runCli('lb events', { env: api.env })).out).toContain('backend.down');
    const { out, err } = await runCli('lb events web-lb', { env: api.env });
    expect({ out, err }).toEqual({ out: '', err: 'Nothing like that has happened\n' });
  });

  test('-f goes on where the stream ended', async () => {
    const api = await withAnswer('events', { text: eventText('event', EVENT, 'evt_7') });
    const interrupt = new AbortController();
    const running = runCli('lb events web-lb -f', { env: api.env, signal: interrupt.signal });
    await waitFor('a second stream', () => api.requests.length >= 2);
    interrupt.abort();
    expect((await running).out).toContain('backend.down');
    expect(api.requests[1]?.headers['last-event-id']).toBe('evt_7');
  });
});

describe('lb dns show', () => {
  const MISSING: DnsStatus = {
    domain: 'app.example.com',
    state: 'no_zone',
    reason: 'Missing',
    message: 'app.example.com has no address in DNS',
    whatToDo: 'Make it.',
    records: [{ type: 'A', wanted: ['203.0.113.5'], seen: ['192.0.2.1'] }],
    make: ['app.example.com. 60 IN A 203.0.113.5'],
    since: '2026-11-23T04:00:00.000Z',
  };

  test('what is wanted, what is there, what to do, and the lines to make', async () => {
    const api = await startWithWebLb();
    const lb = api.loadBalancers.get('web-lb');
    if (lb) lb.status.dns = [MISSING];
    const { out } = await runCli('lb dns show web-lb', { env: api.env });
    expect(out).toMatch(/^app\.example\.com +no_zone +- +A 203\.0\.113\.5 +A 192\.0\.2\.1 +Make it\.$/m);
    expect(out).toMatch(/\nTo make by hand:\n {2}app\.example\.com\. 60 IN A 203\.0\.113\.5\n$/);
    expect((await runCli('lb show web-lb', { env: api.env })).out).toMatch(/DNS:\n.*\n +app\.example\.com/);
    const json = await runCli('lb dns show web-lb -o json', { env: api.env });
    expect(JSON.parse(json.out)).toEqual({ items: [MISSING], nextCursor: null });
  });

  test('why there is nothing to show', async () => {
    const api = await startWithWebLb();
    expect((await runCli('lb dns show web-lb', { env: api.env })).err).toContain('has no domains');
    await runCli('lb dns set web-lb --no-enabled', { env: api.env });
    expect((await runCli('lb dns show web-lb', { env: api.env })).err).toContain('DNS is left alone');
  });
});

test('lb rate-limit show', async () => {
  const list: RateLimitList = {
    items: [
      {
        name: 'all',
        requests: 100,
        window: '60s',
        key: 'source-ip',
        action: 'deny',
        clients: 2,
        isComplete: true,
        keys: [{ key: '192.0.2.1', admitted: 100, denied: 23, admittedTotal: 500, deniedTotal: 60 }],
      },
    ],
  };
  const api = await withAnswer('rate-limit', { body: list });
  const { out } = await runCli('lb rate-limit show web-lb --limit 3', { env: api.env });
  expect(out).toMatch(/^All requests, 100 in 60s by source-ip, deny; 2 clients:\n {2}CLIENT +ADMITTED/);
  expect(out).toMatch(/192\.0\.2\.1 +100 +23 +500 +60\n$/);
  expect(api.requests[0]?.query).toEqual({ limit: '3' });
  api.answers.set(`GET ${PATH}/rate-limit`, { body: { items: [] } });
  expect((await runCli('lb rate-limit show web-lb', { env: api.env })).out).toContain('has no rate limit');
});
