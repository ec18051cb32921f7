import { globSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterAll } from 'vitest';
import { createAuthority } from '../../../src/agent/certificates/authority/authority.ts';
import { createAccount } from '../../../src/agent/certificates/orders/account.ts';
import {
  type CertificateOrders,
  type CertificateOrdersOptions,
  createCertificateOrders,
} from '../../../src/agent/certificates/orders/orders.ts';
import { type AcmeSettings, readAcmeSettings } from '../../../src/agent/certificates/settings.ts';
import type { WantedCertificates } from '../../../src/agent/certificates/wanted.ts';
import type { Logger } from '../../../src/base/logger.ts';
import type { CertificateOrderState } from '../../../src/certificates/state.ts';
import { signal } from '../../../src/host/processes.ts';
import { type Pebble, type PebbleOptions, startPebble } from '../pebble.ts';
import { loopbackAddress, temporaryDirectory } from '../temporary.ts';
import { waitFor } from '../wait.ts';
import { type ChallengeAnswerer, startAnswerer } from './challenge-answerer.ts';
import { type FaultFront, startFaultFront } from './fault-front.ts';
import { type TestClock, createTestClock } from './test-clock.ts';
import { type Zone, startZone } from './zone.ts';

/** The port of plain HTTP in these tests; addresses are those of the test file alone. */
export const HTTP_PORT = 5080;

/** A front of the CA, with an account of its own, and who answers its challenges. */
export interface Stand {
  front: FaultFront;
  /** Where HAProxy answers challenges. */
  address: string;
  answerer: ChallengeAnswerer;
}

/** A CA with what stands before it, a name server, and HAProxy: all that an order meets. */
export interface AcmeScene extends Stand {
  directory: string;
  /** An address where nothing listens. */
  deadAddress: string;
  zone: Zone;
  pebble: Pebble;
  /** Another stand, for faults that must not meet the other tests. */
  stand(): Promise<Stand>;
  /** An agent's orders, running. All of one stand have the same account, but for those that want none at first. */
  agent(options?: AgentOptions): Promise<TestAgent>;
}

export interface AgentOptions extends Partial<Omit<CertificateOrdersOptions, 'settings' | 'clock'>> {
  settings?: Partial<AcmeSettings>;
  clock?: TestClock;
  /** Default: the scene. */
  stand?: Stand;
  /** Whether there is an account from the beginning. Default: true. */
  hasAccount?: boolean;
}

export interface TestAgent {
  orders: CertificateOrders;
  clock: TestClock;
  root: string;
  /** Wants names, answered by HTTP at the scene's address. */
  want(domains: readonly string[], options?: Partial<WantedCertificates>): void;
  /** How a name stands. */
  state(domain: string): CertificateOrderState;
  /** Waits for a state in which this holds. */
  until(
    domain: string,
    what: string,
    holds: (state: CertificateOrderState) => boolean,
    timeoutMs?: number,
  ): Promise<CertificateOrderState>;
  /** The certificate that lies on the disk. */
  certificate(domain: string): Promise<X509Certificate>;
  /** Ends it as a kill would: certbot goes on. */
  stop(): Promise<void>;
}

const log = (level: string) => (fields: object, message: string) => {
  if (process.env['TEST_LOG']) console.error(level, message, fields);
};
const silent: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

/** Load balancer of these tests. */
export const ID = 'lb_test';

