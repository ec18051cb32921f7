import { type Server, createServer } from 'node:http';
import type { ApiClient } from '../api/client.ts';
import type { LoadBalancer } from '../api/load-balancer.ts';
import type { Page } from '../api/resources.ts';

const DEMO_PORT = 8080;

/** The sample backends: servers of this process on loopback addresses that nothing else uses. */
const DEMO_HOSTS = [
  { name: 'web-1', addresses: ['127.90.0.1'] },
  { name: 'web-2', addresses: ['127.90.0.2'] },
];

const DEMO_LABEL = 'agentmetal-demo';
const DEMO_LABELS = { [DEMO_LABEL]: 'true' };

type Labelled = Pick<LoadBalancer, 'name' | 'labels'>;

/** A running demo. Its load balancer stays when it stops, and then says that its backends are down. */
export interface Demo {
  stop(): Promise<void>;
}

/**
 * Makes VPC `prod`, two sample backends and `web-lb`, where they are not there yet, and shows a request.
 * @param signal ends it, also while it waits.
 */
export async function startDemo(
  client: ApiClient,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Demo> {
  await ensureVpc(client);
  const servers: Server[] = [];
  const stop = async () => void (await Promise.all(servers.map(close)));
  try {
    for (const { name, addresses } of DEMO_HOSTS) servers.push(await startBackend(name, addresses[0] ?? ''));
    await show(client, print, signal);
    return { stop };
  } catch (error) {
    // A server that listens would keep the process from ending.
    await stop();
    throw error;
  }
}

async function show(client: ApiClient, print: (line: string) => void, signal: AbortSignal): Promise<void> {
  const balancer = await ensureLoadBalancer(client, signal);
  const { listeners } = balancer.status.nodes[0] ?? {};
  const where = (listeners?.[0] ?? balancer.status.addresses[0] ?? '').replace(/:80$/, '');
  print(
    `Demo: load balancer web-lb serves ${DEMO_HOSTS.map(({ name }) => name).join(' and ')} on http://${where}`,
  );
  await waitForAnswer(`http://${where}/`, signal);
  for (const _ of DEMO_HOSTS) {
    const answer = await fetch(`http://${where}/`, { signal });
    print(`  $ curl http://${where}/   →  ${answer.status} ${(await answer.text()).trim()}`);
  }
  print('Try: bin/agentmetal lb show web-lb');
}

function startBackend(name: string, address: string): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(request.url === '/health' ? 'ok\n' : `Hello from ${name}\n`);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(DEMO_PORT, address, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function ensureVpc(client: ApiClient): Promise<void> {
  const { body } = await client.request<Page<Labelled>>({
    method: 'GET',
    path: '/v1/vpcs',
    query: { limit: 500 },
  });
  const present = body.items.find(({ name }) => name === 'prod');
  if (present) return requireOurs('VPC', present);
  const spec = { cidrs: ['10.0.0.0/16'], hosts: DEMO_HOSTS };
  await client.request({
    method: 'POST',
    path: '/v1/vpcs',
    body: { name: 'prod', labels: DEMO_LABELS, spec },
  });
}

async function ensureLoadBalancer(client: ApiClient, signal: AbortSignal): Promise<LoadBalancer> {
  const { body } = await client.request<Page<LoadBalancer>>({
    method: 'GET',
    path: '/v1/load-balancers',
    query: { limit: 500 },
  });
  const present = body.items.find(({ name }) => name === 'web-lb');
  if (present) requireOurs('load balancer', present);
  else {
    const spec = {
      type: 'http',
      vpc: 'prod',
      backends: DEMO_HOSTS.map(({ name }) => ({ target: `${name}:${DEMO_PORT}` })),
      healthCheck: { path: '/health', interval: '5s' },
    };
    await client.request({
      method: 'POST',
      path: '/v1/load-balancers',
      body: { name: 'web-lb', labels: DEMO_LABELS, spec },
      headers: { prefer: 'wait=30' },
    });
  }
  return waitForBackends(client, signal);
}

/** What somebody made for real must never be led to sample servers. */
function requireOurs(kind: string, { name, labels }: Labelled): void {
  if (Object.hasOwn(labels, DEMO_LABEL)) return;
  throw new Error(`there is a ${kind} ${name} already that is not the demo's, and it is left alone`);
}

function waitForBackends(client: ApiClient, signal: AbortSignal): Promise<LoadBalancer> {
  return until(signal, async () => {
    const { body } = await client.request<LoadBalancer>({ method: 'GET', path: '/v1/load-balancers/web-lb' });
    return body.status.backends.some(({ state }) => state === 'up') ? body : undefined;
  });
}

/** What was last told of the backends may be from before a pause, in which they were away. */
async function waitForAnswer(url: string, signal: AbortSignal): Promise<void> {
  await until(signal, async () => {
    const answer = await fetch(url, { signal });
    await answer.body?.cancel();
    return answer.ok || undefined;
  });
}

async function until<T>(signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    signal.throwIfAborted();
    if (performance.now() > deadline)
      throw new Error('no backend of web-lb came up; see: bin/agentmetal lb show web-lb');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
