import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLI_REFERENCE, renderCliReference } from './write-cli-reference.ts';

test('the CLI reference is fresh', async () => {
  const written = await readFile(join(import.meta.dirname, '..', '..', CLI_REFERENCE), 'utf8');
  // Else run: node src/tooling/write-cli-reference.ts
  expect(written).toBe(await renderCliReference());
});
