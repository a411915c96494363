// What a record will change of pointers, planned in slices under its guards: each change is applied to the tables and
// encoded as it is found, so that the step that publishes the record has neither to do, however many channels there
// are (0003, Slices). Filled by the plans of deletes, flushes and relocations; taken by `publishEdit`.

import { EncodedAhead } from '../journal/edit-codec.ts'
import { ChangesAhead } from '../version/changes-ahead.ts'
import type { TimeRange } from '../telem/time-range.ts'
import type { PointerChange, TailCut } from '../version/edit.ts'
import type { Version } from '../version/version.ts'

export class PlannedChanges {
  readonly ahead: ChangesAhead
  readonly encoded: EncodedAhead = new EncodedAhead()

  /** @param version whose tables are changed; the guards keep those of the channels in question what they are */
  constructor(version: Version) {
    this.ahead = new ChangesAhead(version)
  }

  /** Of the version: all that were added, in their order; grows with them. */
  get list(): readonly PointerChange[] {
    return this.ahead.changes
  }

  /** @throws AssertionError where it does not fit what was added before */
  add(change: PointerChange): void {
    this.ahead.add(change)
    this.encoded.changes.add(change)
  }

  /** What a delete does to tails, as far as it was added, in [start, end). */
  tailCut({ start, end }: TimeRange): TailCut {
    const { keys, extents, parted } = this.encoded
    return { start, end, keys: keys.items, extents: extents.items, parted: parted.items }
  }

  addKey(key: number): void {
    this.encoded.keys.add(key)
  }

  addExtents(change: PointerChange): void {
    this.encoded.extents.add(change)
  }

  addParted(key: number, at: bigint): void {
    this.encoded.parted.add({ key, at })
  }
}