export async function createAcmeScene(
  options: Partial<PebbleOptions> & {
    records?: (address: string, dead: string) => string[];
    /** Name of the zone. Default: test. */
    origin?: string;
  } = {},
): Promise<AcmeScene> {
  const directory = await temporaryDirectory();
  const address = loopbackAddress();
  const deadAddress = loopbackAddress();
  const records = options.records?.(address, deadAddress) ?? [`app A ${address}`];
  const zone = await startZone(directory.path, {
    records,
    ...(options.origin === undefined ? {} : { origin: options.origin }),
  });
  const pebble = await startPebble({
    directory: directory.path,
    nameServer: zone.address,
    httpPort: HTTP_PORT,
    ...options,
  });
  const stands: Stand[] = [];
  const agents: TestAgent[] = [];
  afterAll(async () => {
    for (const agent of agents) await agent.stop();
    for (const { root } of agents) endRuns(root);
    await Promise.all(stands.map(({ front, answerer }) => Promise.all([front.stop(), answerer.stop()])));
    await Promise.all([pebble.stop(), zone.stop()]);
    await directory.remove();
  });
  const makeStand = async (at: string): Promise<Stand> => {
    const [front, answerer] = await Promise.all([
      startFaultFront(pebble),
      startAnswerer(join(directory.path, `answerer-${at}`), at, HTTP_PORT),
    ]);
    const stand = { front, address: at, answerer };
    stands.push(stand);
    return stand;
  };
  const seeds = new Map<Stand, Promise<string>>();
  const seedOf = (stand: Stand): Promise<string> => {
    const present = seeds.get(stand);
    if (present) return present;
    const root = join(directory.path, `seed-${seeds.size}`);
    const made = makeAccount(root, settingsOf({}, stand.front, pebble, zone)).then(() => root);
    seeds.set(stand, made);
    return made;
  };
  const main = await makeStand(address);
  let roots = 0;
  return {
    ...main,
    directory: directory.path,
    deadAddress,
    zone,
    pebble,
    stand: () => makeStand(loopbackAddress()),
    async agent({ settings = {}, clock = createTestClock(), stand = main, hasAccount = true, ...rest } = {}) {
      roots += 1;
      const root = rest.root ?? join(directory.path, `certificates-${roots}`);
      if (rest.root === undefined && hasAccount) await cp(await seedOf(stand), root, { recursive: true });
      await mkdir(root, { recursive: true, mode: 0o700 });
      const { front, answerer } = stand;
      const agent = createAgent({
        nameServerPort: Number(zone.address.split(':')[1]),
        ...rest,
        root,
        clock,
        settings: settingsOf(settings, front, pebble, zone),
      });
      const tell = () => {
        const thumbprint = agent.orders.thumbprint();
        // One that has no account yet must not take that of the others away.
        if (thumbprint !== undefined) void answerer.setThumbprint(thumbprint);
      };
      agent.orders.onChange(() => {
        if (!agent.isStopped()) tell();
      });
      await agent.start(stand.address);
      tell();
      agents.push(agent);
      return agent;
    },
  };
}

async function makeAccount(root: string, settings: AcmeSettings): Promise<void> {
  const clock = createTestClock();
  await createAccount({
    root,
    settings,
    authority: createAuthority(settings, clock),
    clock,
    random: Math.random,
    logger: silent,
    onChange: () => {},
  }).ensure();
}

/** Ends what certbot still does for agents that are gone. */
function endRuns(root: string): void {
  for (const file of globSync(join(root, '{names,accounts}/*/{order,registration}/run.json'))) {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
    signal(-pid, 'SIGKILL');
  }
}

function settingsOf(
  given: Partial<AcmeSettings>,
  front: FaultFront,
  pebble: Pebble,
  zone: Zone,
): AcmeSettings {
  const read = readAcmeSettings({
    AGENTMETAL_ACME_SERVER: front.directoryUrl,
    AGENTMETAL_ACME_CA_BUNDLE: pebble.caBundle,
    AGENTMETAL_RESOLVER: zone.address,
  });
  return { ...read, ...given };
}

function createAgent(
  options: Pick<CertificateOrdersOptions, 'root' | 'settings'> &
    Partial<CertificateOrdersOptions> & { clock: TestClock },
): TestAgent & { start(address: string): Promise<void>; isStopped(): boolean } {
  const orders = createCertificateOrders({ random: Math.random, logger: silent, ...options });
  const ending = new AbortController();
  let running: Promise<void> | undefined;
  let at = '';
  const state = (domain: string) => {
    const found = orders.state(ID).find((one) => one.domain === domain);
    if (!found) throw new Error(`nothing is known of ${domain}`);
    return found;
  };
  return {
    orders,
    clock: options.clock,
    root: options.root,
    isStopped: () => ending.signal.aborted,
    async start(address) {
      at = address;
      await orders.load();
      running = orders.run(ending.signal);
    },
    want(domains, wanted = {}) {
      orders.want({
        id: ID,
        domains,
        challenge: 'http',
        autoRenew: true,
        addresses: [at],
        port: HTTP_PORT,
        ...wanted,
      });
    },
    state,
    until: (domain, what, holds, timeoutMs = 30_000) =>
      waitFor(
        `${domain} ${what}`,
        () => {
          const seen = state(domain);
          if (holds(seen)) return seen;
          throw new Error(JSON.stringify(seen));
        },
        timeoutMs,
      ),
    async certificate(domain) {
      const [obtained] = orders.obtained(ID).filter(({ name }) => name === domain);
      return new X509Certificate(await readFile(obtained?.bundlePath ?? ''));
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}
