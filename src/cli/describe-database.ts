// Gathers what `rubidium info` tells: from the reports of the database, and the files of its directory, and
// by walking over the times of its groups and over the values of the channels that were named, in frames of
// bounded size.

import { bytesOfFiles } from '../fs/user-files.ts'
import type { Channel, Database, Metadata, ReaderStats, RecoveryReport, Stats } from '../index.ts'
import type { Damage } from './damage.ts'
import { damageOf } from './damage.ts'
import { keptFor } from './dead-text.ts'
import { IntervalWatch } from './intervals.ts'
import type { IntervalReport } from './intervals.ts'
import type { Terminal } from './terminal.ts'
import { valueWatch } from './value-summary.ts'
import type { ValueSummary } from './value-summary.ts'

/** First and last time of samples, both inclusive. */
export interface Extent {
  readonly first: bigint
  readonly last: bigint
}

/** What there is to say about an index channel and its data channels. */
export interface GroupReport {
  readonly index: string
  readonly metadata?: Metadata
  /** Names of the data channels. */
  readonly channels: readonly string[]
  /** Samples of the index channel. */
  readonly samples: number
  /** Contiguous stretches of the index channel. */
  readonly stretches: number
  readonly extent?: Extent
  /** Left out for fewer than two samples, and where times are damaged. */
  readonly intervals?: IntervalReport
  /** The first that was met in the times. */
  readonly damage?: Damage
}

/** What there is to say about a data channel that was named. */
export interface ChannelReport {
  readonly channel: Channel
  readonly samples: number
  readonly stretches: number
  /** Bytes of its samples as they are in memory. */
  readonly bytes: number
  readonly extent?: Extent
  /** Left out where values are damaged: figures of some of them would look like those of all. */
  readonly values?: ValueSummary
  /** The first that was met in the values. */
  readonly damage?: Damage
}

/** What there is to say about a database. */
export interface DatabaseReport {
  readonly directory: string
  /** How many channels it has, of all kinds. */
  readonly channels: number
  /** How many index channels it has. */
  readonly groups: number
  /** Of all channels together. */
  readonly samples: number
  readonly extent?: Extent
  readonly segments: Stats['segments']
  /** Bytes that all files take on the disk. */
  readonly size: number
  /** Of these, bytes of removed segments whose files stay while a reader needs them. */
  readonly kept: number
  /** Bytes of manifest and journal. */
  readonly log: number
  readonly recovery?: RecoveryReport
  /** Read-only processes that are registered; the one that asks is left out. */
  readonly readers: readonly ReaderStats[]
}

/** The database as a whole; reads no samples. */
export async function describeDatabase(db: Database): Promise<DatabaseReport> {
  const { channels, segments, log, recovery, readers } = await db.stats()
  const indexes = db.channels.list().filter(({ kind }) => kind === 'index')
  let extent: Extent | undefined
  for (const { name } of indexes) extent = around(extent, await extentOf(db, name))
  const files = await bytesOfFiles(db.directory)
  const others = readers.filter(({ own }) => own !== true)
  const samples = Object.values(channels).reduce((sum, channel) => sum + channel.samples, 0)
  return {
    directory: db.directory,
    channels: Object.keys(channels).length,
    groups: indexes.length,
    samples,
    ...(extent === undefined ? {} : { extent }),
    segments,
    size: [...files.values()].reduce((sum, size) => sum + size, 0),
    kept: keptFor(others) === 0 ? 0 : bytesOfRemoved(files, segments),
    log: log.bytes,
    ...(recovery === undefined ? {} : { recovery }),
    readers: others,
  }
}

/** Segment files that no segment of the database's is in. */
function bytesOfRemoved(files: ReadonlyMap<string, number>, segments: Stats['segments']): number {
  const named = new Set(segments.map(({ name }) => name))
  const removed = [...files].filter(([name]) => name.startsWith('segments/') && !named.has(name))
  return removed.reduce((sum, [, size]) => sum + size, 0)
}

/** A group; reads all its times, up to damage. @throws the signal's reason */
export async function describeGroup(db: Database, index: Channel, terminal: Terminal): Promise<GroupReport> {
  const { name, metadata } = index
  const stats = (await db.stats()).channels[name]!
  const extent = await extentOf(db, name)
  const watch = new IntervalWatch()
  const damage = await walk(db, index, stats.samples, terminal, (frame) => {
    watch.add(frame.column(name) as BigInt64Array)
  })
  const intervals = damage === undefined ? watch.report() : undefined
  return {
    index: name,
    ...(metadata === undefined ? {} : { metadata }),
    channels: db.channels.list().flatMap((channel) => (channel.index === name ? [channel.name] : [])),
    samples: stats.samples,
    stretches: stats.domains,
    ...(extent === undefined ? {} : { extent }),
    ...(intervals === undefined ? {} : { intervals }),
    ...(damage === undefined ? {} : { damage }),
  }
}

/** A data channel; reads all its values, up to damage. @throws the signal's reason */
export async function describeChannel(
  db: Database,
  channel: Channel,
  terminal: Terminal,
): Promise<ChannelReport> {
  const { samples, domains, bytes } = (await db.stats()).channels[channel.name]!
  const extent = await extentOf(db, channel.name)
  const watch = valueWatch(channel.type)
  const damage = await walk(db, channel, samples, terminal, (frame) => watch.add(frame.column(channel.name)))
  return {
    channel,
    samples,
    stretches: domains,
    bytes,
    ...(extent === undefined ? {} : { extent }),
    ...(damage === undefined ? { values: watch.report() } : { damage }),
  }
}

/** Shows all samples, up to the first that are damaged. @returns what is damaged */
async function walk(
  db: Database,
  { name }: Channel,
  total: number,
  terminal: Terminal,
  look: (frame: Awaited<ReturnType<Database['read']>>) => void,
): Promise<Damage | undefined> {
  let seen = 0
  try {
    for await (const frame of db.frames(name)) {
      terminal.signal.throwIfAborted()
      look(frame)
      seen += frame.count(name)
      if (seen < total) terminal.progress(`Reading "${name}": ${Math.floor((100 * seen) / total)} %`)
    }
    return undefined
  } catch (error) {
    return damageOf(error, name)
  } finally {
    terminal.endProgress()
  }
}

async function extentOf(db: Database, name: string): Promise<Extent | undefined> {
  const bounds = await db.bounds(name)
  return bounds === undefined ? undefined : { first: bounds.start, last: bounds.end - 1n }
}

function around(a: Extent | undefined, b: Extent | undefined): Extent | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return { first: a.first < b.first ? a.first : b.first, last: a.last > b.last ? a.last : b.last }
}
