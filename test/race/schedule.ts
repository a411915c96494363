// Who goes on next, chosen by a seed: file operations and clients park here, and one at a time is let go, after
// everything that the last one could do without waiting has been done. Some kinds of operations are slow in some
// runs, so that a disk can lag far behind the clients, or one folder behind the others. The same seed gives the
// same run. Called by all race tests.

import { SeededRandom } from '../../src/fs/seeded-random.ts'

interface Parked {
  /** How readily it is let go, 0 to 1. */
  readonly pace: number
  readonly go: () => void
}

/** Turns of the loop with nothing to let go after which a run counts as hanging. */
const LONGEST_WAIT = 5_000

/** How much slower a kind of operations can be. */
const PACES = [1, 1, 1, 0.3, 0.05]

/** Whoever takes turns waits for its own, and somebody says who is next. */
export interface Scheduling {
  /** Resolves when it is the caller's turn. `label` begins with a word for the kind, then a path or name. */
  readonly turn: (label: string) => Promise<void>
  /** How many were let go so far. */
  readonly steps: number
  /** Lets one after the other go until `work` has ended. @throws what it throws */
  run<T>(work: Promise<T>): Promise<T>
}

export class Schedule implements Scheduling {
  readonly #random: SeededRandom
  readonly #parked: Parked[] = []
  /** By kind of operation, and by label. */
  readonly #paces = new Map<string, number>()
  readonly #paceSeed: number
  /** Operations let go so far. */
  steps = 0
  /** Distinguishes runs: the same for the same choices. */
  fingerprint = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#paceSeed = this.#random.below(2 ** 31)
  }

  /** Resolves when it is the caller's turn. `label` begins with a word for the kind, then a path or name. */
  readonly turn = (label: string): Promise<void> =>
    new Promise((resolve) => {
      this.#parked.push({ pace: this.#paceOf(label), go: resolve })
    })

  /** Lets one after the other go until `work` has ended. @throws what it throws; Error where nothing goes on */
  async run<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const ended = (): void => {
      isOver = true
    }
    work.then(ended, ended)
    for (let idle = 0; ;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (isOver) return work
      if (this.#parked.length > 0) {
        this.#letGo()
        idle = 0
      } else if (++idle > LONGEST_WAIT)
        throw new Error('it hangs: nothing is under way and not all have ended')
    }
  }

  #letGo(): void {
    let at = this.#random.below(this.#parked.length)
    for (let tries = 0; tries < 6; tries++) {
      if (this.#random.next() < this.#parked[at]!.pace) break
      at = this.#random.below(this.#parked.length)
    }
    const [parked] = this.#parked.splice(at, 1)
    this.steps++
    this.fingerprint = (Math.imul(this.fingerprint, 31) + at + this.#parked.length) | 0
    parked!.go()
  }

  #paceOf(label: string): number {
    let pace = this.#paces.get(label)
    if (pace === undefined) {
      const kind = kindOf(label)
      let seed = this.#paceSeed
      for (let i = 0; i < kind.length; i++) seed = Math.imul(seed ^ kind.charCodeAt(i), 0x01000193)
      pace = PACES[new SeededRandom(seed).below(PACES.length)]!
      this.#paces.set(label, pace)
    }
    return pace
  }
}

/** "write /data/segments/7" is of the kind "write segments". */
function kindOf(label: string): string {
  const [what = '', path = ''] = label.split(' ')
  return `${what} ${path.split('/').at(-2) ?? path}`
}
