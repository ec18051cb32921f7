import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { fingerprintOfLine, generateKeyPair } from './keys.ts';

describe('a pair of keys', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeAll(async () => {
    directory = await temporaryDirectory();
  });
  afterAll(() => directory.remove());

  test('can be read each time, also when it begins with a zero', () => {
    const pairs = Array.from({ length: 2000 }, () => generateKeyPair('agentmetal'));
    const faults = pairs
      .map((pair) => ssh2.utils.parseKey(pair.private))
      .filter((key) => key instanceof Error);
    expect(faults).toEqual([]);
  });

  test('is what ssh-keygen takes it for', () => {
    const file = join(directory.path, 'key');
    const pair = generateKeyPair('lb-1 of prod');
    writeFileSync(file, pair.private, { mode: 0o600 });
    expect(execFileSync('ssh-keygen', ['-y', '-f', file]).toString().trim()).toBe(pair.public);
    expect(execFileSync('ssh-keygen', ['-l', '-f', file]).toString()).toContain(
      fingerprintOfLine(pair.public),
    );
  });
});
