import { type IncomingHttpHeaders, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, expect } from 'vitest';
import type { DesiredLoadBalancer } from '../../src/api/agent.ts';
import { readBundle, splitBundle } from '../../src/certificates/bundle.ts';
import { servicePaths } from '../../src/haproxy/config/paths.ts';
import type { ServiceModel } from '../../src/haproxy/model.ts';
import { planChange } from '../../src/haproxy/plan.ts';
import { askWorker } from '../../src/haproxy/process/master.ts';
import { detectLayout } from '../../src/agent/layout.ts';
import type { CertificateSource } from '../../src/agent/serving/source.ts';
import { withRuntime } from '../../src/haproxy/runtime/connection.ts';
import type { StepAction } from '../../src/spec/plan.ts';
import { type TestBackend, type TestBackendOptions, startBackend, startTcpBackend } from './backends.ts';
import { type TestService, createTestService, specOf } from './service.ts';
import { loopbackAddress, temporaryDirectory } from './temporary.ts';
import { waitFor } from './wait.ts';

type Spec = Record<string, unknown>;

/** The port of plain traffic in these tests. */
export const PORT = 8080;

/** A load balancer on a real HAProxy, with what tests of its traffic need. */
export interface Balancer {
  test: TestService;
  address: string;
  /** Sets a spec and waits until it is live and every backend of it has been checked. */
  start(spec: Spec): Promise<void>;
  /** Sets a spec and expects that plan and receipt say `runtime` and that the worker is the same one. */
  runtime(spec: Spec, action?: StepAction): Promise<void>;
  /** Sets a spec and expects a reload. */
  reload(spec: Spec): Promise<void>;
  /** Number of the worker that serves, as it says itself. */
  workerPid(): Promise<number>;
  /** Asks HAProxy itself. */
  tell(command: string): Promise<string>;
  /** Another agent's service takes over, as after a restart of the agent. */
  restartAgent(): Promise<void>;
  ask(options?: AskOptions): Promise<Answer>;
}

export interface Scene {
  /** @param certificates where certificates of domains come from; nowhere if not given. */
  balancer(certificates?: CertificateSource): Balancer;
  backend(options: TestBackendOptions | string): Promise<TestBackend>;
  tcpBackend(name: string, host?: string): Promise<{ target: string; port: number; stop(): Promise<void> }>;
  /** A folder that goes with the tests of the file. */
  directory: string;
  /** Has something done after the test. */
  after(cleanup: () => Promise<unknown> | void): void;
}

/** What tests of one file run in; all of it is gone after each of them. */
export async function createScene(): Promise<Scene> {
  const directory = await temporaryDirectory();
  const cleanups: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });
  afterAll(() => directory.remove());
  const after = (cleanup: () => Promise<unknown> | void) => void cleanups.push(cleanup);
  return {
    directory: directory.path,
    after,
    balancer: (certificates) => createBalancer(directory.path, after, certificates),
    async backend(options) {
      const started = await startBackend(typeof options === 'string' ? { name: options } : options);
      after(() => started.stop());
      return started;
    },
    async tcpBackend(name, host) {
      const started = await startTcpBackend(name, host);
      after(() => started.stop());
      return started;
    },
  };
}

