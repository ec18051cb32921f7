// Runs the checks and the tests, and ends with the line that counts them: `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHECKS = [
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'format', command: 'oxfmt', args: ['--check', '.'] },
  { name: 'unused code', command: 'knip', args: [] },
];

let passed = 0;
let failed = 0;

const filters = process.argv.slice(2);
if (filters.length === 0) {
  for (const { name, command, args } of CHECKS) {
    const { status, stdout, stderr } = spawnSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
    if (status === 0) passed += 1;
    else {
      failed += 1;
      console.log(`${stdout}${stderr}`.trimEnd());
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'am-results-'));
const results = join(folder, 'results.json');
const run = spawnSync(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`, ...filters],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NO_COLOR: '1' },
  },
);
try {
  const summary = JSON.parse(readFileSync(results, 'utf8'));
  passed += summary.numPassedTests;
  failed += summary.numFailedTests;
  // A file that cannot be loaded has no tests to fail.
  failed += summary.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
} catch (error) {
  console.log(`the tests left no result: ${String(error)}`);
  failed += 1;
}
rmSync(folder, { recursive: true });
if (run.status !== 0 && failed === 0) failed += 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
