import { connect } from 'node:net';
import { expect } from 'vitest';
import { ask } from './ask.ts';
import { type TestBackend, startTcpBackend } from './backends.ts';
import type { Product } from './product.ts';
import { waitFor } from './wait.ts';

/** Where the product page's commands are run, and who serves behind what they create. */
export interface PageGround {
  product: Product;
  /** `web-1` and `web-2`, at the port that the page names. */
  backends: readonly TestBackend[];
  /** Address of `db-1`. */
  database: string;
  /** How clients look to backends. */
  clients: RegExp;
  /** `--nodes` of what is created. Default: not given, as on the page. */
  nodes?: number;
}

/** For a machine that is made ready while a command waits. */
const PATIENCE_MS = 300_000;

/** Runs a line that must succeed; answers what it printed as data. */
export async function succeed(product: Product, line: string): Promise<string> {
  const { code, stdout, stderr } = await product.sh(line);
  expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
  return stdout;
}

/** The address that clients ask. */
export async function addressOf({ product }: PageGround, name: string): Promise<string> {
  return (await product.loadBalancer(name)).status.addresses[0] ?? '';
}

/** "HTTP Load Balancer". */
export async function createHttp(ground: PageGround): Promise<void> {
  const stdout = await succeed(
    ground.product,
    `agentmetal lb create \\
  --name web-lb \\
  --type http \\
  --vpc prod${nodesFlag(ground)}`,
  );
  const address = await addressOf(ground, 'web-lb');
  expect(stdout).toContain(address);
  expect((await ground.product.loadBalancer('web-lb')).status.state).toBe('active');
  // There is nobody behind it yet, and it says so instead of hanging.
  expect((await ask(`http://${address}/`)).status).toBe(503);
}

/** "TCP Load Balancer", with a server behind it that speaks first. */
export async function createTcp(ground: PageGround): Promise<void> {
  const { product } = ground;
  await succeed(
    product,
    `agentmetal lb create \\
  --name db-lb \\
  --type tcp \\
  --port 5432 \\
  --vpc prod${nodesFlag(ground)}`,
  );
  const database = await startTcpBackend('db', ground.database, 5432);
  try {
    await succeed(
      product,
      `agentmetal vpc host add prod db-1 ${ground.database} && agentmetal lb backend add db-lb --target db-1:5432 --health-check tcp:1s`,
    );
    expect(await talk(await addressOf(ground, 'db-lb'), 5432)).toBe('db\nping');
  } finally {
    await database.stop();
  }
}

/** "Add Backends". */
export async function addBackends(ground: PageGround): Promise<void> {
  const { product } = ground;
  await succeed(
    product,
    `agentmetal lb backend add web-lb \\
  --target web-1:8080 \\
  --target web-2:8080 \\
  --health-check "http:/health:5s"`,
  );
  const balancer = await product.loadBalancer('web-lb');
  expect(balancer.spec.healthCheck).toMatchObject({ type: 'http', path: '/health', interval: '5s' });
  const states = balancer.status.backends.map(({ target, state }) => `${target} ${state}`);
  expect([...new Set(states)].toSorted()).toEqual(['web-1:8080 up', 'web-2:8080 up']);
  expect(states).toHaveLength(2 * (ground.nodes ?? 1));
}

/** "Configure TLS". */
export async function setDomain({ product }: PageGround): Promise<void> {
  await succeed(product, 'agentmetal lb tls set web-lb --domain app.example.com');
}

/** Each connection is a client of its own, and they are shared out evenly. */
export async function shareEvenly(ground: PageGround): Promise<void> {
  expect(await shares(`http://${await addressOf(ground, 'web-lb')}/`, 20)).toEqual({
    'web-1': 10,
    'web-2': 10,
  });
}

