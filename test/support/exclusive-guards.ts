// With RUBIDIUM_EXCLUSIVE_GUARDS=1 every guard that is asked for shared is taken exclusively: an operation that
// acquires, somewhere inside, what it or who called it holds already waits for itself then, and shows as a time-out
// (0004-I1). Whatever passes otherwise must pass so too, but for the tests of the guard itself. Loaded ahead of each
// test file; without the variable it does nothing, and loads nothing of the engine.

import { isExclusive } from './guard-mode.ts'

type Method = (this: object, under: unknown, request: object) => unknown

if (isExclusive) {
  const { GuardSet } = await import('../../src/guard/guard-set.ts')
  for (const name of ['acquire', 'tryAcquire'] as const) {
    const method = GuardSet.prototype[name] as unknown as Method
    Object.defineProperty(GuardSet.prototype, name, {
      value(this: object, under: unknown, request: object): unknown {
        return method.call(this, under, { ...request, mode: 'exclusive' })
      },
    })
  }
}
