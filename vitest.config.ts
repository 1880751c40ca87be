import { defineConfig } from 'vitest/config';

/** They kill servers, measure, or fill the memory: what runs beside them would be in their way, and they in its. */
const ALONE = ['redis-failover', 'failover', 'instances', 'avatar-hostile', 'hanging-logins', 'bench'].map(
  (name) => `test/${name}.test.ts`,
);

const common = {
  setupFiles: ['test/support/no-secrets.ts'],
  testTimeout: 20_000,
  hookTimeout: 30_000,
  expect: { poll: { timeout: 10_000 } },
};

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        test: {
          ...common,
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
