import { defineConfig } from 'vitest/config';

const LIMITS = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...LIMITS,
          name: 'parts',
          include: ['src/**/*.test.ts', 'test/machines/**/*.test.ts'],
          // They wait for other programs more than they work.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...LIMITS,
          name: 'product',
          include: ['test/**/*.test.ts'],
          exclude: ['test/machines/**'],
          // The whole product takes the addresses and ports that its documents name.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
