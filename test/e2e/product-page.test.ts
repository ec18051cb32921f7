import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../support/backends.ts';
import {
  type PageGround,
  addBackends,
  createByCurl,
  createHttp,
  createTcp,
  followWeights,
  holdToLimit,
  setDomain,
  shareEvenly,
  stickByCookie,
  succeed,
  tellOfClients,
} from '../support/product-page.ts';
import { startProduct } from '../support/product.ts';
import { waitFor } from '../support/wait.ts';

/**
 * The product page's commands, word for word, at the address that the page names, against servers on the ports that
 * it names.
 */
let ground: PageGround;

beforeAll(async () => {
  const product = await startProduct({ listen: '127.0.0.1:8080', addressPool: '127.80.0.0/24' });
  const hosts = { 'web-1': '127.91.0.1', 'web-2': '127.91.0.2' };
  const backends = await Promise.all(
    Object.entries(hosts).map(([name, host]) => startBackend({ name, host, port: 8080 })),
  );
  ground = { product, backends, database: '127.91.0.3', clients: /^127\./ };
  await succeed(product, 'agentmetal vpc create prod --cidr 10.0.0.0/16');
  for (const [name, host] of Object.entries(hosts))
    await succeed(product, `agentmetal vpc host add prod ${name} ${host}`);
});
afterAll(async () => {
  await ground?.product.stop();
  for (const backend of ground?.backends ?? []) await backend.stop();
});

describe('the product page', () => {
  it('creates an HTTP load balancer', () => createHttp(ground));

  it('creates a TCP load balancer that carries TCP', () => createTcp(ground));

  it('adds backends with a health check, and they answer', async () => {
    await addBackends(ground);
    await shareEvenly(ground);
  });

  it('takes a domain', async () => {
    await setDomain(ground);
    // Neither name servers nor the CA can be reached from here, and it says so.
    const certificate = await waitFor('a reason', async () => {
      const { certificates } = (await ground.product.loadBalancer('web-lb')).status;
      return certificates[0]?.reasonCode?.endsWith('_unreachable') && certificates[0];
    });
    expect(certificate).toMatchObject({ domain: 'app.example.com', state: 'pending' });
    expect(certificate.whatToDo).not.toBe('');
  });

  it('creates the same by curl, once the name is free', async () => {
    await succeed(ground.product, 'agentmetal lb delete web-lb --yes');
    await createByCurl(ground);
    await shareEvenly(ground);
  });

  it('honours weights within 5 %', () => followWeights(ground));

  it('keeps a client on its backend by a cookie', () => stickByCookie(ground));

  it('holds each client to its limit', () => holdToLimit(ground));

  it('tells backends of the client, and answers on 443 with a placeholder certificate', () =>
    tellOfClients(ground));
});
