// What is found where a disk was away while the machine ran on: the log, believed as after a kill, may name
// extents that never came to the disk. Reads of those are a CorruptionError each; all else must be as the steps
// say, and nothing that was promised may be among what cannot be read. Called by power-rounds.ts.

import type { Database } from '../../src/index.ts'
import { CorruptionError } from '../../src/errors.ts'
import { apply, readState, textOf } from '../process/kill-steps.ts'
import type { StampedState, Step } from '../process/kill-steps.ts'

/** Times are below this. */
const MOST_TIME = 2 ** 26

/** Times [from, to) of a channel that cannot be read. */
interface Gap {
  readonly name: string
  readonly from: number
  readonly to: number
}

export interface Readable {
  /** What can be read. */
  readonly state: StampedState
  readonly gaps: readonly Gap[]
  readonly wrong: readonly string[]
}

/**
 * Reads whatever can be read, down to what one step wrote: extents that never came to the disk are of single steps,
 * since a flush and a collection sync theirs first.
 */
export async function readReadable(db: Database, steps: readonly Step[]): Promise<Readable> {
  const times = steps.flatMap((step) => (step.do === 'write' ? [step.from, step.to] : []))
  const bounds = [...new Set([0, ...times, MOST_TIME])].sort((a, b) => a - b)
  const gaps: Gap[] = []
  const found = await readState(db, async (name) => {
    const samples: { time: bigint; value: unknown }[] = []
    /** Reads between two bounds, by their positions. */
    const read = async (first: number, last: number): Promise<void> => {
      const [from, to] = [bounds[first]!, bounds[last]!]
      try {
        const frame = await db.read([name], { start: BigInt(from), end: BigInt(to) }, { timestamps: true })
        const values = frame.column(name)
        frame.timestamps(name).forEach((time, i) => samples.push({ time, value: values[i] }))
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error
        if (last - first === 1) gaps.push({ name, from, to })
        else {
          const middle = Math.floor((first + last) / 2)
          await read(first, middle)
          await read(middle, last)
        }
      }
    }
    await read(0, bounds.length - 1)
    return samples
  })
  return { ...found, gaps }
}

/**
 * Whether what was read is, gaps aside, the state after `least` or more of the steps, and no gap is in what the
 * first `least` have left there.
 */
export function isExplained(
  base: StampedState,
  steps: readonly Step[],
  least: number,
  { state, gaps }: Readable,
): boolean {
  const text = textOf(state)
  let [all, promised] = [base, base]
  for (let done = 0; done <= steps.length; done++) {
    const step = steps[done - 1]
    if (step !== undefined) {
      all = apply(all, step)
      if (done <= least || step.do !== 'write') promised = apply(promised, step)
    }
    if (done < least) continue
    const isUntouched = textOf(without(promised, gaps)) === textOf(promised)
    if (isUntouched && textOf(without(all, gaps)) === text) return true
  }
  return false
}

function without(state: StampedState, gaps: readonly Gap[]): StampedState {
  return gaps.reduce(
    (rest, { name, from, to }) => apply(rest, { do: 'delete', names: [name], from, to }),
    state,
  )
}
