// A plot as a list of shapes in pixels, from the top left, for whatever draws them: SVG and PNG show the same
// picture. Colours are named by what they are for; the theme says what they are. Pure. Called by `plot`.

import type { TimeGrid } from './columns.ts'
import type { Line } from './lines.ts'
import type { Panel, Tick } from './panels.ts'
import { timeTicks } from './time-ticks.ts'
import { heightOf } from './value-scale.ts'

/** What a colour is for; a curve has one of eight. */
export type Role = 'ink' | 'muted' | 'axis' | 'grid' | `curve${number}`

/** Unbroken strokes: x and y in turn, at least one point each. */
export interface Strokes {
  readonly kind: 'strokes'
  readonly strokes: readonly (readonly number[])[]
  readonly role: Role
  readonly width: number
}

/** One line of text; `y` is its baseline. */
export interface Text {
  readonly kind: 'text'
  readonly x: number
  readonly y: number
  readonly text: string
  readonly size: number
  readonly role: Role
  readonly anchor: 'start' | 'middle' | 'end'
  readonly isBold: boolean
  /** What follows it, small and muted. */
  readonly tail?: string
}

export type Shape = Strokes | Text

/** A picture on paper of one colour. */
export interface Scene {
  readonly width: number
  readonly height: number
  /** What it shows, for those who cannot see it. */
  readonly title: string
  readonly shapes: readonly Shape[]
}

/** How large a picture is. */
export interface PictureSize {
  readonly width: number
  /** Of each panel with its name. */
  readonly height: number
}

export const CURVE_COLOURS = 8

const MARGIN = 20
/** From the edge to the curves where labels are no wider. */
const LEFT = 68
const HEAD = 34
const FOOT = 14
const AXIS = 24
const CONTEXT = 18
const TITLE = 40
/** Size of all text but titles and names. */
export const SMALL = 12
/** Between a text and its tail. */
export const TAIL_GAP = 6
/** Width of a small character, about. */
const CHARACTER = 6.6
const CURVE_WIDTH = 1.5

/** Most ticks of a value axis of panels this high. */
export function ticksFor(height: number): number {
  return Math.max(3, Math.floor((height - HEAD - FOOT) / 25))
}

/** Columns that the curves of a picture need: no more than it has pixels. */
export function columnsFor(width: number): number {
  return Math.max(1, width - LEFT - MARGIN)
}

/** All panels above each other, with one time axis below. */
export function drawScene(
  panels: readonly Panel[],
  grid: TimeGrid,
  { width, height }: PictureSize,
  title = '',
): Scene {
  const shapes: Shape[] = []
  const widest = panels
    .flatMap(({ ticks }) => ticks.map(({ label }) => label.length))
    .reduce((most, length) => Math.max(most, length), 0)
  const left = Math.max(LEFT, Math.ceil(widest * CHARACTER) + 12 + MARGIN)
  const right = width - MARGIN
  const axis = timeTicks(grid.start, grid.end, (right - left) / (CHARACTER * 1.15))
  const xs = axis.times.map((time) => left + (Number(time - grid.start) / grid.span) * (right - left))
  const top = title === '' ? 8 : TITLE
  if (title !== '')
    shapes.push(
      textAt(MARGIN, 31, fitted(title, width - 2 * MARGIN, 17), 'ink', 'start', { size: 17, isBold: true }),
    )
  panels.forEach((panel, i) => {
    const area = { left, right, top: top + i * height + HEAD, bottom: top + (i + 1) * height - FOOT }
    shapes.push(...panelShapes(panel, area, xs, grid.span, `curve${i % CURVE_COLOURS}`))
  })
  const bottom = top + panels.length * height - FOOT
  axis.labels.forEach((label, i) => {
    // Kept within the picture at its edges.
    const half = (label.length * CHARACTER) / 2
    const x = Math.min(Math.max(xs[i]!, half + 4), width - half - 4)
    shapes.push(textAt(x, bottom + 19, label, 'muted', 'middle'))
  })
  if (axis.context !== '') shapes.push(textAt(left, bottom + 19 + CONTEXT, axis.context, 'muted', 'start'))
  const names = panels.map(({ name }) => name).join(', ')
  return {
    width,
    height: bottom + AXIS + (axis.context === '' ? 6 : CONTEXT + 2),
    title: title === '' ? names : `${title}: ${names}`,
    shapes,
  }
}

