// fast-check's scheduler in the place of our own: the same file operations and clients park with it, it chooses who
// goes on, and a failing order is found again from the seed and the path that fast-check prints. Called by the test of
// the race matrix.

import type { Scheduler } from 'fast-check'
import type { Scheduling } from './schedule.ts'

export class FastCheckSchedule implements Scheduling {
  readonly #scheduler: Scheduler
  steps = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  readonly turn = async (label: string): Promise<void> => {
    await this.#scheduler.schedule(Promise.resolve(), label)
    this.steps++
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.#scheduler.waitFor(work, async (letGo) => {
      await letGo()
      // All that it could do without waiting is done before the next is chosen: else the order were not the scheduler's.
      await new Promise((resolve) => setImmediate(resolve))
    })
  }
}
