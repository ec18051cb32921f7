import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { SEALING_KEY_FILE, createSealer } from './sealing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let keyFile: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  keyFile = join(directory.path, SEALING_KEY_FILE);
});
afterEach(() => directory.remove());

test('what is sealed is opened again, after a restart as well, and shows nothing of itself', () => {
  const sealer = createSealer(directory.path);
  for (const text of ['', 'tsig secret', 'ünïcode\n', 'x'.repeat(100_000)]) {
    const sealed = sealer.seal(text);
    expect(sealed).toMatch(/^v1\.[\w-]+$/);
    expect(createSealer(directory.path).open(sealed)).toBe(text);
  }
  expect(sealer.seal('same')).not.toBe(sealer.seal('same'));
  expect(Buffer.from(sealer.seal('tsig secret').slice(3), 'base64url').includes('tsig')).toBe(false);
});

test('the key is for its owner alone, and nothing else is left behind', async () => {
  const folder = join(directory.path, 'data');
  createSealer(folder);
  expect((await stat(join(folder, SEALING_KEY_FILE))).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(await readdir(folder)).toEqual([SEALING_KEY_FILE]);
});

test('what was changed, cut short or sealed with another key is refused', async () => {
  const sealed = createSealer(directory.path).seal('secret');
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  bytes[bytes.length - 1]! ^= 1;
  const sealer = createSealer(directory.path);
  for (const bad of [`v1.${bytes.toString('base64url')}`, sealed.slice(0, 20), `v2${sealed.slice(2)}`, '']) {
    expect(() => sealer.open(bad)).toThrow(`cannot be opened with the key in ${keyFile}`);
  }
  await rm(keyFile);
  expect(() => createSealer(directory.path).open(sealed)).toThrow('cannot be opened');
});

test('a key file that is damaged or cannot be read stops the start and is left as it is', async () => {
  await writeFile(keyFile, 'short\n');
  expect(() => createSealer(directory.path)).toThrow(`${keyFile}, cannot be used: it does not hold 32 bytes`);
  expect(await readFile(keyFile, 'utf8')).toBe('short\n');
  expect(() => createSealer(join(keyFile, 'below'))).toThrow('cannot be used');
});
