import { Agent, request } from 'node:http';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { floatingPaths } from '../../src/agent/floating/paths.ts';
import { readRole } from '../../src/agent/floating/role.ts';
import { MAX_UNTOLD_TURNS, Untold, type UntoldTurn } from '../../src/api/agent.ts';
import type { Event } from '../../src/api/events.ts';
import type { LoadBalancer, Revision } from '../../src/api/load-balancer.ts';
import { systemClock } from '../../src/base/clock.ts';
import { signal } from '../../src/host/processes.ts';
import { type DatedFront, startDatedFront } from '../support/acme/dated-front.ts';
import { type TestBackend, startBackend } from '../support/backends.ts';
import { PUBLIC } from '../support/floating/network.ts';
import { handshake } from '../support/handshake.ts';
import { type NameServer, startNameServer } from '../support/name-server.ts';
import { hasOwnNetwork } from '../support/own-network.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { type RealFleet, startRealFleet } from '../support/real-fleet/fleet.ts';
import { waitFor } from '../support/wait.ts';

const LONG_MS = 240_000;
const HOUR_MS = 3_600_000;
/** A week. */
const HALF_DAYS = 14;
const HALF_A_DAY_MS = 12 * HOUR_MS;
const LIFE_SECONDS = 2 * 86_400;
const NAME = 'app.test';
const PORT = 8001;
/** What happens within this time is told as one. */
const TOGETHER_MS = 2000;
/** An agent holds some megabytes more or less by chance. */
const MAX_GROWTH_BYTES = 15e6;
/** Addresses of this process in the VPC: the name server and three backends. */
const VPC_ADDRESSES = ['10.80.0.200', '10.80.0.201', '10.80.0.202', '10.80.0.203'] as const;
const ONE = `${VPC_ADDRESSES[1]}:${PORT}`;
const BESIDE = '203.0.113.250';

