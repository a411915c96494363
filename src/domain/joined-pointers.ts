// The pointers of many runs that name extents, as one view of a tail: a fast writer of large frames commits
// thousands of them before a flush comes, and who reads should search one list for a channel and not each of
// them. Made where a group is captured; a channel's list is put together when it is first asked for.

import type { Pointer } from '../version/pointer.ts'
import { ShortPointerList } from './pointer-list.ts'
import type { ExtentsRun, PointersByKey, PointersView } from './tail.ts'

/** Up to so many runs are looked through one by one. */
export const FEW_RUNS = 32

/** What the runs show now, which must not share time; undefined where they are not in order of time. */
export function joinedView(runs: readonly ExtentsRun[]): PointersView | undefined {
  for (let i = 1; i < runs.length; i++) if (runs[i]!.first <= runs[i - 1]!.last) return undefined
  return { kind: 'pointers', pointers: new JoinedPointers(runs.map(({ pointers }) => pointers)) }
}

class JoinedPointers implements PointersByKey {
  readonly #runs: readonly PointersByKey[]
  readonly #lists = new Map<number, ShortPointerList>()

  /** @param runs the maps as they are now: a delete replaces them */
  constructor(runs: readonly PointersByKey[]) {
    this.#runs = runs
  }

  get(key: number): ShortPointerList | undefined {
    let list = this.#lists.get(key)
    if (list !== undefined) return list
    const pointers: Pointer[] = []
    for (const run of this.#runs) {
      const some = run.get(key)
      if (some !== undefined) for (const pointer of some.pointers) pointers.push(pointer)
    }
    if (pointers.length === 0) return undefined
    list = new ShortPointerList(pointers)
    this.#lists.set(key, list)
    return list
  }
}
