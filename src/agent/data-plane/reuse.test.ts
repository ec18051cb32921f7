import { Agent, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createScene } from '../../../test/support/scene.ts';
import { waitFor } from '../../../test/support/wait.ts';

const scene = await createScene();

interface Seen {
  /** Tells the load balancer's connections apart. */
  port: number;
  connection: string | undefined;
}

/** A backend that answers with the connection that the request came over. */
function mirror(name: string) {
  return scene.backend({
    name,
    handle({ socket, headers }, response) {
      const seen: Seen = { port: socket.remotePort ?? 0, connection: headers.connection };
      response.end(JSON.stringify(seen));
    },
  });
}

describe('connections to backends', () => {
  it('carry the first requests of many clients, and a connection of its own what may not be repeated', async () => {
    const [one, two] = [await mirror('one'), await mirror('two')];
    const balancer = scene.balancer();
    const spec = ({ target }: { target: string }) => ({ type: 'http', port: 8080, backends: [{ target }] });
    const asked = async (method: string, count: number): Promise<Seen[]> => {
      const seen: Seen[] = [];
      for (let index = 0; index < count; index++)
        seen.push(JSON.parse((await balancer.ask({ method })).body) as Seen);
      return seen;
    };
    const check = async () => {
      const shared = new Set((await asked('GET', 20)).map(({ port }) => port));
      // Each thread of HAProxy may have opened one before it knew of the others'.
      expect(shared.size).toBeLessThan(10);
      const posts = await asked('POST', 5);
      expect(new Set(posts.map(({ port }) => port)).size).toBe(5);
      for (const { port, connection } of posts) {
        expect(shared).not.toContain(port);
        expect(connection).toBe('close');
      }
    };
    await balancer.start(spec(one));
    await check();
    // The same holds for one that was added at run time.
    await balancer.runtime(spec(two));
    await check();
  });

  it('do not go on to where a backend was, though a request was on them when it moved', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    scene.after(() => release());
    const old = await scene.backend({
      name: 'old',
      host: '127.0.0.33',
      async handle(incoming, response) {
        if (incoming.url === '/held') await held;
        response.end('old');
      },
    });
    await scene.backend({ name: 'fresh', host: '127.0.0.34', port: old.port });
    const balancer = scene.balancer();
    const at = (address: string) => ({
      ...balancer.test.desired.vpc,
      hosts: [{ name: 'web-1', addresses: [address] }],
    });
    const spec = { type: 'http', port: 8080, backends: [{ target: `web-1:${old.port}` }] };
    balancer.test.desired = { ...balancer.test.desired, vpc: at('127.0.0.33') };
    await balancer.start(spec);
    const inFlight = balancer.ask({ path: '/held' });
    await waitFor('the request on its way', () => old.requests.some(({ path }) => path === '/held'));
    balancer.test.desired = { ...balancer.test.desired, vpc: at('127.0.0.34') };
    await balancer.test.set(spec);
    await waitFor('the move', async () =>
      (await balancer.tell('show servers conn default')).includes('127.0.0.34'),
    );
    release();
    expect((await inFlight).body).toBe('old');
    for (let index = 0; index < 30; index++) expect((await balancer.ask()).body).toBe('fresh');
  });

  it('are used again by a client that goes on with its own', async () => {
    const backend = await mirror('one');
    const balancer = scene.balancer();
    await balancer.start({ type: 'http', port: 8080, backends: [{ target: backend.target }] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (method: string) =>
      new Promise<Seen>((resolve, reject) => {
        const url = `http://${balancer.address}:8080/`;
        const sent = request(url, { method, agent }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
          response.once('end', () => resolve(JSON.parse(body) as Seen));
        });
        sent.once('error', reject).end();
      });
    const seen = [await send('GET'), await send('POST'), await send('POST')];
    agent.destroy();
    expect(new Set(seen.map(({ port }) => port)).size).toBe(1);
    expect(seen.map(({ connection }) => connection)).not.toContain('close');
  });
});
