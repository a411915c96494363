// Merging: small extents of a channel that go on with each other are written as one, so that a channel that
// came in drops reads like one that came in gushes. Looks where small extents came since it looked last, and
// at nothing else; what it leaves behind is dead, and given back like everything dead. Called by collections.

import { CorruptionError } from '../../errors.ts'
import { isDiskFull } from '../../fs/storage-error.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { PointerTable } from '../../version/pointer-table.ts'
import { planMerge } from './collect-plan.ts'
import type { Engine } from '../engine.ts'
import { relocate } from './relocate.ts'
import type { RelocationReport } from './relocate.ts'
import { isSmall } from './small-extents.ts'
import type { SmallSpan } from './small-extents.ts'
import { SHORT_SLICE_MS, SLICE_MS } from '../turns.ts'
import { walkPointers } from '../walk-pointers.ts'

/** Most bytes that are copied before they are moved. */
const AT_ONCE = 64 * 1024 * 1024

/** Small extents that could not be merged, and why: they are damaged, or there is no room. */
export interface Unmerged {
  readonly pointers: readonly Pointer[]
  readonly error: Error
}

/** Runs to be merged, by key of the channel. */
type Runs = Map<number, readonly Pointer[][]>

/**
 * Merges what is worth it.
 *
 * **Guard:** acquires index. **Durable:** the copies before the records that name them.
 * @param report added to as it goes
 * @returns what could not be merged
 * @throws StorageError, LeaseLostError, the signal's reason; what was merged until then is
 */
export async function mergeSmall(
  engine: Engine,
  signal: AbortSignal | undefined,
  report: RelocationReport,
): Promise<readonly Unmerged[]> {
  let spans: ReadonlyMap<number, SmallSpan> = engine.smallExtents.take()
  const unmerged: Unmerged[] = []
  while (spans.size > 0) {
    const { runs, rest } = await findRuns(engine, spans)
    try {
      await mergeRuns(engine, runs, signal, report, unmerged)
    } catch (error) {
      // The next run of a collection goes on.
      for (const [key, span] of spans) engine.smallExtents.noteSpan(key, span)
      throw error
    }
    spans = rest
  }
  return unmerged
}

/** Runs that are worth merging, as many as are copied at once; and where the others are. */
async function findRuns(
  engine: Engine,
  spans: ReadonlyMap<number, SmallSpan>,
): Promise<{ runs: Runs; rest: Map<number, SmallSpan> }> {
  const runs: Runs = new Map()
  const rest = new Map<number, SmallSpan>()
  let room = AT_ONCE
  for (const [key, span] of spans) {
    const table = engine.version.pointers.get(key)
    const found: Pointer[][] = []
    let run: Pointer[] = []
    const close = (): void => {
      if (run.length > 1) {
        if (room > 0) found.push(run)
        else if (!rest.has(key)) rest.set(key, { first: run[0]!.start, last: span.last })
        for (const { live } of run) room -= live
      }
      run = []
    }
    const { from, to } = within(table, span)
    await walkPointers(
      engine.turns,
      table,
      (pointer) => {
        if (!isSmall(pointer) || !pointer.joined) close()
        if (isSmall(pointer)) run.push(pointer)
      },
      from,
      to,
      SHORT_SLICE_MS,
    )
    close()
    if (found.length > 0) runs.set(key, found)
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  return { runs, rest }
}

/**
 * Positions [from, to) of the pointers in a span, with those that are small and go on with the first or the
 * last.
 */
function within(table: PointerTable, span: SmallSpan): { from: number; to: number } {
  let from = table.startBound(span.first)
  let to = table.startBound(span.last + 1n)
  while (from > 0 && from < table.length && table.joinedAt(from) && isSmall(table.get(from - 1))) from--
  while (to < table.length && table.joinedAt(to) && isSmall(table.get(to))) to++
  return { from, to }
}

async function mergeRuns(
  engine: Engine,
  runs: Runs,
  signal: AbortSignal | undefined,
  report: RelocationReport,
  unmerged: Unmerged[],
): Promise<void> {
  if (runs.size === 0) return
  async function* wanted(
    key: number,
    _table: PointerTable,
    most: number,
  ): AsyncGenerator<readonly Pointer[], void, void> {
    for (const run of runs.get(key) ?? []) {
      for (const part of planMerge(run, most)) {
        const turn = engine.turns.due(SHORT_SLICE_MS)
        if (turn !== undefined) await turn
        if (part !== undefined) yield part
      }
    }
  }
  try {
    await engine.reserve.lend(() => relocate(engine, undefined, wanted, { signal, report, toActive: true }))
  } catch (error) {
    if (!(error instanceof CorruptionError) && !isDiskFull(error)) throw error
    // The next collection may find room.
    if (isDiskFull(error)) noteAgain(engine, runs)
    const halves = halve(runs)
    if (halves === undefined || isDiskFull(error))
      unmerged.push({ pointers: [...runs.values()].flat(2), error: error as Error })
    else for (const half of halves) await mergeRuns(engine, half, signal, report, unmerged)
  }
}

function noteAgain({ smallExtents }: Engine, runs: Runs): void {
  for (const [key, list] of runs) {
    const [first, last] = [list[0]?.[0], list.at(-1)?.at(-1)]
    if (first !== undefined && last !== undefined)
      smallExtents.noteSpan(key, { first: first.start, last: last.start })
  }
}

/** Damage in one run keeps no other from being merged. Undefined for a single run. */
function halve(runs: Runs): Runs[] | undefined {
  const all = [...runs].flatMap(([key, list]) => list.map((run) => ({ key, run })))
  if (all.length < 2) return undefined
  const middle = Math.floor(all.length / 2)
  return [all.slice(0, middle), all.slice(middle)].map((half) => {
    const part = new Map<number, Pointer[][]>()
    for (const { key, run } of half) part.set(key, [...(part.get(key) ?? []), run])
    return part
  })
}
