// Numbers as people read them: whole numbers in groups, bytes and durations in the unit that suits, times
// without digits that say nothing. Pure. Called by every command that prints for people.

import { toISO } from '../index.ts'

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB']
const SPANS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000_000_000],
  ['h', 3_600_000_000_000],
  // Not `m`, as in spans that are given: beside values it reads as metres.
  ['min', 60_000_000_000],
  ['s', 1_000_000_000],
  ['ms', 1_000_000],
  ['us', 1000],
]

/** `12345` as `12,345`. */
export function whole(value: number | bigint): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** `1 sample`, `2 samples`. */
export function several(count: number | bigint, noun: string, plural: string = `${noun}s`): string {
  return `${whole(count)} ${Number(count) === 1 ? noun : plural}`
}

/** Bytes with a binary unit: `1.2 MiB`. */
export function bytes(count: number): string {
  if (Math.abs(count) < 1024) return `${whole(count)} B`
  let value = count
  let unit = -1
  do {
    value /= 1024
    unit++
  } while (Math.abs(value) >= 1024 && unit < UNITS.length - 1)
  return `${digits(value)} ${UNITS[unit]}`
}

/** A span of nanoseconds in the largest unit it fills: `1.5 h`, `2 min`, `20 ms`, `3 ns`. */
export function duration(span: bigint): string {
  const value = Number(span)
  const fitting = SPANS.find(([, nanos]) => Math.abs(value) >= nanos)
  return fitting === undefined ? `${whole(span)} ns` : `${digits(value / fitting[1])} ${fitting[0]}`
}

/** About three significant digits, never in powers of ten below a million million. */
export function digits(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 100) return whole(Math.round(value))
  return value.toFixed(size >= 10 ? 1 : 2)
}

/** A time in ISO 8601, without zeros that end its fraction: `2013-03-01T00:00:00Z`. */
export function time(timestamp: bigint): string {
  return toISO(timestamp).replace(/\.?0+Z$/, 'Z')
}

/** A text with the directory in the place of the word DIR, so that what it tells to run can be run. */
export function withDirectory(text: string, directory: string): string {
  return text.replaceAll(/\bDIR\b/g, () => shellWord(directory))
}

/** A path as a shell takes it: in quotes where it needs them. */
export function shellWord(path: string): string {
  return /^[\w./:@%+,-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

/** A text on one line, harmless to a terminal: control characters are written as `\u{1b}`. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
}
