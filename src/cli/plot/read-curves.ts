// Reads what a plot shows: one snapshot, one walk over it for all channels together, reduced to columns while
// it streams past. Called by `plot`.

import type { Channel, Database, Snapshot } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import { time } from '../figures.ts'
import { rangeOf } from '../range-options.ts'
import type { RangeOptions } from '../range-options.ts'
import { Columns, TimeGrid } from './columns.ts'
import type { Curve } from './panels.ts'

/** Edges of the axis around a sample that is alone, in nanoseconds. */
const ALONE = 1_000_000_000n

/** What is read, and into how much. */
export interface CurvePlan {
  readonly channels: readonly Channel[]
  readonly range: RangeOptions
  /** Columns of each curve; at least 1. */
  readonly columns: number
  readonly isLogarithmic: boolean
  readonly signal: AbortSignal
  /** Told the share of the time that is done, 0 to 1, every now and then. */
  readonly onProgress: (share: number) => void
}

/**
 * The curves of channels, as they are at one instant.
 * @throws CommandError where no channel has a sample in the range; the signal's reason; what reads throw
 */
export async function readCurves(
  db: Database,
  plan: CurvePlan,
): Promise<{ curves: Curve[]; grid: TimeGrid }> {
  await using snapshot = db.snapshot()
  const names = plan.channels.map(({ name }) => name)
  const grid = await gridOf(snapshot, names, plan)
  const curves = plan.channels.map(({ name, unit }) => ({
    name,
    unit,
    columns: new Columns(grid, plan.isLogarithmic),
  }))
  const range = { start: grid.start, end: grid.end }
  for await (const frame of snapshot.frames(names, range, { timestamps: true })) {
    plan.signal.throwIfAborted()
    let last = grid.start
    for (const { name, columns } of curves) {
      const times = frame.timestamps(name)
      if (times.length === 0) continue
      columns.add(times, frame.column(name), startsOf(frame.series(name)))
      if (times.at(-1)! > last) last = times.at(-1)!
    }
    plan.onProgress(Number(last - grid.start) / grid.span)
  }
  return { curves, grid }
}

/** From the first sample to the last, or what was asked for. */
async function gridOf(
  snapshot: Snapshot,
  names: readonly string[],
  { range, columns }: CurvePlan,
): Promise<TimeGrid> {
  const asked = await rangeOf(snapshot, names, range)
  let [first, end]: (bigint | undefined)[] = []
  for (const name of names) {
    const bounds = await snapshot.bounds(name)
    if (bounds === undefined) continue
    if (first === undefined || bounds.start < first) first = bounds.start
    if (end === undefined || bounds.end > end) end = bounds.end
  }
  if (first === undefined || end === undefined)
    throw new CommandError(`${listed(names)} has no samples: there is nothing to plot`)
  if (!(await snapshot.hasData([...names], asked)))
    throw new CommandError(
      `${listed(names)} has no samples in that range: they lie from ${time(first)} to ${time(end - 1n)}`,
    )
  const [from, to] = [asked.start ?? first, asked.end ?? end]
  return to - from > 1n ? new TimeGrid(from, to, columns) : new TimeGrid(from - ALONE, to + ALONE, columns)
}

function listed(names: readonly string[]): string {
  return names.length === 1
    ? `channel "${names[0]}"`
    : `none of ${names.map((name) => `"${name}"`).join(', ')}`
}

/** Where domains begin within a frame. */
function startsOf(series: readonly { readonly length: number }[]): number[] {
  const starts: number[] = []
  let at = 0
  for (const { length } of series.slice(0, -1)) starts.push((at += length))
  return starts
}
