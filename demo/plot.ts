// Plots for a terminal: a channel as the command line draws it, and a curve in one line of text. Each column
// shows the lowest and the highest sample of its stretch of time, so that no spike is lost however many
// samples share a column; where there are none it stays empty. Called by report.ts.

import { drawText } from '../src/cli/plot/braille.ts'
import { Columns, TimeGrid } from '../src/cli/plot/columns.ts'
import { panelsOf } from '../src/cli/plot/panels.ts'
import type { Paint } from '../src/cli/terminal.ts'

/** A channel's samples beside their times. */
export interface Curve {
  readonly name: string
  readonly unit?: string | undefined
  readonly times: BigInt64Array
  readonly values: Float64Array
}

export interface PlotOptions {
  /** Characters, axis labels included. */
  readonly width: number
  readonly height: number
  /** Time on the left edge, and behind the right one. */
  readonly start: bigint
  readonly end: bigint
  /** Equal factors get equal heights: for samples that lie far apart. */
  readonly isLogarithmic: boolean
  readonly paint: Paint
}

const BLOCKS = '▁▂▃▄▅▆▇█'

/** The lines of a plot: the curve with values on its left, and below it the time since `start`. */
export function plot({ name, unit, times, values }: Curve, options: PlotOptions): string[] {
  const { width, height, start, end, isLogarithmic, paint } = options
  const grid = new TimeGrid(0n, end - start, 2 * width)
  const columns = new Columns(grid, isLogarithmic)
  columns.add(
    times.map((time) => time - start),
    values,
  )
  const panels = panelsOf([{ name, unit, columns }], { isLogarithmic, padding: 0 }, Math.ceil(height / 2))
  return drawText(panels, grid, { width, height }, paint)
}

/** A curve in one line of text: the highest value of each stretch of time. */
export function sparkline({ times, values }: Curve, start: bigint, end: bigint, width: number): string {
  const columns = new Columns(new TimeGrid(start, end, width), false)
  columns.add(times, values)
  const { lowest: low, highest } = columns
  return Array.from(columns.high, (value, i) => {
    if (columns.count[i] === 0) return ' '
    const share = highest > low ? (value - low) / (highest - low) : 0
    return BLOCKS[Math.round(share * (BLOCKS.length - 1))]!
  }).join('')
}
