// Run counts and seeds of property and model tests, taken from the environment so that one suite
// serves `npm test` (small) and the soak scripts (large). RUBIDIUM_RUNS overrides the run count that
// a test asks for, RUBIDIUM_SEED the seed that fast-check would draw. Called by every property test.

/** What fast-check's `assert` takes. */
export interface PropertyOptions {
  numRuns: number
  seed?: number
}

/**
 * Options for `fc.assert`.
 * @param defaultRuns runs where the environment says nothing; an integer >= 1.
 * @throws Error where the environment holds something that is no integer.
 */
export function propertyOptions(defaultRuns: number): PropertyOptions {
  const numRuns = integerFrom('RUBIDIUM_RUNS') ?? defaultRuns
  const seed = integerFrom('RUBIDIUM_SEED')
  return seed === undefined ? { numRuns } : { numRuns, seed }
}

function integerFrom(variable: string): number | undefined {
  const text = process.env[variable]
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`${variable} must be an integer, not "${text}"`)
  return value
}
