// What the demo shows of the samples once they are back from the disk: a table of all channels with a
// sparkline each, and one channel as a plot. Reads nothing but the frame that it is given.

import type { Channel, Frame, NumericArray } from '../src/index.ts'
import type { Curve } from './plot.ts'
import { plot, sparkline } from './plot.ts'
import { bytes, digits, duration, paint, whole, width } from './screen.ts'

/** Rows of a table before channels like `cpu.17` are left out. */
const MOST_CORES = 8

/** A line for each data channel: what it is, how much there is of it, and its course over the whole recording. */
export function channelTable(
  frame: Frame,
  channels: readonly Channel[],
  start: bigint,
  end: bigint,
): string[] {
  const isWide = width >= 90
  const shown = channels.filter(
    ({ kind, name }) => kind === 'data' && !(Number(/^cpu\.(\d+)$/.exec(name)?.[1]) >= MOST_CORES),
  )
  const rows = shown.map((channel) => {
    const curve = curveOf(frame, channel)
    const { low, mean, high } = summary(curve.values)
    const format = formatFor(channel.unit)
    return {
      cells: [
        channel.name,
        channel.type,
        whole(frame.count(channel.name)),
        format(low),
        ...(isWide ? [format(mean)] : []),
        format(high),
      ],
      curve,
    }
  })
  const titles = ['channel', 'type', 'samples', 'lowest', ...(isWide ? ['mean'] : []), 'highest']
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[i]!.length)),
  )
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const rest = Math.max(8, Math.min(40, width - line(titles).length - 2))
  const left = channels.filter(({ kind }) => kind === 'data').length - shown.length
  return [
    paint.dim(`${line(titles)}  over ${duration(Number(end - start) / 1e6)}`),
    ...rows.map(({ cells, curve }) => `${line(cells)}  ${paint.cyan(sparkline(curve, start, end, rest))}`),
    ...(left > 0 ? [paint.dim(`and ${left} cores more`)] : []),
  ]
}

/** One channel as a plot, with what it shows above it. */
export function channelPlot(frame: Frame, channel: Channel, start: bigint, end: bigint): string[] {
  const curve = curveOf(frame, channel)
  const { low, high } = summary(curve.values)
  // Spikes a hundred times as high as the rest would leave the rest no room.
  const isLogarithmic = low > 0 && high > 20 * low
  const about = (channel.metadata as { about?: string } | undefined)?.about ?? ''
  return [
    `${about}: ${whole(frame.count(channel.name))} samples, lowest to highest in each column${isLogarithmic ? '; logarithmic' : ''}`,
    '',
    ...plot(curve, { width, height: 10, start, end, isLogarithmic, paint }),
  ]
}

function curveOf(frame: Frame, channel: Channel): Curve {
  const column: NumericArray = frame.column(channel.name)
  return {
    name: channel.name,
    unit: channel.unit,
    times: frame.timestamps(channel.name),
    values: Float64Array.from(column as ArrayLike<number | bigint>, Number),
  }
}

function summary(values: ArrayLike<number>): { low: number; mean: number; high: number } {
  let [low, high, sum] = [Infinity, -Infinity, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    low = Math.min(low, value)
    high = Math.max(high, value)
    sum += value
  }
  return { low, mean: sum / values.length, high }
}

function formatFor(unit: string | undefined): (value: number) => string {
  switch (unit) {
    case 'B':
      return (value) => bytes(Math.round(value))
    case 'B/s':
      return (value) => `${bytes(Math.round(value))}/s`
    case 'us':
      return (value) => (value < 0 ? `-${duration(-value / 1000)}` : duration(value / 1000))
    case 'ms':
      return duration
    case '%':
      return (value) => `${value.toFixed(value >= 99.95 ? 0 : 1)} %`
    default:
      return (value) => (unit === undefined ? digits(value) : `${digits(value)} ${unit}`)
  }
}
