// `rubidium read`: samples as CSV or NDJSON on standard output. One walk over one instant, in frames of
// bounded size, so that any recording can be read with little memory.

import { Option } from 'commander'
import type { Command } from 'commander'
import type { Channel, Database } from '../index.ts'
import { countOf } from './number-words.ts'
import type { Context } from './program.ts'
import { addRangeOptions, rangeOf } from './range-options.ts'
import type { CommandRange, RangeOptions } from './range-options.ts'
import { ROW_FORMATS, rowWriter } from './row-format.ts'
import type { RowFormat } from './row-format.ts'
import { RowPrinter } from './row-printer.ts'
import type { RowGroup } from './row-printer.ts'
import { selectChannels } from './select-channels.ts'
import type { Terminal } from './terminal.ts'
import { TIME_FORMATS } from './time-text.ts'
import type { TimeFormat } from './time-text.ts'
import { withDatabase } from './with-database.ts'

/**
 * Samples of all channels together that a frame holds at most, about: 8 bytes each, and room to read them.
 */
const FRAME_CELLS = 2_000_000

/** Rows of a frame at most and at least, whatever the number of channels and the limit. */
const FRAME_ROWS = { most: 100_000, least: 1024 } as const

interface Options extends RangeOptions {
  readonly limit?: number
  readonly format: RowFormat
  readonly json?: boolean
  readonly times: TimeFormat
  readonly header: boolean
}

const HELP = `
The first column is the time: named after the index channel where one group is
read, else "time". There is a row for each time at which a channel that is named
has a sample; a cell without one is empty, and in NDJSON left out. Booleans are
true and false; NaN and the infinities are null in NDJSON. Numbers are exact:
64-bit whole numbers keep all their digits, which some JSON readers round.

Examples:
  $ rubidium read flight
  $ rubidium read flight altitude "accel_*" --last 10m > end.csv
  $ rubidium read flight altitude --from 2025-01-01T12:00:00 --limit 100 --format ndjson`

export function addRead(program: Command, { terminal, outcome }: Context): void {
  const command = program
    .command('read')
    .summary('print samples as CSV or NDJSON')
    .description('Prints samples of channels in order of time, as CSV or NDJSON, to standard output.')
    .argument('<dir>', 'directory of the database')
    .argument('[channels...]', 'names or patterns such as "engine.*"; all channels if left out')
  addRangeOptions(command)
    .option('--limit <count>', 'print at most this many rows', countOf)
    .addOption(new Option('--format <format>', 'form of the rows').choices(ROW_FORMATS).default('csv'))
    .option('--json', 'the same as --format ndjson')
    .addOption(
      new Option('--times <form>', 'times in ISO 8601, or in nanoseconds since 1970')
        .choices(TIME_FORMATS)
        .default('iso'),
    )
    .option('--no-header', 'CSV without the line of names')
    .addHelpText('after', HELP)
    .action(async (directory: string, words: string[], options: Options) => {
      await withDatabase(directory, { readOnly: true }, async (db) => {
        await printRows(db, selectChannels(db.channels.list(), words), options, terminal)
      })
      if (terminal.signal.aborted) outcome.code = 130
    })
}

async function printRows(
  db: Database,
  selected: readonly Channel[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const data = selected.filter(({ kind }) => kind === 'data')
  const groups = groupsOf(selected, data)
  const names = [...groups.map(({ index }) => index), ...data.map(({ name }) => name)]
  const writer = rowWriter(
    options.json === true ? 'ndjson' : options.format,
    options.times,
    timeNameOf(groups, data),
    data.map(({ name }) => name),
  )
  const meant = await rangeOf(
    db,
    selected.map(({ name }) => name),
    options,
  )
  if (options.header && writer.header !== '') await terminal.write(writer.header)
  if (names.length === 0) return
  const range = await shownRange(db, groups, meant)
  const limit = options.limit ?? Number.POSITIVE_INFINITY
  const printer = new RowPrinter(writer, groups, limit)
  const rows = Math.min(limit, FRAME_ROWS.most, Math.floor(FRAME_CELLS / names.length))
  for await (const frame of db.frames(names, range, { samples: Math.max(rows, FRAME_ROWS.least) })) {
    for (const piece of printer.pieces(frame)) {
      if (terminal.signal.aborted) return
      await terminal.write(piece)
    }
    // Rows that nothing is shown of are walked over without a word.
    if (printer.isDone || terminal.signal.aborted) return
  }
}

/** The groups of the channels, in the order of their first channel. */
function groupsOf(selected: readonly Channel[], data: readonly Channel[]): RowGroup[] {
  const indexes = [...new Set(selected.map(({ name, index }) => index ?? name))]
  return indexes.map((index) => ({
    index,
    isShown: selected.some(({ name }) => name === index),
    columns: data.flatMap((channel, position) => (channel.index === index ? [{ channel, position }] : [])),
  }))
}

/** No column may have the name of another. */
function timeNameOf(groups: readonly RowGroup[], data: readonly Channel[]): string {
  const [only] = groups
  if (only !== undefined && groups.length === 1) return only.index
  let name = 'time'
  while (data.some((channel) => channel.name === name)) name += '_'
  return name
}

/** Narrowed to where there is something to show: the times of a group may go far beyond its data. */
async function shownRange(
  db: Database,
  groups: readonly RowGroup[],
  range: CommandRange,
): Promise<CommandRange> {
  let { start, end } = { start: undefined as bigint | undefined, end: undefined as bigint | undefined }
  for (const { index, isShown, columns } of groups) {
    for (const name of isShown ? [index] : columns.map(({ channel }) => channel.name)) {
      const bounds = await db.bounds(name)
      if (bounds === undefined) continue
      if (start === undefined || bounds.start < start) start = bounds.start
      if (end === undefined || bounds.end > end) end = bounds.end
    }
  }
  if (start === undefined || end === undefined) return { start: 0n, end: 0n }
  if (range.start !== undefined && range.start > start) start = range.start
  if (range.end !== undefined && range.end < end) end = range.end
  return start < end ? { start, end } : { start: 0n, end: 0n }
}
