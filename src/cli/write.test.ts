import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { startFakeApi, startWithWebLb } from '../../test/support/cli/fake-api.ts';
import { runCli } from '../../test/support/cli/run-cli.ts';
import { systemClock } from '../base/clock.ts';
import { run } from './run.ts';

describe('exit codes', () => {
  test('fields are listed under one line', async () => {
    const api = await startWithWebLb();
    const errors = [{ pointer: '/spec/vpc', code: 'not_found', detail: 'there is no VPC nope' }];
    const body = {
      code: 'validation_failed',
      detail: '/spec/vpc: there is no VPC nope',
      errors,
      requestId: 'req_1',
    };
    api.answers.set('POST /v1/load-balancers', { status: 422, body });
    const { err } = await runCli('lb create x --type http', { env: api.env });
    expect(err).toBe(
      'Error: one field is not valid (validation_failed)\n  - spec.vpc: there is no VPC nope\n  Request: req_1\n',
    );
  });

  test('3 for what is not there, 4 for what is there, 2 for bad fields', async () => {
    const { env } = await startWithWebLb();
    expect(await runCli('lb show other', { env })).toEqual({
      code: 3,
      out: '',
      err: 'Error: there is no load balancer other (not_found)\n  Hint: agentmetal lb list\n  Request: req_fake\n',
    });
    expect((await runCli('lb create --name web-lb --type http', { env })).code).toBe(4);
    const bad = await runCli('lb create --name bad --type http --target nonsense --target web-1:99999', {
      env,
    });
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('  - spec.backends[0].target: must be host:port');
    expect(bad.err).toContain('  - spec.backends[1].target: must be host:port');
    expect(JSON.parse((await runCli('lb show other -o json', { env })).err)).toMatchObject({
      code: 'not_found',
      requestId: 'req_fake',
    });
  });

  test('1 when a node cannot apply it', async () => {
    const api = await startWithWebLb();
    api.nodes.outcome = 'failed';
    const { code, out, err } = await runCli('lb update web-lb --port 8080', { env: api.env });
    expect(code).toBe(1);
    expect(out).toBe('Load balancer web-lb updated, revision 2, but not live\nAddress: 127.80.0.1\n');
    expect(err).toContain(
      'Error: revision 2 of web-lb failed on local: port 80 is taken by nginx; the last good state is serving (port_in_use)\n  Hint: Stop nginx',
    );
  });

  test('7 when it is not live in time, and when a check does not answer', async () => {
    const api = await startWithWebLb();
    api.nodes.looksUntilLive = 100_000;
    const late = await runCli('lb update web-lb --port 8080 --timeout 20ms', { env: api.env });
    expect(late.code).toBe(7);
    expect(late.err).toContain('revision 2 of web-lb is not live after 20ms');
    api.nodes.looksUntilLive = 1;
    api.nodes.backendState = () => 'checking';
    const unchecked = await runCli('lb update web-lb --port 8081 --timeout 20ms', { env: api.env });
    expect(unchecked.code).toBe(7);
    expect(unchecked.err).toContain('is live, but after 20ms web-1:8080 still has no settled state');
  });

  test('8 when it is live but backends are down', async () => {
    const api = await startWithWebLb();
    api.nodes.backendState = (target) => (target === 'web-2:8080' ? 'unresolved' : 'up');
    const { code, out, err } = await runCli('lb backend add web-lb --target web-2:8080', { env: api.env });
    expect(code).toBe(8);
    expect(out).toContain('revision 2');
    expect(err).toContain('web-2:8080 unresolved: connection refused');
    expect(err).toContain(
      'Error: revision 2 of web-lb is live, but its state is degraded: 1 of 2 backends is not up (degraded)',
    );
    expect(err).toContain('Hint: Tell the VPC where web-2 is: agentmetal vpc host add default web-2 ADDRESS');
  });

  test('130 after Ctrl-C, and the change goes on', async () => {
    const api = await startWithWebLb();
    api.nodes.looksUntilLive = 100_000;
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 50);
    const { code, err } = await runCli('lb update web-lb --port 8080', {
      env: api.env,
      signal: interrupt.signal,
    });
    expect(code).toBe(130);
    expect(err).toContain('interrupted');
    expect(api.loadBalancers.get('web-lb')?.spec.port).toBe(8080);
  });
});

