// How the tests run: two forked workers (the machines that build this have two cores, and a test that
// kills or exhausts its process takes no other file along), a test without an assertion fails, and
// RUBIDIUM_TEST_REPORT names a file for the counts in JSON beside the usual output (`.ci/run` reads it).
// RUBIDIUM_EXCLUSIVE_GUARDS=1 turns every shared guard into an exclusive one (test/support/exclusive-guards.ts), which the
// tests of the guard itself are not for.

import { configDefaults, defineConfig } from 'vitest/config'
import { isExclusive } from './test/support/guard-mode.ts'

const ofTheGuard = ['test/unit/guard/**', 'test/property/guard.test.ts']
const report = process.env['RUBIDIUM_TEST_REPORT']

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(isExclusive ? ofTheGuard : [])],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { requireAssertions: true },
    setupFiles: ['test/support/exclusive-guards.ts'],
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