interface Area {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

function panelShapes(panel: Panel, area: Area, xs: readonly number[], span: number, role: Role): Shape[] {
  const { left, right, top, bottom } = area
  const yOf = (height: number): number => bottom - height * (bottom - top)
  const level = ({ height }: Tick): number[] => [left, crisp(yOf(height)), right, crisp(yOf(height))]
  const name = textAt(left + 20, top - 12, fitted(panel.name, right - left - 200, 13), 'ink', 'start', {
    size: 13,
    isBold: true,
  })
  return [
    ruled(
      'grid',
      xs.map((x) => [crisp(x), top, crisp(x), bottom]),
    ),
    ruled('grid', panel.ticks.filter(({ value }) => value !== 0).map(level)),
    // What is above nothing and what is below.
    ruled('axis', panel.ticks.filter(({ value }) => value === 0).map(level)),
    ...panel.ticks.map(({ height, label }) => textAt(left - 10, yOf(height) + 4, label, 'muted', 'end')),
    ruled('axis', [[left, crisp(bottom), right, crisp(bottom)]]),
    {
      kind: 'strokes',
      strokes: panel.lines.map((line) => pointsOf(line, panel, area, span)),
      role,
      width: CURVE_WIDTH,
    },
    { kind: 'strokes', strokes: [[left + 1, top - 16.5, left + 13, top - 16.5]], role, width: 3 },
    panel.unit === '' ? name : { ...name, tail: panel.unit },
    textAt(right, top - 12, panel.summary, 'muted', 'end'),
  ]
}

function pointsOf({ at, values }: Line, { scale }: Panel, area: Area, span: number): number[] {
  const { left, right, top, bottom } = area
  const points: number[] = []
  at.forEach((offset, i) => {
    const x = left + (offset / span) * (right - left)
    const y = bottom - heightOf(scale, values[i]!) * (bottom - top)
    points.push(tenth(x), tenth(y))
  })
  return withoutMiddles(points)
}

/** Leaves out what says nothing: points that repeat, and those between two others on one level. */
function withoutMiddles(points: readonly number[]): number[] {
  const kept: number[] = []
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!]
    const n = kept.length
    if (n >= 2 && kept[n - 2] === x && kept[n - 1] === y) continue
    if (n >= 4 && kept[n - 1] === y && kept[n - 3] === y) kept.length = n - 2
    kept.push(x, y)
  }
  return kept
}

function ruled(role: Role, strokes: readonly (readonly number[])[]): Strokes {
  return { kind: 'strokes', strokes, role, width: 1 }
}

function textAt(
  x: number,
  y: number,
  text: string,
  role: Role,
  anchor: Text['anchor'],
  { size = SMALL, isBold = false }: { size?: number; isBold?: boolean } = {},
): Text {
  return { kind: 'text', x: tenth(x), y: tenth(y), text, size, role, anchor, isBold }
}

/**
 * A text that is no wider than `room`, by what characters are wide about; nobody knows the reader's fonts.
 */
function fitted(text: string, room: number, size: number): string {
  const characters = Array.from(text)
  const most = Math.max(4, Math.floor(room / (size * 0.6)))
  return characters.length <= most ? text : `${characters.slice(0, most - 3).join('')}...`
}

/** The middle of a pixel, so that a line of one pixel is sharp. */
function crisp(position: number): number {
  return Math.floor(position) + 0.5
}

function tenth(position: number): number {
  return Math.round(position * 10) / 10
}
