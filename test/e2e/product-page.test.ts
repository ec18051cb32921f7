import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBackend, startBackend, startTcpBackend } from '../support/backends.ts';
import { ask } from '../support/ask.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

/**
 * The product page's commands, word for word, at the address that the page names, against servers on the ports that
 * it names.
 */
let product: Product;
const backends: TestBackend[] = [];

beforeAll(async () => {
  product = await startProduct({ listen: '127.0.0.1:8080', addressPool: '127.80.0.0/24' });
  backends.push(
    await startBackend({ name: 'web-1', host: '127.91.0.1', port: 8080 }),
    await startBackend({ name: 'web-2', host: '127.91.0.2', port: 8080 }),
  );
  const vpc = await product.sh('agentmetal vpc create prod --cidr 10.0.0.0/16');
  expect(vpc).toMatchObject({ code: 0 });
  for (const [name, address] of [
    ['web-1', '127.91.0.1'],
    ['web-2', '127.91.0.2'],
  ]) {
    expect(await product.sh(`agentmetal vpc host add prod ${name} ${address}`)).toMatchObject({ code: 0 });
  }
});
afterAll(async () => {
  await product?.stop();
  for (const backend of backends) await backend.stop();
});

const addressOf = async (name: string) => (await product.loadBalancer(name)).status.addresses[0] ?? '';

/** Counts who answers over many requests on connections of their own. */
async function shares(url: string, count: number): Promise<Record<string, number>> {
  const tally: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const name = await (await fetch(url)).text();
    tally[name] = (tally[name] ?? 0) + 1;
  }
  return tally;
}

