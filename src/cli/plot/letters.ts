// Letters as strokes, drawn for this plot: printable ASCII and some signs that units have. A letter is
// points in a grid in which capitals are 7 high and small letters 5, from the baseline upwards; `~` marks
// the control point of a curve, `|` begins another stroke. Pure. Called by `toPng`.

/** Capitals are this share of the size of a text. */
const CAPITAL = 0.72
const CAPITAL_UNITS = 7
/** Between two letters, in units of the grid; thicker ones need more. */
const SPACING = 1.55
const BOLD_SPACING = 1.95
/** Straight pieces of a curve. */
const PIECES = 8

/** Width in units of the grid, then the strokes. */
const SOURCES: Readonly<Record<string, string>> = {
  ' ': '1.6',
  '!': '0.4 0.2,7 0.2,2.2|0.2,0.2 0.2,0',
  '"': '1.8 0.2,7 0.2,5|1.6,7 1.6,5',
  '#': '4.6 1.5,6.6 0.7,0.4|3.9,6.6 3.1,0.4|0.2,4.7 4.5,4.7|0,2.3 4.3,2.3',
  $: '4 3.7,5.5 ~3.3,6.4 2,6.4 ~0.3,6.4 0.3,4.9 ~0.3,3.8 2,3.5 ~3.9,3.2 3.9,2 ~3.9,0.5 2,0.5 ~0.5,0.5 0.1,1.5|2,7.3 2,-0.4',
  '%': '6.4 1.4,7 ~0,7 0,5.4 ~0,3.8 1.4,3.8 ~2.8,3.8 2.8,5.4 ~2.8,7 1.4,7|5.1,7 1.3,0|5,3.2 ~3.6,3.2 3.6,1.6 ~3.6,0 5,0 ~6.4,0 6.4,1.6 ~6.4,3.2 5,3.2',
  '&': '5.2 5.2,0 1.3,4.4 ~0.7,5.1 0.7,5.7 ~0.7,7 2.1,7 ~3.4,7 3.4,5.8 ~3.4,4.7 1.7,3.9 ~0,3.1 0,1.8 ~0,0 2.1,0 ~4.4,0 4.7,3.2',
  "'": '0.4 0.2,7 0.2,5',
  '(': '1.6 1.6,7.6 ~0,5.8 0,2.9 ~0,0 1.6,-1.8',
  ')': '1.6 0,7.6 ~1.6,5.8 1.6,2.9 ~1.6,0 0,-1.8',
  '*': '3 1.5,7 1.5,4|0.2,6.3 2.8,4.7|2.8,6.3 0.2,4.7',
  '+': '4 2,5.2 2,1|0,3.1 4,3.1',
  ',': '0.6 0.4,0.2 0,-1.5',
  '-': '2.2 0,2.8 2.2,2.8',
  '.': '0.6 0.3,0.25 0.3,0',
  '/': '2.8 2.8,7.4 0,-0.8',
  '0': '4 2,7 ~4,7 4,3.5 ~4,0 2,0 ~0,0 0,3.5 ~0,7 2,7',
  '1': '4 0.5,5.6 2.3,7 2.3,0',
  '2': '4 0.1,5.3 ~0.2,7 2,7 ~3.8,7 3.8,5.2 ~3.8,4 2.6,2.8 0,0 4.1,0',
  '3': '4 0.2,6 ~0.7,7 2,7 ~3.7,7 3.7,5.35 ~3.7,3.7 1.9,3.7 1.5,3.7|1.9,3.7 ~4,3.7 4,1.85 ~4,0 2,0 ~0.4,0 0,1.2',
  '4': '4 3.1,0 3.1,7 0,2 4.2,2',
  '5': '4 3.7,7 0.7,7 0.4,3.8 ~1,4.5 2.1,4.5 ~4.1,4.5 4.1,2.3 ~4.1,0 2,0 ~0.5,0 0,1.1',
  '6': '4 3.6,6.1 ~3.1,7 2.1,7 ~0,7 0,3 ~0,0 2,0 ~4,0 4,2.2 ~4,4.3 2.1,4.3 ~0.4,4.3 0,2.5',
  '7': '4 0,7 4,7 1.4,0',
  '8': '4 2,3.8 ~0.3,3.8 0.3,5.4 ~0.3,7 2,7 ~3.7,7 3.7,5.4 ~3.7,3.8 2,3.8 ~0,3.8 0,1.9 ~0,0 2,0 ~4,0 4,1.9 ~4,3.8 2,3.8',
  '9': '4 0.4,0.9 ~0.9,0 1.9,0 ~4,0 4,4 ~4,7 2,7 ~0,7 0,4.8 ~0,2.7 1.9,2.7 ~3.6,2.7 4,4.5',
  ':': '0.6 0.3,4.5 0.3,4.25|0.3,0.25 0.3,0',
  ';': '0.6 0.4,4.5 0.4,4.25|0.4,0.2 0,-1.5',
  '<': '3.8 3.8,5.3 0,3.1 3.8,0.9',
  '=': '4 0,4.2 4,4.2|0,2 4,2',
  '>': '3.8 0,5.3 3.8,3.1 0,0.9',
  '?': '3.4 0,5.5 ~0.3,7 1.8,7 ~3.4,7 3.4,5.5 ~3.4,4.6 2.5,3.9 ~1.6,3.2 1.6,2.1|1.6,0.2 1.6,0',
  '@': '7 5,1.9 ~4.6,1.3 3.6,1.3 ~2,1.3 2,3.1 ~2,4.9 3.6,4.9 ~5,4.9 5,3.4 5,2.4 ~5,1.2 5.9,1.2 ~7,1.2 7,3.3 ~7,7 3.5,7 ~0,7 0,3 ~0,-1.2 3.6,-1.2 ~4.7,-1.2 5.4,-0.8',
  A: '5 0,0 2.5,7 5,0|0.85,2.3 4.15,2.3',
  B: '4.4 0,0 0,7 2.3,7 ~4.1,7 4.1,5.35 ~4.1,3.7 2.3,3.7 0,3.7|2.3,3.7 ~4.4,3.7 4.4,1.85 ~4.4,0 2.3,0 0,0',
  C: '4.8 4.8,5.3 ~4.2,7 2.6,7 ~0,7 0,3.5 ~0,0 2.6,0 ~4.2,0 4.8,1.7',
  D: '4.8 0,0 0,7 2,7 ~4.8,7 4.8,3.5 ~4.8,0 2,0 0,0',
  E: '3.9 3.9,7 0,7 0,0 3.9,0|0,3.7 3.4,3.7',
  F: '3.8 3.8,7 0,7 0,0|0,3.6 3.3,3.6',
  G: '5 4.8,5.4 ~4.2,7 2.6,7 ~0,7 0,3.5 ~0,0 2.6,0 ~5,0 5,2.6 5,3.2 2.9,3.2',
  H: '4.8 0,7 0,0|4.8,7 4.8,0|0,3.7 4.8,3.7',
  I: '0.4 0.2,7 0.2,0',
  J: '3.2 3.2,7 3.2,1.9 ~3.2,0 1.6,0 ~0.2,0 0,1.6',
  K: '4.5 0,7 0,0|4.3,7 0,2.6|1.6,4.2 4.5,0',
  L: '3.7 0,7 0,0 3.7,0',
  M: '5.8 0,0 0,7 2.9,1.6 5.8,7 5.8,0',
  N: '4.8 0,0 0,7 4.8,0 4.8,7',
  O: '5.2 2.6,7 ~5.2,7 5.2,3.5 ~5.2,0 2.6,0 ~0,0 0,3.5 ~0,7 2.6,7',
  P: '4.3 0,0 0,7 2.2,7 ~4.3,7 4.3,5.1 ~4.3,3.2 2.2,3.2 0,3.2',
  Q: '5.2 2.6,7 ~5.2,7 5.2,3.5 ~5.2,0 2.6,0 ~0,0 0,3.5 ~0,7 2.6,7|3.2,1.6 5.2,-0.8',
  R: '4.5 0,0 0,7 2.2,7 ~4.2,7 4.2,5.2 ~4.2,3.4 2.2,3.4 0,3.4|2.4,3.4 4.5,0',
  S: '4.3 4,5.6 ~3.6,7 2.1,7 ~0.3,7 0.3,5.3 ~0.3,4 2.1,3.6 ~4.3,3.2 4.3,1.8 ~4.3,0 2.2,0 ~0.4,0 0,1.5',
  T: '4.8 0,7 4.8,7|2.4,7 2.4,0',
  U: '4.7 0,7 0,2.5 ~0,0 2.35,0 ~4.7,0 4.7,2.5 4.7,7',
  V: '5 0,7 2.5,0 5,7',
  W: '7.2 0,7 1.8,0 3.6,6.6 5.4,0 7.2,7',
  X: '4.7 0.1,7 4.6,0|4.6,7 0.1,0',
  Y: '4.8 0,7 2.4,3.2 4.8,7|2.4,3.2 2.4,0',
  Z: '4.4 0.1,7 4.4,7 0,0 4.4,0',
  '[': '1.4 1.4,7.6 0,7.6 0,-1.6 1.4,-1.6',
  '\\': '2.8 0,7.4 2.8,-0.8',
  ']': '1.4 0,7.6 1.4,7.6 1.4,-1.6 0,-1.6',
  '^': '3.2 0,4.5 1.6,7 3.2,4.5',
  _: '4 0,-1 4,-1',
  '`': '1 0,7.2 1,5.9',
  a: '3.5 3.5,5 3.5,0|3.5,2.5 ~3.5,5 1.8,5 ~0,5 0,2.5 ~0,0 1.8,0 ~3.5,0 3.5,2.5',
  b: '3.6 0,7.2 0,0|0,2.5 ~0,5 1.8,5 ~3.6,5 3.6,2.5 ~3.6,0 1.8,0 ~0,0 0,2.5',
  c: '3.3 3.3,4 ~2.9,5 1.9,5 ~0,5 0,2.5 ~0,0 1.9,0 ~2.9,0 3.3,1',
  d: '3.6 3.6,7.2 3.6,0|3.6,2.5 ~3.6,5 1.8,5 ~0,5 0,2.5 ~0,0 1.8,0 ~3.6,0 3.6,2.5',
  e: '3.6 0,2.6 3.6,2.6 ~3.6,5 1.85,5 ~0,5 0,2.5 ~0,0 1.9,0 ~3,0 3.5,0.9',
  f: '2.3 2.3,7.1 ~1,7.5 1,5.9 1,0|0,4.8 2.2,4.8',
  g: '3.6 3.6,5 3.6,-0.2 ~3.6,-2.1 1.8,-2.1 ~0.6,-2.1 0.1,-1.2|3.6,2.5 ~3.6,5 1.8,5 ~0,5 0,2.5 ~0,0 1.8,0 ~3.6,0 3.6,2.5',
  h: '3.4 0,7.2 0,0|0,2.6 ~0,5 1.9,5 ~3.4,5 3.4,3.1 3.4,0',
  i: '0.4 0.2,4.9 0.2,0|0.2,6.9 0.2,6.7',
  j: '1 0.8,4.9 0.8,-0.8 ~0.8,-2.1 -0.4,-2|0.8,6.9 0.8,6.7',
  k: '3.3 0,7.2 0,0|3.1,4.9 0,1.9|1.2,3 3.3,0',
  l: '0.4 0.2,7.2 0.2,0',
  m: '5.8 0,5 0,0|0,2.8 ~0,5 1.6,5 ~2.9,5 2.9,3.2 2.9,0|2.9,2.8 ~2.9,5 4.5,5 ~5.8,5 5.8,3.2 5.8,0',
  n: '3.4 0,5 0,0|0,2.6 ~0,5 1.9,5 ~3.4,5 3.4,3.1 3.4,0',
  o: '3.8 1.9,5 ~3.8,5 3.8,2.5 ~3.8,0 1.9,0 ~0,0 0,2.5 ~0,5 1.9,5',
  p: '3.6 0,5 0,-2|0,2.5 ~0,5 1.8,5 ~3.6,5 3.6,2.5 ~3.6,0 1.8,0 ~0,0 0,2.5',
  q: '3.6 3.6,5 3.6,-2|3.6,2.5 ~3.6,5 1.8,5 ~0,5 0,2.5 ~0,0 1.8,0 ~3.6,0 3.6,2.5',
  r: '2 0,5 0,0|0,2.4 ~0,5 2,4.9',
  s: '3 2.9,4.1 ~2.5,5 1.5,5 ~0.2,5 0.2,3.8 ~0.2,2.9 1.5,2.6 ~3.1,2.3 3.1,1.3 ~3.1,0 1.6,0 ~0.4,0 0,1',
  t: '2.1 0.9,6.5 0.9,1.3 ~0.9,-0.1 2.1,0.1|0,4.8 2.1,4.8',
  u: '3.4 0,5 0,1.9 ~0,0 1.5,0 ~3.4,0 3.4,2.4|3.4,5 3.4,0',
  v: '3.6 0,5 1.8,0 3.6,5',
  w: '5.4 0,5 1.35,0 2.7,4.8 4.05,0 5.4,5',
  x: '3.4 0.1,5 3.3,0|3.3,5 0.1,0',
  y: '3.6 0,5 1.8,0.2|3.6,5 1.6,-0.6 ~1.1,-2.1 0,-2',
  z: '3.1 0.1,4.9 3,4.9 0,0 3.1,0',
  '{': '1.9 1.9,7.6 ~0.9,7.6 0.9,6.4 0.9,4.2 ~0.9,3 0,3 ~0.9,3 0.9,1.8 0.9,-0.4 ~0.9,-1.6 1.9,-1.6',
  '|': '0.4 0.2,7.6 0.2,-1.6',
  '}': '1.9 0,7.6 ~1,7.6 1,6.4 1,4.2 ~1,3 1.9,3 ~1,3 1,1.8 1,-0.4 ~1,-1.6 0,-1.6',
  '~': '4 0,2.6 ~0.5,3.7 1.3,3.6 ~2,3.3 2.7,2.7 ~3.6,2.2 4,3.3',
  '°': '1.9 0.95,7.2 ~1.9,7.2 1.9,6.2 ~1.9,5.2 0.95,5.2 ~0,5.2 0,6.2 ~0,7.2 0.95,7.2',
  '±': '4 2,5.9 2,2.1|0,4 4,4|0,0.6 4,0.6',
  '·': '0.6 0.3,2.9 0.3,2.7',
  '²': '2 0,6.6 ~0.1,7.5 1,7.5 ~1.9,7.5 1.9,6.6 ~1.9,6 1.3,5.4 0,4 2.1,4',
  '³': '2 0.1,7.1 ~0.4,7.5 1,7.5 ~1.9,7.5 1.9,6.7 ~1.9,5.9 0.9,5.9 ~2.1,5.9 2.1,4.9 ~2.1,4 1,4 ~0.3,4 0,4.5',
  µ: '3.4 0,5 0,-2|0,1.9 ~0,0 1.5,0 ~3.4,0 3.4,2.4|3.4,5 3.4,0',
  Ω: '5.2 0,0 1.6,0 1.6,1.2 ~0,2.2 0,4.1 ~0,7 2.6,7 ~5.2,7 5.2,4.1 ~5.2,2.2 3.6,1.2 3.6,0 5.2,0',
  Δ: '5 0,0 2.5,7 5,0 0,0',
  '–': '4 0,2.8 4,2.8',
}
/** The same sign by another number. */
const ALIASES: Readonly<Record<string, string>> = { μ: 'µ', Ω: 'Ω', '−': '–', '—': '–', '∆': 'Δ' }
/** For what has no letter here: an empty box. */
const UNKNOWN = '3.6 0,0 3.6,0 3.6,7 0,7 0,0'

