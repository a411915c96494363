// Into which channels the columns go: their names, and what the database has of them already. A channel
// that exists gives its type and its unit; nothing is bent to fit. Pure but for looking channels up.
// Called after the header was read, before the rows are.

import type { Channel, DataType } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import type { Header } from './header.ts'
import type { ImportOptions } from './import-options.ts'
import { columnsNamed, unknownColumn } from './time-column.ts'
import type { TimeColumn } from './time-column.ts'

/** A column that is to be a channel, if its cells can. */
export interface Target {
  readonly column: string
  /** Of its cell in a row. */
  readonly position: number
  readonly name: string
  readonly unit: string | undefined
  /** Given, or that of the channel; guessed from the cells where undefined. */
  readonly type: DataType | undefined
  readonly exists: boolean
}

/** Where all goes. */
export interface Targets {
  /** The name of the index channel. */
  readonly index: string
  readonly indexExists: boolean
  readonly columns: readonly Target[]
}

/** Finds a channel of the database by its name. */
export type FindChannel = (name: string) => Channel | undefined

/** Most bytes of a name in UTF-8, by the rules of the database. */
const NAME_LIMIT = 255
const TYPES: ReadonlySet<string> = new Set<DataType>([
  ...(['timestamp', 'float64', 'float32', 'int64', 'int32', 'int16', 'int8'] as const),
  ...(['uint64', 'uint32', 'uint16', 'uint8', 'boolean'] as const),
])

/** Whether the word is a type of channels. */
export function isType(word: string): word is DataType {
  return TYPES.has(word)
}

/** All types, for messages. */
export const TYPE_NAMES: string = [...TYPES].join(', ')

/**
 * Where the columns go.
 * @throws CommandError for a column that is not there, names that are taken twice, and channels of the
 * database that are something else
 */
export function targetsOf(
  { names }: Header,
  time: TimeColumn,
  options: ImportOptions,
  find: FindChannel,
): Targets {
  const { prefix = '', types = {}, units = {}, renames = {} } = options
  const timeNames = time.positions.map((at) => names[at]!)
  for (const [option, columns] of [
    ['--type', types],
    ['--unit', units],
    ['--rename', renames],
  ] as const)
    for (const column of Object.keys(columns)) refuseUnknown(names, timeNames, option, column)
  const [first = ''] = timeNames
  const index = options.index ?? `${prefix}${timeNames.length === 1 ? (renames[first] ?? first) : 'time'}`
  const found = find(index)
  if (found !== undefined && found.kind !== 'index')
    throw new CommandError(`channel "${index}" exists and is no index channel: name another with --index`)
  const columns = selected(names, options, time).map((position): Target => {
    const column = names[position]!
    const name = `${prefix}${own(renames, column) ?? column}`
    return {
      column,
      position,
      name,
      ...kept(find(name), name, index, own(types, column), own(units, column)),
    }
  })
  refuseNames(index, columns)
  return { index, indexExists: found !== undefined, columns }
}

/** Positions of the columns that are data and wanted. */
function selected(names: readonly string[], { only, skip }: ImportOptions, time: TimeColumn): number[] {
  const named = (words: readonly string[], option: string): Set<number> =>
    new Set(words.flatMap((word) => columnsNamed(names, word, option)))
  const wanted = only === undefined ? undefined : named(only, '--only')
  const unwanted = named(skip ?? [], '--skip-columns')
  return names.flatMap((_, at) => {
    const isWanted = (wanted?.has(at) ?? true) && !unwanted.has(at) && !time.positions.includes(at)
    return isWanted ? [at] : []
  })
}

/** What a channel keeps of its own where it exists. */
function kept(
  channel: Channel | undefined,
  name: string,
  index: string,
  type: DataType | undefined,
  unit: string | undefined,
): Pick<Target, 'type' | 'unit' | 'exists'> {
  if (channel === undefined) return { type, unit, exists: false }
  const what =
    channel.kind === 'index'
      ? 'an index channel'
      : channel.index !== index
        ? `a channel of index "${channel.index}", not of "${index}"`
        : type !== undefined && channel.type !== type
          ? `of type ${channel.type}, not ${type}`
          : unit !== undefined && channel.unit !== unit
            ? channel.unit === undefined
              ? 'without a unit'
              : `in ${channel.unit}, not in ${unit}`
            : undefined
  if (what !== undefined)
    throw new CommandError(
      `channel "${name}" exists and is ${what}: use other names with --prefix, --rename or --index`,
    )
  return { type: channel.type, unit: channel.unit, exists: true }
}

function refuseUnknown(
  names: readonly string[],
  timeNames: readonly string[],
  option: string,
  column: string,
): void {
  if (!names.includes(column)) throw unknownColumn(names, column, option)
  if (!timeNames.includes(column)) return
  // The index of a single column has its name, so that can be another; nothing else of it can.
  if (option === '--rename' && timeNames.length === 1) return
  throw new CommandError(`${option}: column "${column}" is the time`)
}

function refuseNames(index: string, columns: readonly Target[]): void {
  const taken = new Map([[index, 'the time']])
  for (const name of [index, ...columns.map((target) => target.name)])
    if (name === '' || Buffer.byteLength(name) > NAME_LIMIT)
      throw new CommandError(
        name === ''
          ? 'the name of a channel cannot be empty: give one with --rename'
          : `the name "${name.slice(0, 40)}..." is longer than ${NAME_LIMIT} bytes: give a shorter one with --rename`,
      )
  for (const { column, name } of columns) {
    const other = taken.get(name)
    if (other !== undefined)
      throw new CommandError(
        `"${column}" and ${other} would both be channel "${name}": name one with --rename or --index`,
      )
    taken.set(name, `"${column}"`)
  }
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
