// Long work is a generator whose steps are short: whoever runs it says whether the loop turns between two of them
// (database/turns.ts), or takes all of them at once.

/** What steps come to, all of them taken in this one. */
export function toEnd<T>(steps: Generator<unknown, T, void>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
