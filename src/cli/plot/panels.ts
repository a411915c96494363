// What a plot shows, before anything is drawn: for each channel its lines, its scale, its ticks and what is
// said about it. Pure. Called by what draws for the terminal and by what draws pictures.

import type { Damage } from '../damage.ts'
import type { Columns } from './columns.ts'
import type { Line } from './lines.ts'
import { linesOf } from './lines.ts'
import { heightOf, scaleOf } from './value-scale.ts'
import type { ScaleOptions, ValueScale } from './value-scale.ts'
import { linearTicks, logarithmicTicks, rangeText } from './value-ticks.ts'

/** A channel, reduced to columns. */
export interface Curve {
  readonly name: string
  readonly unit?: string | undefined
  readonly columns: Columns
  /** The first of what is damaged, and left out. */
  readonly damage?: Damage | undefined
}

/** A tick of a value axis, `height` from 0 (bottom) to 1 (top). */
export interface Tick {
  readonly value: number
  readonly height: number
  readonly label: string
}

/** One channel as it is drawn. */
export interface Panel {
  readonly name: string
  readonly unit: string
  /** Lowest and highest value, or that there is none, and whether some are damaged. */
  readonly summary: string
  readonly lines: readonly Line[]
  readonly scale: ValueScale
  readonly ticks: readonly Tick[]
}

/**
 * A panel for each curve.
 * @param mostTicks of a value axis; at least 2
 */
export function panelsOf(curves: readonly Curve[], options: ScaleOptions, mostTicks: number): Panel[] {
  return curves.map(({ name, unit = '', columns, damage }): Panel => {
    const { lowest, highest } = columns
    const isEmpty = lowest > highest
    const emptyText = damage === undefined ? 'no samples' : 'damaged'
    const scale = isEmpty ? scaleOf(1, 1, options) : scaleOf(lowest, highest, options)
    const ticksOf = scale.isLogarithmic ? logarithmicTicks : linearTicks
    const ticks = ticksOf(scale.low, scale.high, mostTicks)
    return {
      name,
      unit,
      summary: isEmpty
        ? emptyText
        : `${rangeText(lowest, highest)}${damage === undefined ? '' : ', damaged in part'}`,
      lines: linesOf(columns),
      scale,
      ticks: isEmpty
        ? []
        : ticks.values.map((value, i) => ({
            value,
            height: heightOf(scale, value),
            label: ticks.labels[i]!,
          })),
    }
  })
}
