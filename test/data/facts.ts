// The facts about the real recordings, as each set's SOURCE.md states them: parsed from its tables and the
// line above them, so that no figure is copied into the project. They were worked out by other programs than
// ours, which is what makes them worth comparing with. Called by the tests of the recordings.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the recordings, beside the project. It may be absent. */
export const DATA: string = fileURLToPath(new URL('../../../shared/data', import.meta.url))

/** Whether the recordings are there; where they are not, it says loudly what is not tested. */
export function hasRecordings(tested: string): boolean {
  if (existsSync(DATA)) return true
  process.stderr.write(`\nWARNING: no recordings in ../shared/data: ${tested} is NOT TESTED\n\n`)
  return false
}

/** What is known of one column of a file. `min`, `max`, `sum` are left out where they mean nothing. */
export interface ColumnFacts {
  /** From 1 on: a name may occur twice. */
  readonly position: number
  readonly name: string
  readonly type: 'int' | 'float' | 'string' | 'none'
  readonly present: number
  readonly missing: number
  /** As written: an integer may be beyond 2^53. */
  readonly min?: string
  readonly max?: string
  readonly sum?: string
}

/** What is known of one file. */
export interface FileFacts {
  /** Below `DATA`, with `/`. */
  readonly path: string
  readonly rows: number
  /** The earliest and latest timestamp, in ns since 1970 or since the recording's own zero. */
  readonly first: bigint
  readonly last: bigint
  /** Rows less distinct timestamps. */
  readonly duplicates: number
  /** Rows earlier than the row before them. */
  readonly outOfOrder: number
  readonly columns: readonly ColumnFacts[]
}

/** Whether each row of a file is later than the one before it. */
export function isRegular({ duplicates, outOfOrder }: FileFacts): boolean {
  return duplicates + outOfOrder === 0
}

interface Table {
  /** The heading and the lines of text since it, or since the table before. */
  readonly above: readonly string[]
  readonly rows: readonly Readonly<Record<string, string>>[]
}

/** Facts about every CSV file of a set, in the order of its SOURCE.md. @throws Error where a table is not understood */
export function readFacts(set: string): FileFacts[] {
  const tables = parseTables(readFileSync(join(DATA, set, 'SOURCE.md'), 'utf8'))
  return tables.flatMap((table) => {
    const columns = Object.keys(table.rows[0] ?? {})
    if (columns.includes('column')) return [fileFacts(set, table)]
    return columns.includes('first') ? table.rows.map((row) => seriesFacts(set, row)) : []
  })
}

/** A table with one row per column; the file and its times are told in the text above. */
function fileFacts(set: string, { above, rows }: Table): FileFacts {
  const text = above.join('\n')
  const columns = rows.map(columnFacts)
  const times =
    /\((-?\d+) to (-?\d+) ns\)/.exec(text) ??
    /t_ns from (-?\d+) to (-?\d+)/.exec(text) ??
    /, (\d{4}-[\d :-]+?) to (\d{4}-[\d :-]+?),/.exec(text)
  if (times === null) throw new Error(`No times in the text above a table of ${set}: ${text}`)
  return {
    path: `${set}/${fileOf(set, text)}`,
    rows: Number(found(/(\d+) rows/, text)),
    first: instant(times[1]!),
    last: instant(times[2]!),
    duplicates: Number(/duplicate timestamps (\d+)/.exec(text)?.[1] ?? 0),
    outOfOrder: Number(/out of order (\d+)/.exec(text)?.[1] ?? 0),
    columns,
  }
}

/** One row of a table of files that all have the columns `timestamp` and `value`. */
function seriesFacts(set: string, row: Readonly<Record<string, string>>): FileFacts {
  const rows = Number(row['rows'])
  const path = `${set}/${unquote(row['file']!)}.csv`
  const value = { '#': '2', column: 'value', present: row['rows']!, missing: '0', ...row }
  return {
    path,
    rows,
    first: instant(row['first']!),
    last: instant(row['last']!),
    duplicates: Number(row['dup ts']),
    outOfOrder: Number(row['out of order']),
    columns: [columnFacts(value)],
  }
}

function columnFacts(row: Readonly<Record<string, string>>): ColumnFacts {
  const { type = '', min = '', max = '', sum = '' } = row
  const isNumeric = type === 'int' || type === 'float'
  if (!isNumeric && type !== 'string' && type !== 'all missing') throw new Error(`Unknown type "${type}"`)
  return {
    position: Number(row['#']),
    name: unquote(row['column']!),
    type: type === 'all missing' ? 'none' : type,
    present: Number(row['present']),
    missing: Number(row['missing']),
    ...(isNumeric ? { min, max, sum } : {}),
  }
}

/** The file that a text names in backticks, or the station that it has for a heading. */
function fileOf(set: string, text: string): string {
  const named = [...text.matchAll(/`([\w/.-]+\.csv(?:\.gz)?)`/g)].at(-1)?.[1]
  if (named !== undefined) return named
  const name = `PRSA_Data_${found(/^### (\w+)$/m, text)}_20130301-20170228.csv.gz`
  if (!existsSync(join(DATA, set, name))) throw new Error(`The text above a table of ${set} names no file`)
  return name
}

function parseTables(markdown: string): Table[] {
  const tables: Table[] = []
  let above: string[] = []
  let cells: string[][] = []
  for (const line of [...markdown.split('\n'), '']) {
    if (line.startsWith('|')) {
      cells.push(
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      )
      continue
    }
    if (cells.length > 0) {
      const [names, , ...body] = cells
      const rows = body.map((row) => Object.fromEntries(names!.map((name, i) => [name, row[i]!])))
      tables.push({ above, rows })
      above = []
      cells = []
    }
    if (line.startsWith('#')) above = []
    if (line !== '') above.push(line)
  }
  return tables
}

/** A whole number of ns, or a date and time in UTC. */
function instant(text: string): bigint {
  if (/^-?\d+$/.test(text)) return BigInt(text)
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`)
  if (Number.isNaN(ms)) throw new Error(`"${text}" is no time`)
  return BigInt(ms) * 1_000_000n
}

function found(pattern: RegExp, text: string): string {
  const match = pattern.exec(text)
  if (match === null) throw new Error(`Nothing like ${pattern} in: ${text}`)
  return match[1]!
}

function unquote(text: string): string {
  return text.replaceAll('`', '')
}
