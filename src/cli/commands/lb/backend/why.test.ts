import { expect, test } from 'vitest';
import { startWithWebLb } from '../../../../../test/support/cli/fake-api.ts';
import { runCli } from '../../../../../test/support/cli/run-cli.ts';

const AT = '2026-11-23T03:59:00.000Z';
const WHY = {
  target: 'web-1:8080',
  pool: 'default',
  nodes: [
    {
      target: 'web-1:8080',
      pool: 'default',
      machine: 'local',
      state: 'down',
      reason: 'status 500 from 10.0.0.1:8080, expected 200-399 (3 checks, since 03:59:00)',
      since: AT,
      address: '10.0.0.1',
      evidence: {
        check: 'GET /health over http must get status 200-399, at 10.0.0.1:8080',
        result: { at: AT, status: 'L7STS', code: '500', description: 'Internal Server Error', durationMs: 3 },
        probe: {
          at: AT,
          durationMs: 4,
          address: '10.0.0.1',
          port: 8080,
          passed: false,
          outcome: 'status 500, expected 200-399',
          sent: 'GET /health HTTP/1.1',
          received: 'HTTP/1.1 500 Internal Server Error disk \u001b[2Jfull',
        },
        transitions: [{ at: AT, state: 'down', reason: 'status 500' }],
      },
    },
  ],
};

test('shows what was checked, what came of it, and what the agent saw itself', async () => {
  const api = await startWithWebLb();
  api.answers.set('GET /v1/load-balancers/web-lb/backends/web-1:8080/why', { body: WHY });
  const { code, out } = await runCli('lb backend why web-lb web-1:8080', { env: api.env });
  expect(code).toBe(0);
  for (const text of [
    'web-1:8080',
    'On machine local:',
    'State:   down',
    'status 500 from 10.0.0.1:8080',
    'GET /health over http must get status 200-399',
    'L7STS 500',
    'The agent’s own look:',
    'disk \\x1b[2Jfull',
    'Changes:',
  ])
    expect(out).toContain(text);
  expect(out).not.toContain('\u001b');
});

test('gives the object of the API as JSON, and asks for the pool that is meant', async () => {
  const api = await startWithWebLb();
  api.answers.set('GET /v1/load-balancers/web-lb/backends/web-1:8080/why', { body: WHY });
  const { out } = await runCli('lb backend why web-lb web-1:8080 --pool api -o json', { env: api.env });
  expect(JSON.parse(out)).toEqual(WHY);
  expect(api.requests.at(-1)?.query).toEqual({ pool: 'api' });
});
