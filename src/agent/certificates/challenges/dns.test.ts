import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAcmeScene } from '../../../../test/support/acme/scene.ts';
import { waitFor } from '../../../../test/support/wait.ts';
import type { ChallengePublisher } from './publisher.ts';

const scene = await createAcmeScene({ records: () => [] });
const { zone } = scene;
const RECORD = '_acme-challenge.app.test';

it('proves a name and its wildcard by TXT records at the same name, and leaves none behind', async () => {
  const seen = new Set<string>();
  const publisher: ChallengePublisher = {
    async publish(name, value) {
      await zone.publisher.publish(name, value);
      seen.add(`${name} ${value}`);
    },
    remove: zone.publisher.remove,
  };
  const agent = await scene.agent({ publisher });
  agent.want(['app.test', '*.app.test'], { challenge: 'dns' });
  await agent.until('app.test', 'to be active', ({ state }) => state === 'active');
  await agent.until('*.app.test', 'to be active', ({ state }) => state === 'active');
  expect((await agent.certificate('*.app.test')).subjectAltName).toBe('DNS:*.app.test');
  expect(seen.size).toBe(2);
  expect([...seen].every((record) => record.startsWith(`${RECORD} `))).toBe(true);
  expect(await zone.txt(RECORD)).toEqual([]);
  await agent.stop();
});

it('is not begun when there is nobody to make records', async () => {
  const agent = await scene.agent();
  agent.want(['*.app.test'], { challenge: 'dns' });
  const seen = await agent.until(
    '*.app.test',
    'to want a zone',
    ({ reasonCode }) => reasonCode === 'no_dns_zone',
  );
  expect(seen.whatToDo).toContain('agentmetal dns zone add');
  await agent.stop();
});

it('ends certbot before the CA looks when a record cannot be made', async () => {
  const { front } = scene;
  const challenges = () => [...front.asked.keys()].filter((path) => path.startsWith('/chalZ/')).length;
  const asked = challenges();
  const publisher: ChallengePublisher = {
    publish: () => Promise.reject(new Error('the server refuses the update: NOTAUTH(BADSIG)')),
    remove: () => Promise.resolve(),
  };
  const agent = await scene.agent({ publisher });
  agent.want(['app.test'], { challenge: 'dns' });
  const seen = await agent.until('app.test', 'to have failed', ({ state }) => state === 'failed');
  expect(seen).toMatchObject({ reasonCode: 'txt_not_published', reason: expect.stringContaining('BADSIG') });
  expect(challenges()).toBe(asked);
  await agent.stop();
});

it('goes on with the records of an agent that was killed', async () => {
  const slow = Promise.withResolvers<void>();
  const first = await scene.agent({
    publisher: { publish: () => slow.promise, remove: () => Promise.resolve() },
  });
  first.want(['cut.test'], { challenge: 'dns' });
  const file = join(first.root, 'names', 'cut.test', 'published.json');
  await waitFor('the record to be asked for', () => existsSync(file));
  await first.stop();
  const second = await scene.agent({ root: first.root, publisher: zone.publisher });
  second.want(['cut.test'], { challenge: 'dns' });
  await second.until('cut.test', 'to be active', ({ state }) => state === 'active');
  slow.resolve();
  expect(second.state('cut.test').attempts).toBe(0);
  expect(await zone.txt('_acme-challenge.cut.test')).toEqual([]);
  await second.stop();
});
