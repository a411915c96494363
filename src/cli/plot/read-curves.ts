// Reads what a plot shows: one snapshot, one walk over it for all channels together, reduced to columns while
// it streams past. Called by `plot`.

import type { Channel, Database, Snapshot } from '../../index.ts'
import { CorruptionError } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import type { Damage } from '../damage.ts'
import { time } from '../figures.ts'
import { rangeOf } from '../range-options.ts'
import type { CommandRange, RangeOptions } from '../range-options.ts'
import { Columns, TimeGrid } from './columns.ts'
import { framesAround } from './frames-around.ts'
import type { Curve } from './panels.ts'

/** Edges of the axis around a sample that is alone, in nanoseconds. */
const ALONE = 1_000_000_000n

/** Pieces of a column, one of which is left out where a sample in it is damaged. */
const SLIVERS = 4

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
 * The curves of channels, as they are at one instant; what is damaged is left out, and said so.
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
  const damages = new Map<string, Damage>()
  const sliver = (grid.end - grid.start) / BigInt(SLIVERS * plan.columns)
  const frames = framesAround(snapshot, {
    names,
    start: grid.start,
    end: grid.end,
    sliver: sliver > 0n ? sliver : 1n,
    onDamage(damage) {
      plan.signal.throwIfAborted()
      if (!damages.has(damage.channel)) damages.set(damage.channel, damage)
    },
  })
  for await (const frame of frames) {
    plan.signal.throwIfAborted()
    let last = grid.start
    for (const { name, columns } of curves) {
      if (!frame.channels.includes(name)) continue
      const times = frame.timestamps(name)
      if (times.length === 0) continue
      columns.add(times, frame.column(name), startsOf(frame.series(name)))
      if (times.at(-1)! > last) last = times.at(-1)!
    }
    plan.onProgress(Number(last - grid.start) / grid.span)
  }
  return { curves: curves.map((curve) => ({ ...curve, damage: damages.get(curve.name) })), grid }
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
  if (!(await mayHaveData(snapshot, names, asked)))
    throw new CommandError(
      `${listed(names)} has no samples in that range: they lie from ${time(first)} to ${time(end - 1n)}`,
    )
  const [from, to] = [asked.start ?? first, asked.end ?? end]
  return to - from > 1n ? new TimeGrid(from, to, columns) : new TimeGrid(from - ALONE, to + ALONE, columns)
}

/** Where that cannot be read, the walk shows what is sound. */
async function mayHaveData(
  snapshot: Snapshot,
  names: readonly string[],
  range: CommandRange,
): Promise<boolean> {
  try {
    return await snapshot.hasData([...names], range)
  } catch (error) {
    if (error instanceof CorruptionError) return true
    throw error
  }
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
