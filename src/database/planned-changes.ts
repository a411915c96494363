// What a record will change of pointers, planned in slices under its guards: each change is applied to the tables and
// encoded as it is found, so that the step that publishes the record has neither to do, however many channels there
// are (0003, Slices). Filled by the plans of deletes, flushes and relocations; taken by `publishEdit`.

import { EncodedChanges } from '../journal/edit-codec.ts'
import type { EncodedAhead } from '../journal/edit-codec.ts'
import { ChangesAhead } from '../version/changes-ahead.ts'
import type { PointerChange } from '../version/edit.ts'
import type { Version } from '../version/version.ts'

export class PlannedChanges implements EncodedAhead {
  readonly ahead: ChangesAhead
  readonly encoded: EncodedChanges = new EncodedChanges()
  readonly encodedExtents: EncodedChanges = new EncodedChanges()
  readonly #extents: PointerChange[] = []

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
    this.encoded.add(change)
  }

  /** Of extents that tails name. */
  get extents(): readonly PointerChange[] {
    return this.#extents
  }

  addExtents(change: PointerChange): void {
    this.#extents.push(change)
    this.encodedExtents.add(change)
  }
}
