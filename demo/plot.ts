// Plots for a terminal: a curve in braille dots, four rows and two columns of them to a character, and a
// line of block characters. Each column shows the lowest and the highest sample of its stretch of time,
// so that no spike is lost however many samples share a column; where there are none it stays empty.

/** A channel's samples beside their times. */
export interface Curve {
  readonly times: BigInt64Array
  readonly values: ArrayLike<number>
}

export interface PlotOptions {
  /** Characters, axis labels included. */
  readonly width: number
  readonly height: number
  /** Time on the left and on the right edge. */
  readonly start: bigint
  readonly end: bigint
  readonly format: (value: number) => string
  /** Equal factors get equal heights: for samples that lie far apart. All values must be positive. */
  readonly isLogarithmic: boolean
}

interface Column {
  low: number
  high: number
}

/** Dots of a braille character, by row from the top, left and right. */
const DOTS: readonly (readonly [number, number])[] = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
]
const BLOCKS = '▁▂▃▄▅▆▇█'

/** The lowest and the highest value of each of `count` equal stretches of time. */
function columnsOf(
  { times, values }: Curve,
  start: bigint,
  end: bigint,
  count: number,
): (Column | undefined)[] {
  const columns = new Array<Column | undefined>(count).fill(undefined)
  const span = Number(end - start)
  for (let i = 0; i < times.length; i++) {
    const at = Math.floor((Number(times[i]! - start) / span) * count)
    if (at < 0 || at >= count) continue
    const value = values[i]!
    const column = columns[at]
    if (column === undefined) columns[at] = { low: value, high: value }
    else {
      column.low = Math.min(column.low, value)
      column.high = Math.max(column.high, value)
    }
  }
  return columns
}

function boundsOf(columns: readonly (Column | undefined)[]): Column {
  const bounds = { low: Infinity, high: -Infinity }
  for (const column of columns) {
    if (column === undefined) continue
    bounds.low = Math.min(bounds.low, column.low)
    bounds.high = Math.max(bounds.high, column.high)
  }
  return bounds
}

/** The lines of a plot: the curve with labels of values on its left, a time axis in seconds below. */
export function plot(curve: Curve, options: PlotOptions): string[] {
  const { height, format, start, end, isLogarithmic } = options
  const labelWidth = 9
  const width = options.width - labelWidth - 2
  const columns = columnsOf(curve, start, end, width * 2)
  const rows = height * 4
  const bounds = boundsOf(columns)
  if (bounds.low > bounds.high) return ['(no samples)']
  const scale = isLogarithmic ? Math.log10 : (value: number): number => value
  const bottom = scale(bounds.low)
  const top = Math.max(scale(bounds.high), bottom + 1e-9)
  const dotOf = (value: number): number => Math.round(((top - scale(value)) / (top - bottom)) * (rows - 1))
  const cells = Array.from({ length: height }, () => new Array<number>(width).fill(0))
  columns.forEach((column, x) => {
    if (column === undefined) return
    for (let y = dotOf(column.high); y <= dotOf(column.low); y++) {
      cells[y >> 2]![x >> 1]! |= DOTS[y & 3]![x & 1]!
    }
  })
  const valueAt = (row: number): number => {
    const height01 = 1 - row / (height - 1)
    const scaled = bottom + (top - bottom) * height01
    return isLogarithmic ? 10 ** scaled : scaled
  }
  const lines = cells.map((row, y) => {
    const isLabelled = y % Math.max(1, Math.floor((height - 1) / 3)) === 0 || y === height - 1
    const label = isLabelled ? format(valueAt(y)) : ''
    const dots = String.fromCodePoint(...row.map((cell) => 0x2800 + cell))
    return `${label.padStart(labelWidth)} ${isLabelled ? '┤' : '│'}${dots}`
  })
  return [...lines, ...timeAxis(Number(end - start) / 1e9, width, labelWidth)]
}

/** A tick at every whole second, or at every few. */
function timeAxis(seconds: number, width: number, indent: number): string[] {
  const step = [1, 2, 5, 10, 20, 60].find((each) => (width * each) / seconds >= 8) ?? 60
  const ticks = new Array<string>(width).fill('─')
  const labels = new Array<string>(width + 6).fill(' ')
  for (let second = 0; second < seconds; second += step) {
    const at = Math.floor((second / seconds) * width)
    ticks[at] = '┴'
    const label = second === 0 ? '0 s' : String(second)
    for (let i = 0; i < label.length; i++) labels[at + i] = label[i]!
  }
  return [`${' '.repeat(indent)} └${ticks.join('')}`, `${' '.repeat(indent + 2)}${labels.join('').trimEnd()}`]
}

/** A curve in one line of text: the highest value of each stretch of time. */
export function sparkline(curve: Curve, start: bigint, end: bigint, width: number): string {
  const columns = columnsOf(curve, start, end, width)
  const { low, high } = boundsOf(columns)
  return columns
    .map((column) => {
      if (column === undefined) return ' '
      const share = high > low ? (column.high - low) / (high - low) : 0
      return BLOCKS[Math.round(share * (BLOCKS.length - 1))]!
    })
    .join('')
}
