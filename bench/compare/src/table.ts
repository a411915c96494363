// Tables of what was measured, in markdown: medians with their ratio to better-sqlite3 (above 1: better),
// and the spread. Called by run.ts.

import type { Figures } from './workloads.ts'

/** One process's figures. */
export interface Measured {
  readonly engine: string
  readonly workload: string
  readonly repeat: number
  readonly figures: Figures
}

interface Line {
  readonly title: string
  readonly workload: string
  readonly figure: string
  /** Rates are better when they are higher, times and sizes when they are lower. */
  readonly best: 'highest' | 'lowest'
  readonly format: (value: number) => string
}

const BASE = 'sqlite'

const rate = (value: number): string =>
  value >= 1e6 ? `${digits(value / 1e6)} M` : value >= 1e3 ? `${digits(value / 1e3)} k` : digits(value)
const ms = (seconds: number): string => `${digits(seconds * 1000)} ms`
const mb = (bytes: number): string => `${digits(bytes / 1e6)} MB`

const LINES: readonly Line[] = [
  { title: 'bulk, rows/s', workload: 'bulk', figure: 'rows/s', best: 'highest', format: rate },
  { title: 'live, commits/s', workload: 'live', figure: 'commits/s', best: 'highest', format: rate },
  { title: 'durable, commits/s', workload: 'durable', figure: 'commits/s', best: 'highest', format: rate },
  {
    title: 'durable, 16 in flight, commits/s',
    workload: 'together',
    figure: 'commits/s',
    best: 'highest',
    format: rate,
  },
  { title: 'windows/s', workload: 'windows', figure: 'windows/s', best: 'highest', format: rate },
  {
    title: 'windows/s after reclaiming',
    workload: 'reclaim',
    figure: 'windows/s',
    best: 'highest',
    format: rate,
  },
  { title: 'idle work before', workload: 'reclaim', figure: 'settle s', best: 'lowest', format: ms },
  { title: 'delete of a tenth', workload: 'reclaim', figure: 'delete s', best: 'lowest', format: ms },
  { title: 'reclaim', workload: 'reclaim', figure: 'reclaim s', best: 'lowest', format: ms },
  {
    title: 'delete of a tenth and reclaim',
    workload: 'reclaim',
    figure: 'delete and reclaim s',
    best: 'lowest',
    format: ms,
  },
  { title: 'on disk after bulk', workload: 'bulk', figure: 'bytes', best: 'lowest', format: mb },
  { title: 'on disk after reclaiming', workload: 'reclaim', figure: 'bytes', best: 'lowest', format: mb },
]

/** Medians; beside each its ratio to better-sqlite3's, where that took part. */
export function medianTable(
  measured: readonly Measured[],
  engines: readonly string[],
  titles: readonly string[],
): string {
  return table(measured, titles, ({ workload, figure, best, format }) => {
    const base = median(valuesOf(measured, BASE, workload, figure))
    return engines.map((engine) => {
      const value = median(valuesOf(measured, engine, workload, figure))
      if (engine === BASE || Number.isNaN(base)) return format(value)
      const ratio = best === 'highest' ? value / base : base / value
      return `${format(value)} (${ratio >= 1000 ? '> 1000' : digits(ratio)}x)`
    })
  })
}

/** The worst and the best of all repeats. */
export function spreadTable(
  measured: readonly Measured[],
  engines: readonly string[],
  titles: readonly string[],
): string {
  return table(measured, titles, ({ workload, figure, best, format }) =>
    engines.map((engine) => {
      const values = valuesOf(measured, engine, workload, figure).toSorted((a, b) => a - b)
      const ends = [format(values[0]!), format(values.at(-1)!)]
      return (best === 'highest' ? ends : ends.toReversed()).join(' to ')
    }),
  )
}

function table(
  measured: readonly Measured[],
  titles: readonly string[],
  cells: (line: Line) => string[],
): string {
  const lines = LINES.filter(({ workload }) => measured.some((each) => each.workload === workload))
  const rows = lines.map((line) => `| ${[line.title, ...cells(line)].join(' | ')} |`)
  return [`| | ${titles.join(' | ')} |`, `| --- |${' ---: |'.repeat(titles.length)}`, ...rows].join('\n')
}

function valuesOf(measured: readonly Measured[], engine: string, workload: string, figure: string): number[] {
  return measured
    .filter((each) => each.engine === engine && each.workload === workload)
    .map(({ figures }) => figures[figure]!)
}

/** NaN of nothing. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

/** Two or three digits that mean something. */
function digits(value: number): string {
  if (value < 0.1) return value.toFixed(3)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
