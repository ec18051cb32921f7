import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startKnot } from '../../test/support/dns/knot.ts';
import type { ZoneServer } from '../../test/support/dns/zone-server.ts';
import { freePort } from '../../test/support/temporary.ts';
import { createLookup } from './lookup.ts';

const SIGNAL = new AbortController().signal;
let knot: ZoneServer;
beforeAll(async () => {
  knot = await startKnot();
});
afterAll(() => knot.stop());

test('the addresses that clients see, and none where there are none', async () => {
  const lookup = createLookup(`127.0.0.1:${knot.port}`, SIGNAL);
  expect(await lookup('taken.example.com')).toEqual({ ipv4: ['203.0.113.9'], ipv6: [] });
  expect(await lookup('any.wild.example.com')).toEqual({ ipv4: ['203.0.113.77'], ipv6: [] });
  expect(await lookup('nothing.example.com')).toEqual({ ipv4: [], ipv6: [] });
});

test('a server that does not answer or refuses is no answer', async () => {
  const port = await freePort();
  await expect(createLookup(`127.0.0.1:${port}`, SIGNAL)('a.example.com')).rejects.toThrow(
    `the name server 127.0.0.1:${port} does not answer (ECONNREFUSED)`,
  );
  await expect(createLookup(`127.0.0.1:${knot.port}`, SIGNAL)('a.example.org')).rejects.toMatchObject({
    kind: 'unreachable',
  });
});

test('a question that nobody wants answered any more ends at once', async () => {
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const stop = new AbortController();
  const asked = once(silent, 'message');
  const answer = createLookup(`127.0.0.1:${silent.address().port}`, stop.signal)('a.example.com');
  await asked;
  stop.abort();
  await expect(answer).rejects.toThrow('ECANCELLED');
});

test('what is no name server is told', () => {
  for (const text of ['nonsense', '127.0.0.1:99999', '', 'localhost:53'])
    expect(() => createLookup(text, SIGNAL)).toThrow('cannot be read');
  expect(() => createLookup('[::1]:5353', SIGNAL)).not.toThrow();
});
