import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKnot } from '../../test/support/dns/knot.ts';
import type { ZoneServer } from '../../test/support/dns/zone-server.ts';
import { freePort } from '../../test/support/temporary.ts';
import { createLookup } from './lookup.ts';

let knot: ZoneServer;
beforeAll(async () => {
  knot = await startKnot();
});
afterAll(() => knot.stop());

test('the addresses that clients see, and none where there are none', async () => {
  const lookup = createLookup(`127.0.0.1:${knot.port}`);
  expect(await lookup('taken.example.com')).toEqual({ ipv4: ['203.0.113.9'], ipv6: [] });
  expect(await lookup('any.wild.example.com')).toEqual({ ipv4: ['203.0.113.77'], ipv6: [] });
  expect(await lookup('nothing.example.com')).toEqual({ ipv4: [], ipv6: [] });
});

test('a server that does not answer or refuses is no answer', async () => {
  const port = await freePort();
  await expect(createLookup(`127.0.0.1:${port}`)('a.example.com')).rejects.toThrow(
    `the name server 127.0.0.1:${port} does not answer (ECONNREFUSED)`,
  );
  await expect(createLookup(`127.0.0.1:${knot.port}`)('a.example.org')).rejects.toMatchObject({
    kind: 'unreachable',
  });
});

test('what is no name server is told', () => {
  for (const text of ['nonsense', '127.0.0.1:99999', '', 'localhost:53'])
    expect(() => createLookup(text)).toThrow('cannot be read');
  expect(() => createLookup('[::1]:5353')).not.toThrow();
});
