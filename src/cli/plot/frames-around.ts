// Walks over what is sound around damage: a range that cannot be read is halved until what is left is a
// sliver, and the channels of that one by one. Nothing but the sliver of the damaged channel is left out.
// Called by `readCurves`.

import type { Frame, Snapshot } from '../../index.ts'
import { CorruptionError } from '../../index.ts'
import type { Damage } from '../damage.ts'
import { damageOf } from '../damage.ts'

/** What is read, and how finely around damage. */
export interface Walk {
  readonly names: readonly string[]
  /** Inclusive. */
  readonly start: bigint
  /** Exclusive. */
  readonly end: bigint
  /** Nanoseconds that are left out as a whole where something in them is damaged; at least 1. */
  readonly sliver: bigint
  /** Told of each sliver that is left out. */
  readonly onDamage: (damage: Damage) => void
}

/**
 * Frames with times, those of each channel in order; around damage some are without some of the channels.
 * @throws what reads throw, damage of blocks aside
 */
export async function* framesAround(snapshot: Snapshot, walk: Walk): AsyncGenerator<Frame> {
  const { names, end, sliver, onDamage } = walk
  let { start } = walk
  let failure: CorruptionError
  try {
    for await (const frame of snapshot.frames(names, { start, end }, { timestamps: true })) {
      yield frame
      for (const name of frame.channels) {
        const last = frame.timestamps(name).at(-1)
        if (last !== undefined && last >= start) start = last + 1n
      }
    }
    return
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error
    failure = error
  }
  if (end - start > sliver) {
    const middle = start + (end - start) / 2n
    yield* framesAround(snapshot, { ...walk, start, end: middle })
    yield* framesAround(snapshot, { ...walk, start: middle })
  } else if (names.length > 1) {
    for (const name of names) yield* framesAround(snapshot, { ...walk, names: [name], start })
  } else {
    onDamage(damageOf(failure, names[0]!))
  }
}