describe('the product page', () => {
  it('creates an HTTP load balancer', async () => {
    const result = await product.sh(`agentmetal lb create \\
  --name web-lb \\
  --type http \\
  --vpc prod`);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toContain(await addressOf('web-lb'));
    expect((await product.loadBalancer('web-lb')).status.state).toBe('active');
    // There is nobody behind it yet, and it says so instead of hanging.
    expect((await ask(`http://${await addressOf('web-lb')}/`)).status).toBe(503);
  });

  it('creates a TCP load balancer that carries TCP', async () => {
    const result = await product.sh(`agentmetal lb create \\
  --name db-lb \\
  --type tcp \\
  --port 5432 \\
  --vpc prod`);
    expect(result).toMatchObject({ code: 0 });
    const database = await startTcpBackend('db', '127.91.0.3', 5432);
    const added = await product.sh(
      'agentmetal vpc host add prod db-1 127.91.0.3 && agentmetal lb backend add db-lb --target db-1:5432 --health-check tcp:1s',
    );
    expect(added).toMatchObject({ code: 0 });
    const { connect } = await import('node:net');
    const address = await addressOf('db-lb');
    const heard = await new Promise<string>((resolve, reject) => {
      const socket = connect(5432, address);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (text === 'db\n') socket.write('ping');
        if (text === 'db\nping') socket.end();
      });
      socket.once('end', () => resolve(text));
      socket.once('error', reject);
    });
    expect(heard).toBe('db\nping');
    await database.stop();
  });

  it('adds backends with a health check, and they answer', async () => {
    const result = await product.sh(`agentmetal lb backend add web-lb \\
  --target web-1:8080 \\
  --target web-2:8080 \\
  --health-check "http:/health:5s"`);
    expect(result).toMatchObject({ code: 0 });
    const balancer = await product.loadBalancer('web-lb');
    expect(balancer.spec.healthCheck).toMatchObject({ type: 'http', path: '/health', interval: '5s' });
    expect(balancer.status.backends.map(({ target, state }) => `${target} ${state}`)).toEqual([
      'web-1:8080 up',
      'web-2:8080 up',
    ]);
    expect(await shares(`http://${await addressOf('web-lb')}/`, 20)).toEqual({ 'web-1': 10, 'web-2': 10 });
  });

  it('takes a domain', async () => {
    const result = await product.sh('agentmetal lb tls set web-lb --domain app.example.com');
    expect(result.code).toBe(0);
    // Neither name servers nor the CA can be reached from here, and it says so.
    const [certificate] = await waitFor('a reason', async () => {
      const { certificates } = (await product.loadBalancer('web-lb')).status;
      return certificates[0]?.reasonCode?.endsWith('_unreachable') && certificates;
    });
    expect(certificate).toMatchObject({ domain: 'app.example.com', state: 'pending' });
    expect(certificate?.whatToDo).not.toBe('');
  });

  it('creates the same by curl, once the name is free', async () => {
    expect(await product.sh('agentmetal lb delete web-lb --yes')).toMatchObject({ code: 0 });
    const result = await product.sh(`curl -X POST http://localhost:8080/v1/load-balancers \\
  -H "Authorization: Bearer $API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "web-lb",
    "spec": {
      "type": "http",
      "vpc": "prod",
      "tls": { "domain": "app.example.com", "autoRenew": true },
      "backends": [
        { "target": "web-1:8080", "weight": 50 },
        { "target": "web-2:8080", "weight": 50 }
      ],
      "healthCheck": { "path": "/health", "interval": "5s" }
    }
  }'`);
    expect(JSON.parse(result.stdout)).toMatchObject({
      name: 'web-lb',
      spec: { vpc: 'prod', healthCheck: { type: 'http', path: '/health' } },
    });
    const balancer = await waitFor('both up', async () => {
      const seen = await product.loadBalancer('web-lb');
      return seen.status.backends.every(({ state }) => state === 'up') && seen.status.state === 'active'
        ? seen
        : undefined;
    });
    const [address] = balancer.status.addresses;
    expect(await shares(`http://${address}/`, 20)).toEqual({ 'web-1': 10, 'web-2': 10 });
  });

  it('honours weights within 5 %', async () => {
    expect(
      await product.sh(
        'agentmetal lb backend set web-lb web-1:8080 --weight 192 && agentmetal lb backend set web-lb web-2:8080 --weight 64',
      ),
    ).toMatchObject({ code: 0 });
    const tally = await shares(`http://${await addressOf('web-lb')}/`, 400);
    expect((tally['web-1'] ?? 0) / 400).toBeGreaterThan(0.75 * 0.95);
    expect((tally['web-1'] ?? 0) / 400).toBeLessThan(0.75 * 1.05);
  });

  it('keeps a client on its backend by a cookie', async () => {
    const result = await product.sh('agentmetal lb sticky set web-lb --mode cookie --cookie-name SERVERID');
    expect(result).toMatchObject({ code: 0 });
    const url = `http://${await addressOf('web-lb')}/`;
    const first = await ask(url);
    const name = first.body;
    const cookie = first.headers['set-cookie']?.[0] ?? '';
    expect(cookie).toMatch(/^SERVERID=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    const bound = { headers: { cookie: cookie.split(';')[0] ?? '' } };
    for (let i = 0; i < 20; i++) expect((await ask(url, bound.headers)).body).toBe(name);
  });

  it('holds each client to its limit', async () => {
    const result = await product.sh(
      'agentmetal lb rate-limit set web-lb --requests 100 --window 60s --action deny',
    );
    expect(result).toMatchObject({ code: 0 });
    const url = `http://${await addressOf('web-lb')}/`;
    const statuses: number[] = [];
    for (let i = 0; i < 130; i++) statuses.push((await ask(url)).status);
    expect(statuses.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 200));
    expect(statuses.slice(101)).toEqual(Array.from({ length: 29 }, () => 429));
    expect(Number((await ask(url)).headers['retry-after'])).toBeGreaterThan(0);
    expect(await product.sh('agentmetal lb rate-limit unset web-lb')).toMatchObject({ code: 0 });
  });

  it('tells backends of the client, and answers on 443 with a placeholder certificate', async () => {
    const address = await addressOf('web-lb');
    await product.sh(`curl -sk https://${address}/over-tls -H 'X-Request-ID: abc'`);
    await ask(`http://${address}/plain`);
    const requests = backends.flatMap((backend) => backend.requests);
    const overTls = requests.find(({ path }) => path === '/over-tls')?.headers;
    expect(overTls).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
      'x-request-id': 'abc',
      'x-forwarded-for': expect.stringMatching(/^127\./),
    });
    const plain = requests.find(({ path }) => path === '/plain')?.headers;
    expect(plain).toMatchObject({
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '80',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-\d+$/),
    });
  });
});
