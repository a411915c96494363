// Columns as lines to draw: in each column the first sample, the lowest and the highest, and the last, so
// that what is drawn covers the same dots as all the samples would (Jugel and others, "M4: a
// visualization-oriented time series data aggregation", VLDB 2014). A line ends where samples are missing.
// Pure. Called by everything that draws.

import type { Columns } from './columns.ts'

/** Points of an unbroken line: nanoseconds after the left edge, never falling, and values beside them. */
export interface Line {
  readonly at: number[]
  readonly values: number[]
}

/**
 * The lines of a channel, in order of time; one of a single point is a sample with no neighbours.
 * Lines are broken by gaps in time, and by columns in which nothing can be drawn (NaN).
 */
export function linesOf(columns: Columns): Line[] {
  const lines: Line[] = []
  let line: Line | undefined
  for (let i = 0; i < columns.count.length; i++) {
    if (columns.isBlank[i] === 1 || columns.isAfterGap[i] === 1) line = undefined
    if (columns.count[i] === 0) continue
    if (line === undefined) {
      line = { at: [], values: [] }
      lines.push(line)
    }
    addColumn(line, columns, i)
  }
  return lines
}

function addColumn({ at, values }: Line, columns: Columns, i: number): void {
  const [count, first, last] = [columns.count[i]!, columns.first[i]!, columns.last[i]!]
  const [low, high, firstAt, lastAt] = [
    columns.low[i]!,
    columns.high[i]!,
    columns.firstAt[i]!,
    columns.lastAt[i]!,
  ]
  at.push(firstAt)
  values.push(first)
  if (count === 1) return
  // Which came first is not known: the way round that is shorter.
  const middle = (firstAt + lastAt) / 2
  const turns = first - low < high - first ? [low, high] : [high, low]
  for (const value of turns) {
    if (value === first || value === last) continue
    at.push(middle)
    values.push(value)
  }
  at.push(lastAt)
  values.push(last)
}