/** "API", once the name is free. */
export async function createByCurl(ground: PageGround): Promise<void> {
  const { product, nodes } = ground;
  const stdout = await succeed(
    product,
    `curl -X POST http://localhost:8080/v1/load-balancers \\
  -H "Authorization: Bearer $API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "web-lb",
    "spec": {
      "type": "http",${nodes === undefined ? '' : ` "nodes": ${nodes},`}
      "vpc": "prod",
      "tls": { "domain": "app.example.com", "autoRenew": true },
      "backends": [
        { "target": "web-1:8080", "weight": 50 },
        { "target": "web-2:8080", "weight": 50 }
      ],
      "healthCheck": { "path": "/health", "interval": "5s" }
    }
  }'`,
  );
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'web-lb',
    spec: { vpc: 'prod', healthCheck: { type: 'http', path: '/health' } },
  });
  await waitFor(
    'both up',
    async () => {
      const { status } = await product.loadBalancer('web-lb');
      return status.backends.every(({ state }) => state === 'up') && status.state === 'active';
    },
    PATIENCE_MS,
  );
}

/** Shares follow weights within 5 %. */
export async function followWeights(ground: PageGround): Promise<void> {
  await succeed(
    ground.product,
    'agentmetal lb backend set web-lb web-1:8080 --weight 192 && agentmetal lb backend set web-lb web-2:8080 --weight 64',
  );
  const tally = await shares(`http://${await addressOf(ground, 'web-lb')}/`, 400);
  expect((tally['web-1'] ?? 0) / 400).toBeGreaterThan(0.75 * 0.95);
  expect((tally['web-1'] ?? 0) / 400).toBeLessThan(0.75 * 1.05);
}

/** "Sticky Sessions". */
export async function stickByCookie(ground: PageGround): Promise<void> {
  await succeed(ground.product, 'agentmetal lb sticky set web-lb --mode cookie --cookie-name SERVERID');
  const url = `http://${await addressOf(ground, 'web-lb')}/`;
  const first = await ask(url);
  const cookie = first.headers['set-cookie']?.[0] ?? '';
  expect(cookie).toMatch(/^SERVERID=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
  for (let i = 0; i < 20; i++)
    expect((await ask(url, { cookie: cookie.split(';')[0] ?? '' })).body).toBe(first.body);
}

/** "Rate Limiting". */
export async function holdToLimit(ground: PageGround): Promise<void> {
  const { product } = ground;
  await succeed(product, 'agentmetal lb rate-limit set web-lb --requests 100 --window 60s --action deny');
  const url = `http://${await addressOf(ground, 'web-lb')}/`;
  const statuses: number[] = [];
  for (let i = 0; i < 130; i++) statuses.push((await ask(url)).status);
  expect(statuses.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 200));
  expect(statuses.slice(101)).toEqual(Array.from({ length: 29 }, () => 429));
  expect(Number((await ask(url)).headers['retry-after'])).toBeGreaterThan(0);
  await succeed(product, 'agentmetal lb rate-limit unset web-lb');
}

/** What backends are told of clients, over plain HTTP and over TLS. */
export async function tellOfClients(ground: PageGround): Promise<void> {
  const address = await addressOf(ground, 'web-lb');
  await succeed(ground.product, `curl -sk https://${address}/over-tls -H 'X-Request-ID: abc'`);
  await ask(`http://${address}/plain`);
  const requests = ground.backends.flatMap((backend) => backend.requests);
  expect(requests.find(({ path }) => path === '/over-tls')?.headers).toMatchObject({
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
    'x-request-id': 'abc',
    'x-forwarded-for': expect.stringMatching(ground.clients),
  });
  expect(requests.find(({ path }) => path === '/plain')?.headers).toMatchObject({
    'x-forwarded-proto': 'http',
    'x-forwarded-port': '80',
    'x-request-id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-\d+$/),
  });
}

function nodesFlag({ nodes }: PageGround): string {
  return nodes === undefined ? '' : ` \\\n  --nodes ${nodes} --timeout 5m`;
}

/** Counts who answers over many requests on connections of their own. */
async function shares(url: string, count: number): Promise<Record<string, number>> {
  const tally: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { body } = await ask(url);
    tally[body] = (tally[body] ?? 0) + 1;
  }
  return tally;
}

/** What is heard on a connection on which the server greets first and then echoes. */
function talk(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text === 'db\n') socket.write('ping');
      if (text === 'db\nping') socket.end();
    });
    socket.once('end', () => resolve(text));
    socket.once('error', reject);
  });
}
