import { defineConfig } from 'vitest/config';

// Tests import the built package through `#alohad/*`, so they run exactly what users run, worker threads included.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
