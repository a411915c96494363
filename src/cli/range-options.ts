// The range of time that a command looks at: `--from`, `--to` and `--last`, the same in every command.
// Recordings are old: `--last` is counted back from their newest sample, not from the clock.

import type { Command } from 'commander'
import type { Database, Snapshot } from '../index.ts'
import { CommandError } from './command-error.ts'
import { spanOf, timeOf } from './time-words.ts'

/** What `addRangeOptions` adds to a command's options. Times and the span in nanoseconds. */
export interface RangeOptions {
  readonly from?: bigint
  readonly to?: bigint
  readonly last?: bigint
}

/** A range to read or delete: the start inclusive, the end exclusive, either side unbounded if left out. */
export interface CommandRange {
  readonly start?: bigint
  readonly end?: bigint
}

/** Before this no time is, and a span counted back may reach. */
const EARLIEST = -(2n ** 63n)

/** Adds `--from TIME`, `--to TIME` and `--last SPAN`. */
export function addRangeOptions(command: Command): Command {
  return command
    .option('--from <time>', 'from this time on: ISO 8601, a date, or nanoseconds since 1970', timeOf)
    .option('--to <time>', 'up to this time, which is not part of it', timeOf)
    .option('--last <span>', 'as much time before the newest sample (before --to), such as 10m', spanOf)
}

/**
 * The range that the options mean for these channels.
 * @param reads where the newest sample is looked up, and the range is to be read
 * @throws CommandError where the options contradict each other; what reads throw
 */
export async function rangeOf(
  reads: Pick<Database | Snapshot, 'bounds' | 'latest'>,
  names: readonly string[],
  { from, to, last }: RangeOptions,
): Promise<CommandRange> {
  if (from !== undefined && last !== undefined)
    throw new CommandError('--from and --last are two ways to say where to begin: give one of them')
  if (from !== undefined && to !== undefined && from > to)
    throw new CommandError('--from lies after --to: nothing is between them')
  if (last === undefined) {
    return { ...(from === undefined ? {} : { start: from }), ...(to === undefined ? {} : { end: to }) }
  }
  const newest = await newestOf(reads, names, to)
  // No sample, no time to count back from: an empty range, so that nobody deletes by mistake.
  if (newest === undefined) return { start: 0n, end: 0n }
  const start = newest - last + 1n
  return { start: start < EARLIEST ? EARLIEST : start, end: newest + 1n }
}

/** The time of the newest sample of any of the channels, before `to` where that is given. */
async function newestOf(
  reads: Pick<Database | Snapshot, 'bounds' | 'latest'>,
  names: readonly string[],
  to: bigint | undefined,
): Promise<bigint | undefined> {
  let newest: bigint | undefined
  const consider = (time: bigint | undefined): void => {
    if (time !== undefined && (newest === undefined || time > newest)) newest = time
  }
  if (to === undefined) {
    for (const name of names) {
      const bounds = await reads.bounds(name)
      if (bounds !== undefined) consider(bounds.end - 1n)
    }
  } else if (to > EARLIEST && names.length > 0) {
    const frame = await reads.latest(names, 1, { at: to - 1n, timestamps: true })
    for (const name of names) consider(frame.timestamps(name)[0])
  }
  return newest
}
