import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/runner/longest-first.ts';
import { canHaveOwnNetwork, ownNetworkPool } from './test/support/runner/own-network.ts';

/** Files wait for other programs more than they work; more of them at once would make those late that go by the clock. */
const WORKERS = Math.max(2, availableParallelism());

/** Without networks of their own, files that take the addresses and ports that documents name run one after another. */
const isApart = canHaveOwnNetwork();

const COMMON = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  ...(isApart ? { pool: ownNetworkPool } : {}),
};

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...COMMON,
          name: 'parts',
          include: ['src/**/*.test.ts', 'test/machines/**/*.test.ts'],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...COMMON,
          name: 'product',
          include: ['test/**/*.test.ts'],
          exclude: ['test/machines/**'],
          maxWorkers: isApart ? WORKERS : 1,
          sequence: { groupOrder: isApart ? 0 : 1 },
        },
      },
    ],
  },
});
