import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { createAcmeScene } from '../../../../test/support/acme/scene.ts';

const KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
const scene = await createAcmeScene({ externalAccounts: { 'kid-1': KEY } });

it('binds the account to one with the CA, by a key that nobody else can read', async () => {
  const hmacKeyFile = join(scene.directory, 'hmac');
  writeFileSync(hmacKeyFile, `${KEY}\n`, { mode: 0o600 });

  const unbound = await scene.agent();
  unbound.want(['app.test']);
  await unbound.until('app.test', 'to want a key', ({ reasonCode }) => reasonCode === 'eab_required');
  await unbound.stop();
  expect(scene.front.asked.get('/sign-me-up')).toBeUndefined();

  const wrong = await scene.agent({ root: unbound.root, settings: { eab: { kid: 'kid-2', hmacKeyFile } } });
  wrong.want(['app.test']);
  const refused = await wrong.until(
    'app.test',
    'to be refused',
    ({ reasonCode }) => reasonCode === 'eab_refused',
  );
  expect(refused.reason).toContain("the field 'kid' references a key that is not known");
  const tries = scene.front.asked.get('/sign-me-up');
  wrong.clock.advance(8 * 60_000);
  await wrong.stop();

  // The same settings are not tried again in vain after a restart; other ones are, at once.
  const again = await scene.agent({ root: unbound.root, settings: { eab: { kid: 'kid-2', hmacKeyFile } } });
  again.want(['app.test']);
  await again.until('app.test', 'to be refused', ({ reasonCode }) => reasonCode === 'eab_refused');
  await again.stop();
  expect(scene.front.asked.get('/sign-me-up')).toBe(tries);

  const right = await scene.agent({
    root: unbound.root,
    settings: { eab: { kid: 'kid-1', hmacKeyFile }, email: 'ops@example.com' },
  });
  right.want(['app.test']);
  await right.until('app.test', 'to be active', ({ state }) => state === 'active');
  const holders = execFileSync('sh', ['-c', 'grep -rl "$1" "$2" || true', 'sh', KEY, right.root], {
    encoding: 'utf8',
  });
  expect(holders).toBe('');
  await right.stop();
});
