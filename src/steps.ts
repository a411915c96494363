// Steps: work that is cut into pieces, between which whoever takes them may let the event loop turn. A
// generator yields where it may be left for a while, and returns what came of it. Here is the way to take all
// of them at once, for small work and for who has nobody to wait for; the other way is database/turns.ts.

/** Takes all steps of something, one after another. @throws what a step throws */
export function takeSteps<T>(steps: Generator<unknown, T, void>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
