import { chmod, chown, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend } from '../../../test/support/backends.ts';
import { startLoad } from '../../../test/support/load.ts';
import { type TestService, createTestService } from '../../../test/support/service.ts';
import { loopbackAddress, temporaryDirectory } from '../../../test/support/temporary.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { findUser } from '../../host/users.ts';
import { isRunning } from '../../host/processes.ts';
import { servicePaths } from '../../haproxy/config/paths.ts';
import { withRuntime } from '../../haproxy/runtime/connection.ts';
import { detectLayout } from '../layout.ts';
import { createLimit } from '../../base/limit.ts';
import { type ScriptResult, runScript } from './run-script.ts';

const directory = await temporaryDirectory();
/** Programs read and write here, whoever runs them. */
const shared = join(directory.path, 'shared');
const checks = join(directory.path, 'agent', 'checks');
const isRoot = process.getuid?.() === 0;
const user = isRoot ? findUser('nobody') : undefined;
const cleanups: (() => Promise<unknown> | void)[] = [];

beforeEach(async () => {
  await rm(checks, { recursive: true, force: true });
  await mkdir(checks, { recursive: true });
  await rm(shared, { recursive: true, force: true });
  await mkdir(shared, { recursive: true });
  await chmod(directory.path, 0o711);
  await chmod(shared, 0o777);
  // A folder that only its owner may enter, as the agent's is, must not keep a program from running.
  await chmod(join(directory.path, 'agent'), 0o700);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
afterAll(() => directory.remove());

async function install(name: string, text: string, mode = 0o755): Promise<void> {
  await writeFile(join(checks, name), `#!/bin/sh\n${text}\n`);
  await chmod(join(checks, name), mode);
}

function run(name: string, timeoutMs = 5000, signal = new AbortController().signal): Promise<ScriptResult> {
  const subject = {
    loadBalancer: 'web-lb',
    pool: 'default',
    target: 'web-1:80',
    address: '10.0.0.7',
    port: 81,
  };
  return runScript({ directory: checks, name, user, subject, timeoutMs, signal });
}

describe('a program', () => {
  it('passes when it ends with 0, and knows whom to check and nothing else', async () => {
    await install(
      'env',
      `echo "$1 $2 $#"; env | sort > ${shared}/env; id -u > ${shared}/uid; readlink /proc/self/fd/0 > ${shared}/stdin`,
    );
    process.env['AGENTMETAL_SECRET_OF_TEST'] = 'x';
    expect(await run('env')).toMatchObject({ passed: true, code: '0', outcome: '10.0.0.7 81 2' });
    delete process.env['AGENTMETAL_SECRET_OF_TEST'];
    const env = readFileSync(join(shared, 'env'), 'utf8').split('\n');
    const names = env
      .map((line) => line.split('=')[0])
      .filter((name) => !['', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? ''));
    expect(names).toEqual([
      'AGENTMETAL_ADDRESS',
      'AGENTMETAL_HOST',
      'AGENTMETAL_LOAD_BALANCER',
      'AGENTMETAL_POOL',
      'AGENTMETAL_PORT',
      'AGENTMETAL_TARGET',
      'LANG',
      'PATH',
    ]);
    expect(readFileSync(join(shared, 'stdin'), 'utf8')).toBe('/dev/null\n');
    expect(Number(readFileSync(join(shared, 'uid'), 'utf8'))).toBe(user?.uid ?? process.getuid?.());
  });

  it('fails with what it said first, made safe to show', async () => {
    await install('lag', `printf 'lag \\033[31m35 s\\nmore\\n'; exit 3`);
    expect(await run('lag')).toMatchObject({
      passed: false,
      code: '3',
      outcome: 'ended with 3: lag \\x1b[31m35 s',
    });
  });

  it('may say as much as it likes, and what is beyond is read away', async () => {
    await install('loud', 'head -c 5000000 /dev/zero | tr "\\0" x; exit 1');
    const { outcome } = await run('loud');
    expect(outcome).toMatch(/^ended with 1: x{200}…$/);
  });

  it('is killed with all that it has started when its time is over', async () => {
    await install('slow', `sleep 300 & echo $! > ${shared}/child; echo begun; wait`);
    const begun = performance.now();
    expect(await run('slow', 500)).toMatchObject({
      passed: false,
      code: 'timeout',
      outcome: expect.stringMatching(/did not end within 500 ms and was killed: begun/),
    });
    expect(performance.now() - begun).toBeLessThan(4000);
    const child = Number(readFileSync(join(shared, 'child'), 'utf8'));
    await waitFor('the end of its child', () => !isRunning(child));
  });

  it('leaves nothing running when it ends', async () => {
    await install('leaves', `sleep 300 & echo $! > ${shared}/left; exit 0`);
    expect(await run('leaves')).toMatchObject({ passed: true });
    const child = Number(readFileSync(join(shared, 'left'), 'utf8'));
    await waitFor('the end of its child', () => !isRunning(child));
  });

  it('ends when nobody wants to know any more', async () => {
    await install('endless', `echo $$ > ${shared}/pid; exec sleep 300`);
    const ending = new AbortController();
    const running = run('endless', 60_000, ending.signal);
    await waitFor('its start', () => readFileSync(join(shared, 'pid'), 'utf8').endsWith('\n'));
    ending.abort();
    expect(await running).toMatchObject({ passed: false });
  });

  it.each([
    ['is not there', async () => {}, /there is no program .*; install it there/],
    ['is not executable', () => install('x', 'exit 0', 0o644), /is not executable; chmod a\+rx/],
    [
      'can be changed by its group',
      () => install('x', 'exit 0', 0o775),
      /can be changed by others; chmod go-w/,
    ],
    ['can be changed by all', () => install('x', 'exit 0', 0o757), /can be changed by others; chmod go-w/],
    [
      'is a link',
      async () => {
        await install('y', 'exit 0');
        await symlink(join(checks, 'y'), join(checks, 'x'));
      },
      /is a symbolic link/,
    ],
    ['is a folder', () => mkdir(join(checks, 'x')), /is no file/],
    [
      'is in a folder that others can change',
      async () => {
        await install('x', 'exit 0');
        await chmod(checks, 0o777);
      },
      /checks can be changed by others/,
    ],
    ['has no folder', () => rm(checks, { recursive: true }), /there is no folder/],
    [
      'has no interpreter',
      async () => {
        await writeFile(join(checks, 'x'), '#!/nowhere/sh\n');
        await chmod(join(checks, 'x'), 0o755);
      },
      /ENOENT/,
    ],
  ])('that %s is refused, with what to do', async (_what, prepare, words) => {
    await prepare();
    expect(await run('x')).toMatchObject({ passed: false, outcome: expect.stringMatching(words) });
  });

  it.runIf(isRoot)('that belongs to another user is refused', async () => {
    await install('x', 'exit 0');
    await chown(join(checks, 'x'), 12_345, 12_345);
    expect(await run('x')).toMatchObject({
      code: 'refused',
      outcome: expect.stringMatching(/belongs to another user/),
    });
  });
});

describe('a limit', () => {
  it('lets so many in at once, the others in their order', async () => {
    const limit = createLimit(2);
    const { signal } = new AbortController();
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const work = (number: number) => async () => {
      running += 1;
      most = Math.max(most, running);
      order.push(number);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    await Promise.all([1, 2, 3, 4, 5].map((number) => limit.run(work(number), signal)));
    expect([order, most]).toEqual([[1, 2, 3, 4, 5], 2]);
    expect(await limit.run(async () => 1, AbortSignal.abort())).toBeUndefined();
  });
});

async function serving(
  ...names: string[]
): Promise<{ test: TestService; backends: TestBackend[]; spec: object; url: string }> {
  const address = loopbackAddress();
  const test = createTestService(directory.path, address);
  cleanups.push(() => test.service.remove());
  const backends = await Promise.all(names.map((name) => startBackend({ name })));
  cleanups.push(() => Promise.all(backends.map((backend) => backend.stop())));
  const spec = {
    type: 'http',
    port: 8080,
    backends: backends.map(({ target }) => ({ target })),
    healthCheck: { type: 'custom', script: 'judge', interval: '300ms', timeout: '250ms', fall: 2, rise: 2 },
  };
  await test.set(spec);
  return { test, backends, spec, url: `http://${address}:8080/` };
}

/** The program fails for a port for which there is a file. */
const JUDGE = `if [ -e ${shared}/down-$2 ]; then echo "port $2 is down"; exit 1; fi`;
const setDown = (port: number) => writeFile(join(shared, `down-${port}`), '');
const setUp = (port: number) => rm(join(shared, `down-${port}`));
const ask = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).text();
const stateOf = (test: TestService, { target }: TestBackend) => test.backendState(target);

async function statusInHaproxy(test: TestService, { target }: TestBackend): Promise<string> {
  const { workerSocket } = servicePaths(test.service.id, detectLayout(join(directory.path, 'agent'), 0));
  const text = await withRuntime(workerSocket, (runtime) => runtime.send('show stat default 4 -1'));
  return (
    text
      .split('\n')
      .find((line) => line.includes(`,${target},`))
      ?.split(',')[17] ?? ''
  );
}

describe('a check by a program', { timeout: 40_000 }, () => {
  it('admits at the first pass, takes out after fall results and brings back after rise', async () => {
    await install('judge', JUDGE);
    const { test, backends, url } = await serving('one', 'two');
    const [one, two] = backends as [TestBackend, TestBackend];
    await waitFor('both up', () => backends.every((backend) => stateOf(test, backend) === 'up'));
    await setDown(two.port);
    await waitFor('two down', () => stateOf(test, two) === 'down');
    const seen = test.report().backends[1];
    expect(seen?.reason).toMatch(
      /^program judge: ended with 1: port \d+ is down \(\d+ results, since \d\d:\d\d:\d\d\)$/,
    );
    expect(seen?.evidence).toMatchObject({
      check: expect.stringContaining('program judge must end with 0, at '),
      result: { status: 'EXIT', code: '1', description: expect.stringContaining('is down') },
      transitions: [{ state: 'down' }, { state: 'up' }],
    });
    await waitFor('HAProxy to know', async () => (await statusInHaproxy(test, two)) === 'DOWN');
    for (let i = 0; i < 10; i++) expect(await ask(url)).toBe('one');
    await setUp(two.port);
    await waitFor('two up', () => stateOf(test, two) === 'up');
    await waitFor('its answer', async () => (await ask(url)) === 'two');
    expect(stateOf(test, one)).toBe('up');
  });

  it('keeps what it has said over a reload, a backend added at run time, and what is done by hand', async () => {
    await install('judge', JUDGE);
    const { test, backends, spec, url } = await serving('one', 'two');
    const [, two] = backends as [TestBackend, TestBackend];
    await setDown(two.port);
    await waitFor(
      'one up, two down',
      () => stateOf(test, two) === 'down' && stateOf(test, backends[0] as TestBackend) === 'up',
    );
    // What the agent knows HAProxy is told a moment later.
    await waitFor('answers', async () => (await ask(url)) === 'one');
    const before = two.requests.length;
    const load = startLoad(url);
    expect(await test.set({ ...spec, algorithm: 'leastconn' })).toMatchObject({ path: 'reload' });
    const three = await startBackend({ name: 'three' });
    cleanups.push(() => three.stop());
    await setDown(three.port);
    const added = [...backends, three].map(({ target }) => ({ target }));
    expect(await test.set({ ...spec, algorithm: 'leastconn', backends: added })).toMatchObject({
      path: 'runtime',
    });
    await waitFor('three judged', () => stateOf(test, three) === 'down');
    const { workerSocket } = servicePaths(test.service.id, detectLayout(join(directory.path, 'agent'), 0));
    expect((await load.stop()).failed).toBe(0);
    expect([two.requests.length, three.requests.length]).toEqual([before, 0]);
    await withRuntime(workerSocket, (runtime) => runtime.send(`set server default/${two.target} health up`));
    await waitFor('put right', async () => (await statusInHaproxy(test, two)) === 'DOWN');
    await setUp(three.port);
    await waitFor('three up', () => stateOf(test, three) === 'up');
    await waitFor('its answer', async () => (await ask(url)) === 'three');
  });

  it('that may not run takes no backend in, and says why', async () => {
    await install('judge', 'exit 0', 0o777);
    const { test, backends, url } = await serving('one');
    const [one] = backends as [TestBackend];
    await waitFor('refused', () => stateOf(test, one) === 'down');
    expect(test.report().backends[0]?.reason).toMatch(
      /^program judge: .*judge can be changed by others; chmod go-w /,
    );
    expect((await fetch(url)).status).toBe(503);
    await chmod(join(checks, 'judge'), 0o755);
    await waitFor('up', () => stateOf(test, one) === 'up');
  });
});
