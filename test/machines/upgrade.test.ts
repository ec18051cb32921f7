import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiClient } from '../../src/api/client.ts';
import type { Event } from '../../src/api/events.ts';
import { createHttpSend } from '../../src/api/http-send.ts';
import type { AgentRollout, Machine } from '../../src/api/machines.ts';
import { agentBundle } from '../../src/machines/bundle/bundle.ts';
import type { ContainerMachine } from '../../src/machines/container/driver.ts';
import { createProvisioner } from '../../src/server/machines/over-ssh.ts';
import { runServer } from '../../src/server/main.ts';
import { ask } from '../support/ask.ts';
import { startBackend } from '../support/backends.ts';
import { freshMachine, leavePythonUncompiled } from '../support/machines/fresh.ts';
import { type MachineWorld, onMachine, startWorld, whyNoContainers } from '../support/machines/world.ts';
import { ROOT } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 300_000;
/** Others test on the same machine. */
const PAUSE_MS = 20;
const KEY = 'am_test_key_for_the_test_run_0123456789abcdef';
const PATH = '/v1/machines/lb-1';

const reason = await whyNoContainers();
if (reason !== undefined) console.warn(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)('the agent of a machine that serves', () => {
  let world: MachineWorld;
  let machine: ContainerMachine;
  let client: ApiClient;
  /** The product whose agent machines should have. */
  let root = ROOT;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    world = await startWorld();
    ends.push(() => world.close());
    const fresh = await freshMachine(world, 'lb-1', 'trixie');
    machine = fresh.machine;
    await leavePythonUncompiled(machine);
    ends.push(() => fresh.packages.stop());
    const backend = await startBackend({ name: 'web-1', host: world.gateway });
    ends.push(() => backend.stop());
    const dataDir = join(world.dataDir, 'control-plane');
    const plane = await runServer({
      dataDir,
      listen: '127.0.0.1:0',
      addressPool: '127.80.0.0/24',
      adminKey: KEY,
      agentListen: `${world.gateway}:0`,
      provisioner: { ...createProvisioner(dataDir), bundle: () => agentBundle(dataDir, root) },
    });
    ends.push(() => plane.close());
    client = new ApiClient({ url: plane.url, key: KEY, send: createHttpSend({}) });
    const { host: address, privateKey, hostKey } = machine.target;
    await post('/v1/vpcs', { name: 'prod', spec: { cidrs: ['198.18.0.0/15'] } });
    await post('/v1/machines', { name: 'lb-1', driver: 'ssh', address, privateKey, hostKey, vpc: 'prod' });
    const ready = await waitFor(
      'the machine',
      async () => {
        const seen = await get<Machine>(PATH);
        return (seen.state === 'online' || seen.fault !== null) && seen;
      },
      LONG_MS,
    );
    expect(ready.fault).toBeNull();
    const backends = [{ target: `${world.gateway}:${backend.port}` }];
    await post('/v1/load-balancers', { name: 'web-lb', spec: { type: 'http', vpc: 'prod', backends } });
    await waitFor('an answer', async () => (await ask(url())).body === 'web-1', LONG_MS);
  }, 2 * LONG_MS);
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const post = (path: string, body: object) => client.request({ method: 'POST', path, body });
  const get = async <T>(path: string) => (await client.request<T>({ method: 'GET', path })).body;
  const url = () => `http://${machine.target.host}/`;
  const haproxys = () => onMachine(machine, 'pgrep -x haproxy | sort');
  const current = () => onMachine(machine, 'readlink /opt/agentmetal/current');

  /** Makes the product with another beginning of its agent, and has it wanted. */
  async function wantOther(name: string, beginning: string): Promise<void> {
    const other = join(world.dataDir, name);
    await mkdir(other);
    for (const each of ['dist', 'bin', 'package.json', 'LICENSE'])
      await cp(join(ROOT, each), join(other, each), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(other, 'node_modules'));
    const file = join(other, 'dist/agent/main.js');
    await writeFile(file, `${beginning}\n${await readFile(file, 'utf8')}`);
    root = other;
  }

  /** Asks all the time while something is done, and counts what was not answered. */
  async function failedDuring(what: () => Promise<unknown>): Promise<number> {
    let [isOver, failed] = [false, 0];
    const asking = (async () => {
      while (!isOver) {
        await ask(url()).then(
          ({ body }) => (failed += body === 'web-1' ? 0 : 1),
          () => (failed += 1),
        );
        await setTimeout(PAUSE_MS);
      }
    })();
    try {
      await what();
    } finally {
      isOver = true;
      await asking;
    }
    return failed;
  }

  test(
    'is upgraded by itself when the control plane is, and HAProxy serves on',
    async () => {
      const [before, pids] = [await current(), await haproxys()];
      expect((await get<Machine>(PATH)).agentVersion).toBe(before);
      await wantOther('newer', '// Newer.');
      const failed = await failedDuring(() =>
        waitFor(
          'the newer agent',
          async () => {
            if ((await get<Machine>(PATH)).agentVersion === before) return false;
            return (await get<AgentRollout>('/v1/machines/agent-rollout')).state === 'done';
          },
          LONG_MS,
        ),
      );
      const { agentVersion, upgrade } = await get<Machine>(PATH);
      expect(agentVersion).not.toBe(before);
      expect(upgrade).toBeUndefined();
      expect(await current()).toBe(agentVersion);
      expect(await haproxys()).toBe(pids);
      expect(failed).toBe(0);
    },
    LONG_MS,
  );

  test(
    'that does not run is taken off by the machine, and no further one is begun',
    async () => {
      const [before, pids] = [await current(), await haproxys()];
      await wantOther('broken', 'throw new Error("this agent does not run");');
      const failed = await failedDuring(() =>
        waitFor('it to fail', async () => (await get<Machine>(PATH)).upgrade?.state === 'failed', LONG_MS),
      );
      expect((await get<Machine>(PATH)).upgrade?.reason).toContain(
        `did not report within 60 seconds, and ${before} runs again`,
      );
      expect(await get<AgentRollout>('/v1/machines/agent-rollout')).toMatchObject({ state: 'stopped' });
      expect(await current()).toBe(before);
      expect(await haproxys()).toBe(pids);
      expect(failed).toBe(0);
      const { items } = await get<{ items: Event[] }>('/v1/events?type=machine.upgrade_failed');
      expect(items).toHaveLength(1);
      expect((await get<Machine>(PATH)).state).toBe('online');
    },
    LONG_MS,
  );
});
