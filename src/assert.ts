// Assertions for programmer errors: a condition that can only be false through a fault in this
// library. What can go wrong in operation (input, disk, other processes) gets an error of
// `errors.ts` instead.

/** Thrown when an inner invariant does not hold: a fault of the library, not of its caller. */
export class AssertionError extends Error {
  override name = 'AssertionError'
}

/**
 * Throws unless `condition` holds.
 * @throws AssertionError naming what was expected.
 */
export function assert(condition: unknown, expected: string): asserts condition {
  if (!condition) throw new AssertionError(`Rubidium invariant broken: ${expected}`)
}

/** Narrows away `undefined` where the surrounding code has already established presence. */
export function present<T>(value: T | undefined, expected: string): T {
  if (value === undefined) throw new AssertionError(`Rubidium invariant broken: ${expected}`)
  return value
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionError(`Rubidium invariant broken: unreachable value ${String(value)}`)
}
