import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { createToldSettings } from './told-settings.ts';

const directory = await temporaryDirectory();
afterAll(() => directory.remove());

const TOLD = {
  server: 'https://ca.example/dir',
  caBundle: 'PEM',
  email: 'ops@example.com',
  eab: { kid: 'kid', hmacKey: 'secret' },
  resolver: '10.0.0.53:53',
  preflight: false,
};

it('are those of the control plane, over restarts, in files that nobody else can read', async () => {
  const folder = join(directory.path, 'settings');
  const told = createToldSettings(folder);
  await told.load();
  expect(told.settings({})).toMatchObject({
    server: expect.stringContaining('letsencrypt.org'),
    fault: undefined,
  });
  expect(await told.take(TOLD)).toBe(true);
  expect(await told.take({ ...TOLD, later: 'field' })).toBe(false);
  const next = createToldSettings(folder);
  await next.load();
  expect(next.settings({ AGENTMETAL_ACME_EMAIL: '' })).toEqual(told.settings({}));
  const { caBundle = '', eab, ...settings } = next.settings({});
  expect(settings).toMatchObject({
    server: 'https://ca.example/dir',
    email: 'ops@example.com',
    resolver: '10.0.0.53:53',
    preflight: false,
    fault: undefined,
  });
  expect(readFileSync(caBundle, 'utf8')).toBe('PEM');
  expect(readFileSync(eab?.hmacKeyFile ?? '', 'utf8')).toBe('secret\n');
  for (const file of [caBundle, eab?.hmacKeyFile ?? '', join(folder, 'told.json')])
    expect(statSync(file).mode & 0o777).toBe(0o600);

  // What is told no more goes.
  expect(await next.take({})).toBe(true);
  expect(next.settings({})).toMatchObject({ caBundle: undefined, preflight: true, fault: undefined });
  expect(() => statSync(eab?.hmacKeyFile ?? '')).toThrow('ENOENT');
});

it('give way to those of the machine: all that belong to the CA, or each that belongs to the network', async () => {
  const told = createToldSettings(join(directory.path, 'own'));
  await told.take({ ...TOLD, fault: 'a fault of the control plane' });
  expect(told.settings({})).toMatchObject({ fault: 'a fault of the control plane' });
  expect(told.settings({ AGENTMETAL_ACME_SERVER: 'https://mine.example/dir' })).toMatchObject({
    server: 'https://mine.example/dir',
    caBundle: undefined,
    email: undefined,
    resolver: '10.0.0.53:53',
    preflight: false,
    fault: undefined,
  });
  expect(told.settings({ AGENTMETAL_ACME_EMAIL: 'me@example.com' })).not.toHaveProperty('eab');
  const near = told.settings({ AGENTMETAL_RESOLVER: '10.1.0.53:53', AGENTMETAL_ACME_PREFLIGHT: 'on' });
  expect(near).toMatchObject({ server: 'https://ca.example/dir', resolver: '10.1.0.53:53', preflight: true });
});

it('that cannot be read or kept are a fault, and no other CA is asked meanwhile', async () => {
  const folder = join(directory.path, 'broken');
  mkdirSync(folder);
  writeFileSync(join(folder, 'told.json'), '{"server":');
  const told = createToldSettings(folder);
  await told.load();
  expect(told.settings({}).fault).toMatch(/told\.json cannot be read/);
  expect(await told.take({ server: 1 })).toBe(true);
  expect(told.settings({}).fault).toMatch(/the control plane’s settings cannot be read/);

  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'a file where the folder should be');
  expect(await told.take(TOLD)).toBe(true);
  expect(told.settings({}).fault).toMatch(/cannot be kept: (EEXIST|ENOTDIR)/);
  rmSync(folder);
  expect(await told.take(TOLD)).toBe(true);
  expect(told.settings({})).toMatchObject({ server: 'https://ca.example/dir', fault: undefined });
});
