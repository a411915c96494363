// Whether the first line of a file names its columns, and what the columns are called. Pure. Called once
// for a file, with its first rows.

import { CommandError } from '../command-error.ts'
import type { MissingMarkers } from './cells.ts'
import { kindOf } from './cells.ts'
import { iso } from './time-format.ts'

/** What the first rows say. */
export interface Header {
  /** Whether the first row is one. */
  readonly isThere: boolean
  /** A name for each column, all different, none empty. */
  readonly names: readonly string[]
  /** Positions of columns that the header leaves without a name, as a comma at the end of its line does. */
  readonly unnamed: readonly number[]
  readonly notes: readonly string[]
}

/**
 * The names of the columns.
 * @param rows the first rows of the file, at least one
 * @param header whether the first row is a header; found out where left out
 * @param given names in place of the header's, in its order
 * @throws CommandError where there are more or fewer names than columns
 */
export function headerOf(
  rows: readonly (readonly string[])[],
  markers: MissingMarkers,
  header: boolean | undefined,
  given: readonly string[] | undefined,
): Header {
  const [first = [], second] = rows
  const notes: string[] = []
  const isThere = header ?? !isData(first, second, markers)
  if (given !== undefined && given.length !== first.length)
    throw new CommandError(`--columns: ${given.length} names for ${first.length} columns`)
  if (!isThere && header === undefined)
    notes.push(
      given === undefined
        ? 'the first line is data, so the columns are named column_1, column_2, ...: --columns names them, --header says otherwise'
        : 'the first line is data: --header says otherwise',
    )
  const raw = given ?? (isThere ? first : first.map(() => ''))
  const unnamed = isThere ? raw.flatMap((name, at) => (name.trim() === '' ? [at] : [])) : []
  return { isThere, names: distinct(raw, notes, isThere), unnamed, notes }
}

/**
 * Whether the first row is data as the second is: all its cells are numbers or times, or some are and
 * each cell is of the kind of the one below it.
 */
function isData(
  first: readonly string[],
  second: readonly string[] | undefined,
  markers: MissingMarkers,
): boolean {
  const kinds = first.map((cell) => looksOf(cell, markers))
  const isValue = (kind: string): boolean => kind === 'number' || kind === 'time'
  if (!kinds.some(isValue)) return false
  if (kinds.every((kind) => isValue(kind) || kind === 'missing')) return true
  if (second === undefined || second.length !== first.length) return false
  return second.every((cell, at) => {
    const below = looksOf(cell, markers)
    return below === kinds[at] || below === 'missing' || kinds[at] === 'missing'
  })
}

function looksOf(cell: string, markers: MissingMarkers): 'missing' | 'number' | 'time' | 'boolean' | 'text' {
  if (markers.has(cell)) return 'missing'
  const kind = kindOf(cell)
  if (kind === 'boolean') return 'boolean'
  if (kind !== 'text') return 'number'
  return iso(0).read(cell) === undefined ? 'text' : 'time'
}

/** A name for each column: those without one get their number, the second of a name a `_2`. */
function distinct(names: readonly string[], notes: string[], isHeader: boolean): string[] {
  const taken = new Set(names.map((name) => name.trim()))
  const used = new Set<string>()
  return names.map((raw, at) => {
    const name = raw.trim() === '' ? free(`column_${at + 1}`, taken, used) : raw.trim()
    if (!used.has(name)) {
      used.add(name)
      return name
    }
    let number = 2
    while (taken.has(`${name}_${number}`) || used.has(`${name}_${number}`)) number++
    const other = `${name}_${number}`
    used.add(other)
    if (isHeader) notes.push(`column ${at + 1} is named "${name}" as another is: it is "${other}" here`)
    return other
  })
}

function free(name: string, taken: ReadonlySet<string>, used: ReadonlySet<string>): string {
  let found = name
  while (taken.has(found) || used.has(found)) found += '_'
  return found
}
