// Draws panels as text: curves in braille dots, four rows and two columns of them to a character, values on
// the left and times below. Pure. Called by `plot` where nothing is said about a file, and by the demo.

import type { Paint } from '../terminal.ts'
import type { TimeGrid } from './columns.ts'
import type { Line } from './lines.ts'
import type { Panel } from './panels.ts'
import { timeTicks } from './time-ticks.ts'
import { heightOf } from './value-scale.ts'
import type { ValueScale } from './value-scale.ts'

/** How large the text is. */
export interface TextSize {
  /** Characters, labels included. */
  readonly width: number
  /** Lines of characters of each panel, without its name and the axis. */
  readonly height: number
}

/** Dots of a braille character by row from the top, left and right. */
const DOTS: readonly (readonly [number, number])[] = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
]
const BRAILLE = 0x2800
const COLOURS = ['cyan', 'green', 'yellow', 'red'] as const
/** So that plots made one after the other line up. */
const LEAST_LABELS = 7
/** Narrower curves show nothing. */
const LEAST_CELLS = 16

/** The lines of a text that shows all panels above each other, with one time axis. */
export function drawText(
  panels: readonly Panel[],
  grid: TimeGrid,
  { width, height }: TextSize,
  paint: Paint,
): string[] {
  const labels = panels.flatMap(({ ticks }) => ticks.map(({ label }) => label.length))
  const gutter = labels.reduce((widest, length) => Math.max(widest, length), LEAST_LABELS)
  const cells = Math.max(LEAST_CELLS, width - gutter - 2)
  const axis = timeTicks(grid.start, grid.end, cells)
  const ticksAt = axis.times.map((time) =>
    Math.min(cells - 1, Math.floor((Number(time - grid.start) / grid.span) * cells)),
  )
  const rule = Array.from({ length: cells }, (_, i) => (ticksAt.includes(i) ? '┴' : '─')).join('')
  const lines = panels.flatMap((panel, i) => {
    const colour = paint[COLOURS[i % COLOURS.length]!]
    const rows = drawCurve(panel.lines, panel.scale, grid.span, cells, height)
    const labelled = labelsByRow(panel, height)
    return [
      ...(i > 0 ? [''] : []),
      headOf(panel, gutter + 2 + cells, paint),
      ...rows.map((row, y) => {
        const label = labelled.get(y)
        const edge = `${(label ?? '').padStart(gutter)} ${label === undefined ? '│' : '┤'}`
        return `${paint.dim(edge)}${colour(row)}`.trimEnd()
      }),
      paint.dim(`${' '.repeat(gutter + 1)}└${rule}`),
    ]
  })
  const times = placed(axis.labels, ticksAt, cells)
  const indent = ' '.repeat(gutter + 2)
  return [
    ...lines,
    paint.dim(`${indent}${times}`),
    ...(axis.context === '' ? [] : [paint.dim(`${indent}${axis.context}`)]),
  ]
}

function headOf({ name, unit, summary }: Panel, width: number, paint: Paint): string {
  // Names are anybody's: none may steer the terminal.
  const title = (unit === '' ? name : `${name} [${unit}]`).replaceAll(/\p{Cc}/gu, '\ufffd')
  const gap = width - Array.from(title).length - summary.length
  const plain = gap < 2 ? '  ' : ' '.repeat(gap)
  return `${paint.bold(title)}${plain}${paint.dim(summary)}`
}

/** Which row of characters has which label; of two on one row the lower tick gives way. */
function labelsByRow({ ticks }: Panel, height: number): Map<number, string> {
  return new Map(
    ticks.map(({ height: share, label }) => [Math.round((1 - share) * (4 * height - 1)) >> 2, label]),
  )
}

/** Labels centred at their ticks, moved inwards at the edges; what would touch another is left out. */
function placed(labels: readonly string[], ticksAt: readonly number[], cells: number): string {
  let text = ''
  labels.forEach((label, i) => {
    const centred = ticksAt[i]! - ((label.length - 1) >> 1)
    const at = Math.max(0, Math.min(centred, cells - label.length))
    if (text !== '' && at < text.length + 1) return
    text = `${text.padEnd(at)}${label}`
  })
  return text
}

/** Rows of braille characters; where nothing is, a blank. */
function drawCurve(
  lines: readonly Line[],
  scale: ValueScale,
  span: number,
  cells: number,
  height: number,
): string[] {
  const canvas = new Uint8Array(cells * height)
  const dot = (x: number, y: number): void => {
    canvas[(y >> 2) * cells + (x >> 1)]! |= DOTS[y & 3]![x & 1]!
  }
  const [right, bottom] = [cells * 2 - 1, height * 4 - 1]
  for (const { at, values } of lines) {
    let [fromX, fromY] = [-1, -1]
    at.forEach((offset, i) => {
      const x = Math.min(right, Math.floor((offset / span) * (right + 1)))
      const y = Math.round((1 - heightOf(scale, values[i]!)) * bottom)
      if (fromX < 0) dot(x, y)
      else stroke(fromX, fromY, x, y, dot)
      ;[fromX, fromY] = [x, y]
    })
  }
  return Array.from({ length: height }, (_, y) =>
    Array.from(canvas.subarray(y * cells, (y + 1) * cells), (bits) =>
      bits === 0 ? ' ' : String.fromCodePoint(BRAILLE + bits),
    ).join(''),
  )
}

/** The dots from one point to another, both included (Bresenham 1965). */
function stroke(
  fromX: number,
  fromY: number,
  toX: number,
  toY: number,
  dot: (x: number, y: number) => void,
): void {
  const [width, height] = [Math.abs(toX - fromX), -Math.abs(toY - fromY)]
  const [stepX, stepY] = [Math.sign(toX - fromX), Math.sign(toY - fromY)]
  let [x, y, error] = [fromX, fromY, width + height]
  for (;;) {
    dot(x, y)
    if (x === toX && y === toY) return
    const twice = 2 * error
    if (twice >= height) {
      error += height
      x += stepX
    }
    if (twice <= width) {
      error += width
      y += stepY
    }
  }
}