interface Letter {
  readonly width: number
  /** x and y in turn. */
  readonly strokes: readonly (readonly number[])[]
}

const letters = new Map<string, Letter>()

/** How wide a text is, at the unit of `size`: from the left of its first letter to the right of its last. */
export function textWidth(text: string, size: number, isBold: boolean): number {
  const spacing = isBold ? BOLD_SPACING : SPACING
  const units = lettersOf(text).reduce((sum, { width }) => sum + width + spacing, -spacing)
  return Math.max(0, units) * unitOf(size)
}

/**
 * The strokes of a text, x and y in turn.
 * @param x of the left edge
 * @param y of the baseline, downwards
 */
export function textStrokes(text: string, size: number, isBold: boolean, x: number, y: number): number[][] {
  const unit = unitOf(size)
  const spacing = isBold ? BOLD_SPACING : SPACING
  let left = x
  return lettersOf(text).flatMap(({ width, strokes }) => {
    const from = left
    left += (width + spacing) * unit
    return strokes.map((points) =>
      points.map((value, i) => (i % 2 === 0 ? from + value * unit : y - value * unit)),
    )
  })
}

function unitOf(size: number): number {
  return (size * CAPITAL) / CAPITAL_UNITS
}

/** Accents that no letter here has are left off. */
function lettersOf(text: string): Letter[] {
  return Array.from(text).flatMap((character) => {
    const known = ALIASES[character] ?? character
    if (Object.hasOwn(SOURCES, known)) return [letterOf(known)]
    const bare = Array.from(character.normalize('NFKD').replaceAll(/\p{M}/gu, ''))
    return (bare.length === 0 ? [character] : bare).map(letterOf)
  })
}