function createBalancer(
  directory: string,
  after: Scene['after'],
  certificates?: CertificateSource,
): Balancer {
  const options = certificates ? { certificates } : {};
  const address = loopbackAddress();
  const layout = detectLayout(`${directory}/agent`, 0);
  const self: Balancer = {
    test: createTestService(directory, address, options),
    address,
    async start(spec) {
      const receipt = await self.test.set(spec);
      expect(receipt).toMatchObject({ outcome: 'applied' });
      await isChecked(self.test);
    },
    async runtime(spec, action) {
      const pid = await self.workerPid();
      const plan = planChange(
        modelOf(self.test.desired),
        modelOf({ ...self.test.desired, spec: specOf(spec) }),
      );
      expect(plan.path).toBe('runtime');
      const receipt = await self.test.set(spec);
      expect(receipt).toMatchObject({ outcome: 'applied', path: 'runtime' });
      if (action !== undefined) {
        expect(plan.steps.map((step) => step.action)).toContain(action);
        expect(receipt.steps.map((step) => step.action)).toContain(action);
      }
      await isChecked(self.test);
      expect(await self.workerPid()).toBe(pid);
    },
    async reload(spec) {
      const pid = await self.workerPid();
      expect(await self.test.set(spec)).toMatchObject({ outcome: 'applied', path: 'reload' });
      expect(await self.workerPid()).not.toBe(pid);
    },
    workerPid: async () => (await askWorker(servicePaths(self.test.desired.id, layout))).pid,
    tell: (command) =>
      withRuntime(servicePaths(self.test.desired.id, layout).workerSocket, (runtime) =>
        runtime.send(command),
      ),
    async restartAgent() {
      const { desired } = self.test;
      await self.test.service.detach();
      self.test = createTestService(directory, address, { ...options, revision: desired.revision });
      self.test.desired = desired;
      self.test.service.want(desired);
      await waitFor('the agent to adopt HAProxy', () => self.test.report().haproxy);
      await isChecked(self.test);
    },
    ask: (options = {}) => ask(address, options),
  };
  after(() => self.test.service.remove());
  return self;
}

function modelOf({ certificate, ...desired }: DesiredLoadBalancer): ServiceModel {
  const isServed = certificate !== undefined && desired.spec.tls?.certificate === certificate.name;
  const read = isServed ? readBundle(splitBundle(certificate.pem), undefined) : undefined;
  const certificates = read?.ok
    ? [{ name: 'uploaded', hosts: read.bundle.names, fingerprint: read.bundle.fingerprint, pem: '' }]
    : [];
  return { ...desired, layout: detectLayout('/tmp', 0), addresses: new Map(), certificates };
}

/** Waits until no backend waits for its first check. */
export function isChecked(test: TestService): Promise<unknown> {
  return waitFor('all backends checked', () => {
    const { backends, observedRevision } = test.report();
    return observedRevision === test.desired.revision && backends.every(({ state }) => state !== 'checking');
  });
}

export interface AskOptions {
  port?: number;
  path?: string;
  method?: string;
  host?: string;
  headers?: Record<string, string | string[]>;
  body?: string;
  /** Address that the client comes from. */
  from?: string;
  timeoutMs?: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own, sent as it is given: nothing is made tidy, followed or tried again. */
export function ask(
  address: string,
  { port = PORT, path = '/', method = 'GET', host, headers, body, from, timeoutMs = 15_000 }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: address,
        port,
        path,
        method,
        agent: false,
        headers: { connection: 'close', ...(host === undefined ? {} : { host }), ...headers },
        ...(from === undefined ? {} : { localAddress: from }),
        timeout: timeoutMs,
      },
      (response) => {
        text(response).then(
          (read) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read }),
          reject,
        );
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.once('error', reject);
    sent.end(body);
  });
}

/** A connection whose next bytes can be waited for. */
export interface Stream {
  socket: Socket;
  /** The next bytes, or `(end)`. */
  next(): Promise<string>;
  /** All that comes until the other side closes. */
  rest(): Promise<string>;
}

export async function openStream(host: string, port = PORT, from?: string): Promise<Stream> {
  const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
  const chunks = socket.setEncoding('latin1')[Symbol.asyncIterator]();
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  // A reset is an end like any other here.
  socket.on('error', () => {});
  const next = async (): Promise<string> => {
    try {
      const { value, done } = await chunks.next();
      return done ? '(end)' : String(value);
    } catch {
      return '(end)';
    }
  };
  return {
    socket,
    next,
    async rest() {
      let all = '';
      for (let part = await next(); part !== '(end)'; part = await next()) all += part;
      return all;
    },
  };
}

/** Sends bytes as they are and answers all that comes back until the end. */
export async function sendRaw(
  host: string,
  bytes: string | Buffer,
  { port = PORT, from }: { port?: number; from?: string } = {},
): Promise<string> {
  const stream = await openStream(host, port, from);
  stream.socket.write(bytes);
  return stream.rest();
}

/** How often each text came. */
export function countOf(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of texts) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}