describe('a write', () => {
  test('that made what is not live does not claim success', async () => {
    const api = await startFakeApi();
    api.nodes.outcome = 'failed';
    const { code, out } = await runCli('lb create pub5 --type http', { env: api.env });
    expect(code).toBe(1);
    expect(out).toBe('Load balancer pub5 created (lb_pub5), but not live\nAddress: 127.80.0.1\n');
  });

  test('prints its result before the next step', async () => {
    const { env } = await startWithWebLb();
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    const unused = () => Promise.reject(new Error('this test starts nothing'));
    await run(['lb', 'algorithm', 'set', 'web-lb', 'leastconn'], {
      env,
      stdin: new PassThrough(),
      stdout: stream,
      stderr: stream,
      runners: { up: unused, down: unused, server: unused, agent: unused },
      signal: new AbortController().signal,
      ...systemClock,
    });
    expect(written.join('')).toBe(
      'validated ✓\nrevision 2\napplied on local: runtime, 12 ms\nLoad balancer web-lb updated, revision 2\nAddress: 127.80.0.1\nNext: curl http://127.80.0.1/\n',
    );
  });

  test('that changes nothing says so', async () => {
    const { env } = await startWithWebLb();
    const { code, out, err } = await runCli('lb algorithm set web-lb roundrobin', { env });
    expect({ code, out }).toEqual({
      code: 0,
      out: 'Load balancer web-lb unchanged, revision 1\nAddress: 127.80.0.1\n',
    });
    expect(err).toContain('nothing to change');
  });

  test('with --no-wait does not look again', async () => {
    const api = await startWithWebLb();
    api.nodes.looksUntilLive = 100_000;
    expect((await runCli('lb update web-lb --port 8080 --no-wait', { env: api.env })).code).toBe(0);
    expect(api.requests.at(-1)?.method).toBe('PATCH');
  });

  test('with --dry-run shows differences and plan, and changes nothing', async () => {
    const api = await startWithWebLb();
    const { code, out } = await runCli('lb update web-lb --algorithm leastconn --dry-run', { env: api.env });
    expect(code).toBe(0);
    expect(out).toBe(
      'This would make revision 2 of web-lb. Nothing was changed.\n\nDifferences:\n  ~ spec.algorithm: roundrobin -> leastconn\n\nPlan: runtime (nothing reloads)\n  runtime  adds what is new\n',
    );
    expect(api.loadBalancers.get('web-lb')?.revision).toBe(1);
    expect((await runCli('lb plan web-lb --algorithm leastconn', { env: api.env })).out).toBe(out);
    expect(
      JSON.parse((await runCli('lb plan web-lb --port 81 -o json', { env: api.env })).out),
    ).toMatchObject({ dryRun: true });
    expect((await runCli('lb plan web-lb', { env: api.env })).code).toBe(2);
  });

  test('of labels, name and protection is a merge patch', async () => {
    const api = await startWithWebLb();
    await runCli(
      'lb update web-lb --name shop --label a=1 --label b=2 --unlabel c --deletion-protection --no-wait',
      { env: api.env },
    );
    expect(api.writes()[0]?.body).toEqual({
      name: 'shop',
      labels: { a: '1', b: '2', c: null },
      spec: { deletionProtection: true },
    });
    await runCli('lb update shop --no-deletion-protection --no-wait', { env: api.env });
    expect(api.writes()[1]?.body).toEqual({ spec: { deletionProtection: false } });
  });
});
