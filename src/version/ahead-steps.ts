// What an edit with thousands of changes makes of the tables, worked out before it is applied, in steps
// between which the loop may turn: what is left for `apply` is to put them in place. For replays, whose state
// nobody sees before it is whole. Called by manifest/manifest.ts and by database/opening/replay-records.ts.

import { ChangesAhead } from './changes-ahead.ts'
import type { Edit, PointerChange } from './edit.ts'
import type { Version } from './version.ts'

/**
 * So many changes, or pointers that go or come, are a step, or left to be worked out with the rest of their
 * edit: below a millisecond.
 */
const CHANGES_A_STEP = 64
const POINTERS_A_STEP = 1024

/** Whether there is much to work out. */
export function hasManyChanges(edit: Edit): edit is Extract<Edit, { readonly changes: unknown }> {
  if (!('changes' in edit)) return false
  const { changes } = edit
  return changes.length > CHANGES_A_STEP || changes.some(isLong)
}

function isLong({ goes, comes }: PointerChange): boolean {
  return comes.length + (goes?.count ?? 0) > POINTERS_A_STEP
}

/**
 * For `apply`, of the same version; undefined where there is little to work out.
 * @throws AssertionError where the edit does not fit the version
 */
export function* aheadSteps(version: Version, edit: Edit): Generator<void, ChangesAhead | undefined, void> {
  if (!hasManyChanges(edit)) return undefined
  const ahead = new ChangesAhead(version)
  for (const change of edit.changes) {
    ahead.add(change)
    if (ahead.changes.length % CHANGES_A_STEP === 0 || isLong(change)) yield
  }
  return ahead
}
