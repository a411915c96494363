// What a record will change of pointers, planned in slices under its guards: each change is applied to the
// tables and encoded as it is found, so that the step that publishes the record has neither to do, however
// many channels there are (0003, Slices). Filled by the plans of deletes, flushes and relocations; taken by
// `publishEdit`.

import { EncodedAhead } from '../journal/edit-codec.ts'
import { ChangesAhead } from '../version/changes-ahead.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Version } from '../version/version.ts'

export class PlannedChanges {
  readonly ahead: ChangesAhead
  readonly encoded: EncodedAhead
  readonly #keys: number[] = []
  readonly #extents: PointerChange[] = []
  readonly #parted: TailCut['parted'][number][] = []

  /**
   * @param version whose tables are changed; the guards keep those of the channels in question what they are
   */
  constructor(version: Version) {
    this.ahead = new ChangesAhead(version)
    const tail = { keys: this.#keys, extents: this.#extents, parted: this.#parted }
    this.encoded = new EncodedAhead(this.ahead.changes, tail)
  }

  /** Of the version: all that were added, in their order; grows with them. */
  get list(): readonly PointerChange[] {
    return this.ahead.changes
  }

  /** @throws AssertionError where it does not fit what was added before */
  add(change: PointerChange): void {
    this.ahead.add(change)
    this.encoded.changes.encodeMore()
  }

  /** What a delete does to tails, as far as it was added, in [start, end). */
  tailCut({ start, end }: TimeRange): TailCut {
    return { start, end, keys: this.#keys, extents: this.#extents, parted: this.#parted }
  }

  addKey(key: number): void {
    this.#keys.push(key)
    this.encoded.keys.encodeMore()
  }

  addExtents(change: PointerChange): void {
    this.#extents.push(change)
    this.encoded.extents.encodeMore()
  }

  addParted(key: number, at: bigint): void {
    this.#parted.push({ key, at })
    this.encoded.parted.encodeMore()
  }
}