function letterOf(character: string): Letter {
  let letter = letters.get(character)
  if (letter === undefined) {
    letter = parsed(Object.hasOwn(SOURCES, character) ? SOURCES[character]! : UNKNOWN)
    letters.set(character, letter)
  }
  return letter
}

function parsed(source: string): Letter {
  const blank = source.indexOf(' ')
  const [width, rest] = blank < 0 ? [source, ''] : [source.slice(0, blank), source.slice(blank + 1)]
  const strokes = rest === '' ? [] : rest.split('|').map(strokeOf)
  return { width: Number(width), strokes }
}

function strokeOf(source: string): number[] {
  const points: number[] = []
  let control: readonly number[] | undefined
  for (const word of source.split(' ')) {
    const [x = 0, y = 0] = word.replace('~', '').split(',').map(Number)
    if (word.startsWith('~')) control = [x, y]
    else {
      if (control === undefined) points.push(x, y)
      else addCurve(points, control, [x, y])
      control = undefined
    }
  }
  return points
}

/** A quadratic curve from the last point on, in straight pieces. */
function addCurve(points: number[], control: readonly number[], end: readonly number[]): void {
  const start = points.slice(-2)
  for (let i = 1; i <= PIECES; i++) {
    const t = i / PIECES
    for (const axis of [0, 1])
      points.push((1 - t) ** 2 * start[axis]! + 2 * t * (1 - t) * control[axis]! + t ** 2 * end[axis]!)
  }
}
