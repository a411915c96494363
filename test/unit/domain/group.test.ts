// A group's tail keeps nothing of what went out of it.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Group, pointersOfRun } from '../../../src/domain/group.ts'
import { tailCutSteps } from '../../../src/domain/tail-cut.ts'
import { takeSteps } from '../../../src/steps.ts'
import type { ExtentsRun } from '../../../src/domain/tail.ts'
import type { PointerChange } from '../../../src/version/edit.ts'
import { SHAPE } from '../../support/pointers.ts'
import { cutOf, EXTENTS } from '../../support/tails.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Adds runs that name extents, one behind the other. */
function addRuns(group: Group, count: number): ExtentsRun[] {
  return Array.from({ length: count }, (_, i) => {
    const first = 100n * BigInt(i + 1)
    const run = pointersOfRun(SHAPE, { ...EXTENTS, first, last: first + 9n })
    group.add(run)
    return run
  })
}

/** Deletes all of some runs. */
function deleteRuns(group: Group, runs: readonly ExtentsRun[]): void {
  const extents = runs.flatMap(({ first }) =>
    [1, 2].map((key): PointerChange => ({ key, goes: { first, last: first, count: 1 }, comes: [] })),
  )
  takeSteps(tailCutSteps([group], cutOf(0, 1_000_000, { extents })))
}

it('runs that a delete has taken, many or all, are let go of', async () => {
  for (const left of [0, 3, 50]) {
    const group = new Group(1)
    const gone = ((): WeakRef<ExtentsRun>[] => {
      const runs = addRuns(group, 100)
      group.views()
      deleteRuns(group, runs.slice(left))
      return runs.slice(left).map((run) => new WeakRef(run))
    })()
    expect(group.runs).toHaveLength(left)
    if (left > 32) group.views()
    await new Promise(setImmediate)
    collectGarbage()
    expect(gone.filter((run) => run.deref() !== undefined)).toEqual([])
  }
})