describe.runIf(hasOwnNetwork())('a week without the control plane', () => {
  let fleet: RealFleet;
  let names: NameServer;
  let pebble: Pebble;
  let front: DatedFront;
  let folder: string;
  let backends: TestBackend[];
  let id: string;
  /** When the control plane ended. */
  let leftAt: number;
  /** Which backend the name `moves` stands for. */
  let moving = 'two';
  const nodes = [0, 1];

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/am-');
    fleet = await startRealFleet(3, {
      vpc: { nameServers: [] },
      async prepare(network) {
        await network.join(VPC_ADDRESSES, BESIDE);
        names = await startNameServer([`app A ${PUBLIC.floating}`, `moves A ${VPC_ADDRESSES[2]}`], {
          host: VPC_ADDRESSES[0],
        });
        pebble = await startPebble({
          directory: folder,
          nameServer: names.address,
          host: BESIDE,
          httpPort: 80,
          validitySeconds: LIFE_SECONDS,
        });
        front = await startDatedFront({ pebble, host: BESIDE, now: () => fleet?.now() ?? Date.now() });
        backends = await Promise.all(
          ['one', 'two', 'three'].map((name, index) =>
            startBackend({ name, host: VPC_ADDRESSES[index + 1] ?? '', port: PORT }),
          ),
        );
        return {
          AGENTMETAL_ACME_SERVER: front.directoryUrl,
          AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
          AGENTMETAL_RESOLVER: names.address,
        };
      },
    });
    await fleet.call('PATCH', '/v1/vpcs/prod', { spec: { nameServers: [names.address] } });
    const spec = {
      type: 'http',
      vpc: 'prod',
      nodes: 2,
      tls: { domain: NAME, redirect: false },
      backends: [{ target: ONE }, { target: `moves.test:${PORT}` }],
      healthCheck: { type: 'http', path: '/health', interval: '1s', fall: 1, rise: 1 },
    };
    ({ id } = await fleet.call<LoadBalancer>('POST', '/v1/load-balancers', { name: 'web-lb', spec }));
    await waitFor('both nodes', async () => String(await roles()) === 'active,standby', LONG_MS);
    await waitFor(
      'the certificates of both nodes',
      async () => {
        const told = await events();
        const issued = told.filter(({ type }) => type === 'certificate.issued');
        const { state, conditions } = await status();
        if (issued.reduce((sum, { count }) => sum + count, 0) === nodes.length && state === 'active')
          return true;
        throw new Error(JSON.stringify({ state, conditions, told }, null, 1));
      },
      90_000,
    );
  }, LONG_MS);
  afterAll(async () => {
    await fleet?.end();
    await Promise.all([
      ...(backends ?? []).map((each) => each.stop()),
      front?.stop(),
      pebble?.stop(),
      names?.stop(),
    ]);
    await rm(folder, { recursive: true, force: true });
  });

  const status = async (): Promise<LoadBalancer['status']> => (await fleet.loadBalancer('web-lb')).status;
  const roles = async () => (await status()).nodes.map(({ floating }) => floating?.role ?? 'none').toSorted();
  const shown = async (address: string) => (await handshake(address, { name: NAME })).certificate;
  const serials = () =>
    Promise.all(
      nodes.map(async (index) => {
        const { serialNumber, issuer } = await shown(PUBLIC.node(index));
        return String(issuer.CN).startsWith('Pebble') ? serialNumber : undefined;
      }),
    );
  const events = async () =>
    (
      await fleet.call<{ items: Event[] }>('GET', '/v1/load-balancers/web-lb/events?limit=500')
    ).items.toReversed();
  const receipts = async (revision: number) =>
    (await fleet.call<Revision>('GET', `/v1/load-balancers/web-lb/revisions/${revision}`)).receipts;
  /** Waits until clients are answered by these backends and no others. */
  const answeredBy = (...wanted: string[]) =>
    waitFor(
      `answers of ${wanted.join(' and ')}`,
      async () => {
        const seen = new Set<string>();
        for (let turn = 0; turn < 6; turn++) seen.add(await ask(PUBLIC.floating));
        return String([...seen].toSorted()) === String(wanted);
      },
      60_000,
    );
  /** Both nodes show a certificate that is valid by their own time, and not the placeholder. */
  const areValid = async () => {
    const now = fleet.now();
    const certificates = await Promise.all(nodes.map((index) => shown(PUBLIC.node(index))));
    return certificates.every(
      ({ valid_from: from, valid_to: until, issuer }) =>
        String(issuer.CN).startsWith('Pebble') && Date.parse(from) <= now + 1000 && now < Date.parse(until),
    );
  };
  const seen = nodes.map(() => new Set<string>());
  const active = async () => {
    const have = await Promise.all(nodes.map((index) => fleet.hasAddress(index)));
    return have.indexOf(true);
  };
  const workersNow = () => new Set(nodes.flatMap((index) => fleet.processes(index, 'haproxy')));
  const folderOf = (index: number) => join(fleet.dataDir(index), 'load-balancers', id);
  /** How often a node has seen the backend `one` turn that it could not tell. */
  const turnsOf = (index: number): UntoldTurn[] => {
    const file = join(folderOf(index), 'untold.json');
    return existsSync(file) ? Untold.parse(JSON.parse(readFileSync(file, 'utf8'))).turns : [];
  };
  /** The backend `one` is, or is not, well, and every node has noticed. */
  const setOne = async (state: 'up' | 'down') => {
    const [one] = backends;
    const before = nodes.map((index) => turnsOf(index).length);
    if (one) one.health.status = state === 'up' ? 200 : 503;
    await waitFor(
      `every node to see it ${state}`,
      () =>
        nodes.every((index) => {
          const turns = turnsOf(index);
          return turns.length > (before[index] ?? 0) && turns.at(-1)?.state === state;
        }),
      60_000,
    );
  };
  let halfDays = 0;
  /** Half a day goes by, in which a backend fails and comes back, while clients are served without a fault. */
  const halfADay = async () => {
    halfDays += 1;
    fleet.advance(HALF_A_DAY_MS);
    const visitor = startVisitor(PUBLIC.floating);
    await setOne('down');
    await answeredBy(moving);
    await setOne('up');
    await answeredBy('one', moving);
    await waitFor('certificates that are valid', areValid, LONG_MS);
    for (const [index, serial] of (await serials()).entries()) seen[index]?.add(String(serial));
    expect(await visitor.stop()).toMatchObject({ failed: [] });
  };
  const size = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
      .filter((stat) => stat?.isFile())
      .reduce(({ files, bytes }, stat) => ({ files: files + 1, bytes: bytes + (stat?.size ?? 0) }), {
        files: 0,
        bytes: 0,
      });

  test(
    'clients notice nothing of it: backends, names and certificates change, agents, HAProxy and machines end and come back',
    async () => {
      // What was accepted and has reached nobody.
      for (const index of nodes) await fleet.killAgent(index);
      await fleet.call('PATCH', `/v1/load-balancers/web-lb/backends/${ONE}`, {
        weight: 99,
      });
      await fleet.endPlane();
      leftAt = fleet.now();
      for (const index of nodes) fleet.startAgent(index);
      let processes = workersNow();
      for (let times = 0; times < 2; times++) await halfADay();
      const [memory, disk] = [await fleet.memory(1), size(fleet.dataDir(1))];
      for (let times = 0; times < 2; times++) await halfADay();

      // A name stands for another address.
      await names.setRecords([`app A ${PUBLIC.floating}`, `moves A ${VPC_ADDRESSES[3]}`]);
      moving = 'three';
      await answeredBy('one', moving);

      // An agent is killed, and its next one goes on.
      await fleet.killAgent(0);
      fleet.startAgent(0);
      await halfADay();
      expect(workersNow()).toEqual(processes);

      // HAProxy ends on both.
      const endedAt = Date.now();
      for (const index of nodes) for (const pid of fleet.processes(index, 'haproxy')) signal(pid, 'SIGKILL');
      await waitFor('another HAProxy on each', () => workersNow().size === processes.size, 60_000);
      await waitFor('roles to be shared out', () => {
        const known = nodes.map((index) => readRole(floatingPaths(folderOf(index)).role));
        const isNew = known.every((each) => each !== undefined && each.since.getTime() > endedAt);
        const shared = known.map((each) => each?.role);
        return isNew && shared.includes('active') && shared.includes('standby');
      });
      await answeredBy('one', moving);
      await halfADay();

      // A machine loses its power: the other one takes over, and the first one comes back with nobody to ask.
      const lost = await active();
      await fleet.crash(lost);
      await waitFor('the other node to have the address', () => fleet.hasAddress(1 - lost));
      await answeredBy('one', moving);
      await fleet.boot(lost);
      await waitFor('it to serve', async () => (await ask(PUBLIC.node(lost))) !== '', 60_000);
      processes = workersNow();
      while (halfDays < HALF_DAYS) await halfADay();

      expect(workersNow()).toEqual(processes);
      expect(await active()).toBe(1 - lost);
      for (const shownOne of seen) expect(shownOne.size).toBeGreaterThanOrEqual(4);
      // What an agent keeps does not grow with the time.
      expect(await fleet.memory(1)).toBeLessThan(memory + MAX_GROWTH_BYTES);
      // A renewal that is under way has files until it ends.
      await waitFor(
        'no more on the disk than before',
        () => {
          const { files, bytes } = size(fleet.dataDir(1));
          if (files <= disk.files + 2 && bytes < disk.bytes + MAX_UNTOLD_TURNS * 300) return true;
          throw new Error(`${files} files of ${bytes} bytes, and before ${disk.files} of ${disk.bytes}`);
        },
        60_000,
      );
    },
    LONG_MS,
  );

  test(
    'and when it is back it hears what happened, each with its time, and nothing is done anew',
    async () => {
      const processes = workersNow();
      const kept = await serials();
      const told = nodes.map((index) =>
        turnsOf(index).flatMap(({ at, target }) => (target === ONE ? [at] : [])),
      );
      const begun = fleet.now();
      await fleet.startPlane();
      await waitFor('revision 2 to be live', async () => (await status()).state === 'active', 60_000);
      for (const index of nodes)
        await waitFor('nothing to be left untold', () => turnsOf(index).length === 0, 60_000);
      const all = await events();
      expect(workersNow()).toEqual(processes);
      for (const { path, outcome } of await receipts(2))
        expect([path, outcome]).toEqual(['runtime', 'applied']);
      // Nothing but what has happened is told, and that in order.
      const news = all.filter(({ time }) => Date.parse(time) >= leftAt);
      expect(new Set(news.map(({ type }) => type))).toEqual(
        new Set(['backend.down', 'backend.up', 'certificate.renewed', 'revision.live']),
      );
      for (const index of nodes) {
        const turns = news.filter(({ details }) => details['machine'] === `lb-${index + 1}`);
        const times = turns.map(({ time }) => Date.parse(time));
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        // With what another backend did right after it, it is told as one.
        const isTold = (at: string) => times.some((time) => Math.abs(time - Date.parse(at)) <= TOGETHER_MS);
        expect(told[index]?.filter((at) => !isTold(at))).toEqual([]);
      }
      // Nobody is taken for dead because nobody listened.
      for (const name of ['lb-1', 'lb-2', 'lb-3']) expect((await fleet.machine(name)).lost).toBeUndefined();
      // Of one domain that several nodes have, the worst is told.
      const [certificate] = (await status()).certificates;
      expect(certificate).toMatchObject({ state: 'active', alert: 'none' });
      // A renewal that was under way when the control plane came back may have ended since.
      expect([...kept, ...(await serials())]).toContain(certificate?.serial?.toUpperCase());
      expect(fleet.now() - begun).toBeLessThan(60_000);
    },
    LONG_MS,
  );
});

/** What an address answers; empty when it does not. */
function ask(host: string, agent = new Agent()): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ host, path: '/', agent, timeout: 5000 }, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 ? body : ''),
        () => resolve(''),
      );
    });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(''));
    sent.end();
  });
}

/** A client that asks all the time on a connection that it keeps, and never tries again. */
function startVisitor(host: string): { stop(): Promise<{ asked: number; failed: number[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const result = { asked: 0, failed: [] as number[] };
  let isRunning = true;
  const done = (async () => {
    while (isRunning) {
      if ((await ask(host, agent)) === '') result.failed.push(result.asked);
      result.asked += 1;
      await systemClock.sleep(20);
    }
  })();
  return {
    async stop() {
      isRunning = false;
      await done;
      agent.destroy();
      return result;
    },
  };
}
