// `rubidium delete`: says what it will remove, asks, and removes it: from all the channels at once or, if
// anything is in the way, from none.

import type { Command } from 'commander'
import type { Channel, Database } from '../index.ts'
import { CommandError } from './command-error.ts'
import { commandFor, keptFor } from './dead-text.ts'
import { bytes, printable, several, time, whole, withDirectory } from './figures.ts'
import type { Context } from './program.ts'
import { addRangeOptions, rangeOf } from './range-options.ts'
import type { CommandRange, RangeOptions } from './range-options.ts'
import { selectChannels } from './select-channels.ts'
import { table } from './table.ts'
import { createPaint } from './terminal.ts'
import type { Terminal } from './terminal.ts'
import { withDatabase } from './with-database.ts'

interface Options extends RangeOptions {
  readonly all?: boolean
  readonly withData?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

/** What would be removed of a channel. */
interface Loss {
  readonly name: string
  readonly samples: number
  readonly first: bigint
  readonly last: bigint
}

const HELP = `
Times cannot be removed from under samples: who names an index channel names its
data channels too, or gives --with-data. Removed samples are gone at once;
"rubidium gc" gives their bytes back to the disk.

Examples:
  $ rubidium delete flight altitude --to 2025-01-01T12:00:00
  $ rubidium delete flight time --with-data --last 10m
  $ rubidium delete flight "accel_*" --all --yes`

export function addDelete(program: Command, { terminal }: Context): void {
  const command = program
    .command('delete')
    .summary('remove samples of channels')
    .description('Removes the samples of channels in a range of time. The channels themselves stay.')
    .argument('<dir>', 'directory of the database')
    .argument('<channels...>', 'names or patterns such as "engine.*"')
  addRangeOptions(command)
    .option('--all', 'all time, instead of a range')
    .option('--with-data', 'of index channels that are named, the data channels too')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print what was removed as an object')
    .addHelpText('after', HELP)
    .action(async (directory: string, words: string[], options: Options) => {
      refuseUnclearRange(options)
      await withDatabase(directory, { gc: false }, async (db) => {
        const selected = selectChannels(db.channels.list(), words)
        const channels = options.withData === true ? withData(db, selected) : selected
        await deleteFrom(
          db,
          channels.map(({ name }) => name),
          options,
          terminal,
        )
      })
    })
}

async function deleteFrom(
  db: Database,
  names: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const range = await rangeOf(db, names, options)
  const losses = await lossesOf(db, names, range)
  if (losses.length === 0) terminal.note('There is nothing to remove: no samples in that range')
  else {
    await refuseDependents(db, names, range)
    if (options.yes !== true) {
      terminal.note(planText(losses))
      const total = several(sumOf(losses), 'sample')
      const answer = await terminal.confirm(`Remove ${total} of ${several(losses.length, 'channel')}?`)
      if (answer === undefined)
        throw new CommandError('nobody can be asked here: give --yes to remove without asking')
      // What follows `&&` rests on the removal.
      if (!answer) throw new CommandError('nothing was removed')
    }
  }
  const result = await db.delete(names, range, { signal: terminal.signal })
  if (options.json === true) return terminal.write(`${JSON.stringify(result, undefined, 2)}\n`)
  if (losses.length === 0) return
  await terminal.write(
    `Removed ${several(sumOf(losses), 'sample')} of ${several(losses.length, 'channel')}\n`,
  )
  if (result.bytes === 0) return
  const { segments, readers } = await db.stats()
  const until =
    keptFor(readers) > 0 ? ', once no read-only process that `rubidium info DIR` names keeps them' : ''
  const note = `\`${commandFor(segments)}\` gives their bytes back to the disk (about ${bytes(result.bytes)})${until}`
  terminal.note(printable(withDirectory(note, db.directory)))
}

/** @throws CommandError unless it is clear which time is meant */
function refuseUnclearRange({ from, to, last, all }: Options): void {
  const hasRange = from !== undefined || to !== undefined || last !== undefined
  if (all === true && hasRange) throw new CommandError('--all means all time: give it alone, or a range')
  if (all !== true && !hasRange)
    throw new CommandError('say what to remove: --from, --to or --last, or --all for all time')
}

/** @throws CommandError where times are to be removed from under samples that stay */
async function refuseDependents(db: Database, names: readonly string[], range: CommandRange): Promise<void> {
  const staying = db.channels
    .list()
    .filter(({ name, index }) => index !== undefined && names.includes(index) && !names.includes(name))
    .map(({ name }) => name)
  if (staying.length === 0) return
  const counts = await db.count(staying, range)
  const inTheWay = staying.filter((name) => counts[name]! > 0)
  if (inTheWay.length === 0) return
  const list = inTheWay.slice(0, 5).map((name) => `"${name}"`)
  throw new CommandError(
    `${list.join(', ')}${inTheWay.length > 5 ? ', ...' : ''} would keep samples without their times: ` +
      'name the data channels too, or give --with-data',
  )
}

function withData(db: Database, channels: readonly Channel[]): Channel[] {
  const named = new Set(channels.map(({ name }) => name))
  return db.channels
    .list()
    .filter(({ name, index }) => named.has(name) || (index !== undefined && named.has(index)))
}

async function lossesOf(db: Database, names: readonly string[], range: CommandRange): Promise<Loss[]> {
  const counts = await db.count(names, range)
  const losses: Loss[] = []
  for (const name of names) {
    if (counts[name]! === 0) continue
    const { first, last } = await edgesOf(db, name, range)
    losses.push({ name, samples: counts[name]!, first, last })
  }
  return losses
}

/** Times of the first and the last sample in a range that has some. */
async function edgesOf(
  db: Database,
  name: string,
  range: CommandRange,
): Promise<{ first: bigint; last: bigint }> {
  const bounds = (await db.bounds(name))!
  let first = bounds.start
  let last = bounds.end - 1n
  if (range.start !== undefined && range.start > first) {
    for await (const frame of db.frames(name, range, { samples: 1, timestamps: true })) {
      first = frame.timestamps(name)[0]!
      break
    }
  }
  if (range.end !== undefined && range.end <= last) {
    const frame = await db.latest(name, 1, { at: range.end - 1n, timestamps: true })
    last = frame.timestamps(name)[0]!
  }
  return { first, last }
}

/** For standard error, beside the question. */
function planText(losses: readonly Loss[]): string {
  return table(
    { paint: createPaint(false) },
    [{ title: 'CHANNEL' }, { title: 'SAMPLES', align: 'right' }, { title: 'FIRST' }, { title: 'LAST' }],
    losses.map(({ name, samples, first, last }) => [name, whole(samples), time(first), time(last)]),
  ).trimEnd()
}

function sumOf(losses: readonly Loss[]): number {
  return losses.reduce((sum, { samples }) => sum + samples, 0)
}
