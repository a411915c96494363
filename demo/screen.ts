// What the demo writes to the terminal: paint, numbers that a person can read, and a progress line that
// stands below the text while something runs. Without a terminal there is neither paint nor cursor
// movement: progress comes as plain lines, so that a log of the run reads well. Called by all of demo/.

import { stripVTControlCharacters as visible } from 'node:util'

const isTerminal = process.stdout.isTTY === true && process.env['TERM'] !== 'dumb'
const isColoured = isTerminal && (process.env['NO_COLOR'] ?? '') === ''

/** Columns to fill; 80 where nobody says, at most 100. */
export const width: number = Math.max(40, Math.min(100, (process.stdout.columns || 81) - 1))

const wrap =
  (code: number, reset: number) =>
  (text: string): string =>
    isColoured ? `\u001b[${code}m${text}\u001b[${reset}m` : text

export const paint: Readonly<
  Record<'bold' | 'dim' | 'green' | 'red' | 'cyan' | 'yellow', (text: string) => string>
> = {
  bold: wrap(1, 22),
  dim: wrap(2, 22),
  green: wrap(32, 39),
  red: wrap(31, 39),
  cyan: wrap(36, 39),
  yellow: wrap(33, 39),
}

let progressLine = ''

// Who reads only the first lines has closed the pipe: there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

/** Writes lines of text; a progress line that is shown moves below them. */
export function say(text = ''): void {
  erase()
  process.stdout.write(`${text}\n`)
  draw()
}

/** Writes a text broken into lines that fit; the first begins with `title`, the others are indented as deep. */
export function tell(title: string, text: string): void {
  const indent = visible(title).length
  let line = title
  let isEmpty = true
  // A number and what it counts stay together.
  for (const word of text.replaceAll(/(?<=\d) (?=\S)/g, '\u00a0').split(' ')) {
    if (!isEmpty && visible(line).length + 1 + visible(word).length > width) {
      say(line)
      line = ' '.repeat(indent)
      isEmpty = true
    }
    line += (isEmpty ? '' : ' ') + word.replaceAll('\u00a0', ' ')
    isEmpty = false
  }
  say(line)
}

/** A heading with the number of an act of the story. */
export function heading(number: number, title: string): void {
  say(`\n${paint.bold(paint.cyan(`${number}`))} ${paint.bold(title)}`)
}

/** Shows how far something is: redrawn in place on a terminal, a line of its own elsewhere. */
export function progress(text: string): void {
  if (!isTerminal) return say(text)
  erase()
  progressLine = text
  draw()
}

/** Takes the progress line away. */
export function endProgress(): void {
  erase()
  progressLine = ''
}

/** Whether progress is drawn in place. */
export const isLive: boolean = isTerminal

function erase(): void {
  if (progressLine !== '') process.stdout.write('\r\u001b[2K')
}

function draw(): void {
  if (progressLine !== '') process.stdout.write(progressLine)
}

/** A bar of `cells` characters, `share` (0 to 1) of it filled. */
export function bar(share: number, cells: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * cells)
  return paint.cyan('█'.repeat(filled)) + paint.dim('░'.repeat(cells - filled))
}

/** `12345` as `12,345`. */
export function whole(value: number | bigint): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** Bytes with a binary unit: `1.2 MiB`. */
export function bytes(count: number): string {
  if (Math.abs(count) < 1024) return `${whole(count)} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = -1
  do {
    value /= 1024
    unit++
  } while (Math.abs(value) >= 1024 && unit < units.length - 1)
  return `${digits(value)} ${units[unit]}`
}

/** A time given in milliseconds, in the unit that suits it: `85 us`, `1.4 ms`, `8.0 s`. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${digits(ms / 1000)} s`
  if (ms >= 1) return `${digits(ms)} ms`
  return `${digits(ms * 1000)} us`
}

/** About three significant digits, never in powers of ten. */
export function digits(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 100) return whole(value)
  return value.toFixed(size >= 10 ? 1 : 2)
}

/** `1 commit`, `2 commits`. */
export function several(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
}
