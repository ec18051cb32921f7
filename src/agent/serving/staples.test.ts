import { afterAll, expect, it } from 'vitest';
import { createTestClock } from '../../../test/support/acme/test-clock.ts';
import { freePort, temporaryDirectory } from '../../../test/support/temporary.ts';
import { createTestCa } from '../../../test/support/test-ca.ts';
import { waitFor } from '../../../test/support/wait.ts';
import type { Logger } from '../../base/logger.ts';
import { readBundle, splitBundle } from '../../certificates/bundle.ts';
import { createStapler } from './staples.ts';

const HOUR_MS = 3_600_000;
const directory = await temporaryDirectory();
const stops: (() => unknown)[] = [() => directory.remove()];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

const warnings: string[] = [];
const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (_fields, message) => void warnings.push(message),
  error: () => {},
};

it('a CA is asked every hour, and when it has revoked, nothing more is passed on', async () => {
  const ca = createTestCa(directory.path, 'Responding CA');
  const port = await freePort();
  const extensions = [`authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/`];
  const issued = ca.issue({ names: ['app.test'], extensions });
  const silence = await ca.respond(port);
  stops.push(silence);
  const read = readBundle(splitBundle(issued.certificate + ca.pem + issued.privateKey), undefined);
  if (!read.ok) throw new Error('the certificate cannot be read');
  const { bundle } = read;
  const clock = createTestClock();
  let changes = 0;
  const stapler = createStapler({
    directory: `${directory.path}/ocsp`,
    clock,
    logger,
    onChange: () => void (changes += 1),
  });

  expect(stapler.staple('main', bundle)).toBeUndefined();
  expect(stapler.word('main', bundle)).toBeUndefined();
  const staple = await waitFor('the word of the CA', () => stapler.staple('main', bundle));
  expect(changes).toBe(1);
  expect(stapler.word('main', bundle)).toMatchObject({ revocation: undefined });
  expect(stapler.word('main', { ...bundle, fingerprint: 'another' })).toBeUndefined();

  await silence();
  ca.revocationList([issued]);
  stops.push(await ca.respond(port));
  clock.advance(HOUR_MS - 60_000);
  expect(stapler.isDue()).toBe(false);
  expect(stapler.staple('main', bundle)).toBe(staple);
  clock.advance(60_000);
  expect(stapler.isDue()).toBe(true);
  stapler.staple('main', bundle);
  const { revocation } = await waitFor('the revocation', () => {
    const word = stapler.word('main', bundle);
    return word?.revocation && word;
  });
  expect(Math.abs((revocation?.at ?? 0) - Date.now())).toBeLessThan(HOUR_MS);
  expect(changes).toBe(2);
  expect(stapler.staple('main', bundle)).toBeUndefined();
  expect(stapler.isDue()).toBe(false);
  expect(warnings).toEqual([]);
});
