// What `rubidium info` found, as people read it and as JSON. In JSON times are ISO 8601, spans are whole
// nanoseconds, 64-bit values are strings, and what is no number in JSON is a string too. Pure.

import { span, toISO } from '../index.ts'
import type { Metadata } from '../index.ts'
import type { ChannelReport, DatabaseReport, Extent, GroupReport } from './describe-database.ts'
import type { Damage } from './damage.ts'
import { commandFor, keptFor } from './dead-text.ts'
import { bytes, digits, duration, printable, several, time, whole, withDirectory } from './figures.ts'
import { GAP_FACTOR } from './intervals.ts'
import { table } from './table.ts'
import type { TableColumn } from './table.ts'
import type { Paint } from './terminal.ts'

/** The database as a whole. */
export function databaseText(report: DatabaseReport, paint: Paint): string {
  const { live, dead, kept, log, other } = sizesOf(report)
  const lines = [
    paint.bold(report.directory),
    field('channels', `${whole(report.channels)} in ${several(report.groups, 'group')}`),
    field('samples', whole(report.samples)),
    ...extentLines(report.extent),
    field('on disk', bytes(report.size)),
    field('live', bytes(live)),
    field('dead', deadText(report, dead)),
    ...(kept === 0 ? [] : [field('kept', `${bytes(kept)} of removed segments, for readers`)]),
    field('log', bytes(log)),
    field('other', `${bytes(other)}: mostly the reserve for a full disk`),
    field('segments', whole(report.segments.length)),
    ...recoveryLines(report),
    ...readerLines(report),
  ]
  return `${lines.join('\n')}\n`
}

/** Each segment file. */
export function segmentsText(report: DatabaseReport, paint: Paint): string {
  if (report.segments.length === 0) return ''
  const rows = report.segments.map(({ name, live, dead, total }) => [
    name,
    bytes(live),
    bytes(dead),
    bytes(total),
  ])
  const columns: TableColumn[] = [{ title: 'SEGMENT' }, right('LIVE'), right('DEAD'), right('TOTAL')]
  return `\n${table({ paint }, columns, rows)}`
}

/** A group. */
export function groupText(report: GroupReport, paint: Paint): string {
  const { intervals } = report
  const lines = [
    paint.bold(`Group ${printable(report.index)}`),
    field('channels', report.channels.length === 0 ? 'none' : report.channels.join(', ')),
    field('samples', `${whole(report.samples)} in ${several(report.stretches, 'stretch', 'stretches')}`),
    ...extentLines(report.extent),
    ...(intervals === undefined ? [] : [field('interval', `${duration(intervals.typical)}, typically`)]),
    ...(intervals === undefined ? [] : gapLines(intervals)),
    ...(report.damage === undefined ? [] : [field('interval', 'unknown: times are damaged')]),
    ...metadataLines(report.metadata),
  ]
  return `\n${lines.join('\n')}\n`
}

/** Data channels that were named. */
export function channelsText(reports: readonly ChannelReport[], paint: Paint): string {
  if (reports.length === 0) return ''
  const rows = reports.map(({ channel, samples, stretches, bytes: size, values }) => [
    channel.name,
    channel.type,
    channel.unit ?? '',
    whole(samples),
    whole(stretches),
    bytes(size),
    values === undefined ? 'damaged' : valueText(values.min, channel.type),
    channel.type === 'timestamp' ? '' : valueText(values?.mean, 'mean'),
    valueText(values?.max, channel.type),
    values === undefined ? '' : whole(values.nans),
  ])
  const columns: TableColumn[] = [
    { title: 'CHANNEL' },
    { title: 'TYPE' },
    { title: 'UNIT' },
    right('SAMPLES'),
    right('STRETCHES'),
    right('BYTES'),
    right('MIN'),
    right('MEAN'),
    right('MAX'),
    right('NAN'),
  ]
  const metadata = reports.flatMap(({ channel }) =>
    metadataLines(channel.metadata, `metadata of ${channel.name}`),
  )
  return `\n${table({ paint }, columns, rows)}${metadata.map((line) => `${line}\n`).join('')}`
}

/** All of it as one object. */
export function infoJson(
  report: DatabaseReport,
  groups: readonly GroupReport[],
  channels: readonly ChannelReport[],
  listsSegments: boolean,
): unknown {
  const { live, dead, kept, log, other } = sizesOf(report)
  return {
    directory: report.directory,
    channels: report.channels,
    samples: report.samples,
    ...extentJson(report.extent),
    bytes: { total: report.size, live, dead, kept, log, other },
    segments: listsSegments ? report.segments : report.segments.length,
    ...(report.recovery === undefined ? {} : { recovery: report.recovery }),
    readers: report.readers,
    groups: groups.map(groupJson),
    ...(channels.length === 0 ? {} : { values: channels.map(channelJson) }),
  }
}

function groupJson({
  index,
  channels,
  samples,
  stretches,
  extent,
  intervals,
  damage,
  metadata,
}: GroupReport): unknown {
  return {
    index,
    channels,
    samples,
    stretches,
    ...extentJson(extent),
    ...(intervals === undefined
      ? {}
      : {
          typicalInterval: Number(intervals.typical),
          gaps: {
            longerThan: Number(intervals.typical * GAP_FACTOR),
            count: intervals.gaps,
            ...(intervals.longest === undefined
              ? {}
              : {
                  longest: {
                    span: Number(intervals.longest.to - intervals.longest.from),
                    from: toISO(intervals.longest.from),
                    to: toISO(intervals.longest.to),
                  },
                }),
          },
        }),
    ...damageJson(damage),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

function channelJson({
  channel,
  samples,
  stretches,
  bytes: size,
  extent,
  values,
  damage,
}: ChannelReport): unknown {
  const { name, type, unit, index, metadata } = channel
  const isTime = type === 'timestamp'
  return {
    name,
    type,
    ...(unit === undefined ? {} : { unit }),
    index,
    samples,
    stretches,
    bytes: size,
    ...extentJson(extent),
    ...(values?.min === undefined ? {} : { min: valueJson(values.min, isTime) }),
    ...(values?.max === undefined ? {} : { max: valueJson(values.max, isTime) }),
    ...(values?.mean === undefined || isTime ? {} : { mean: valueJson(values.mean, false) }),
    ...(values === undefined ? {} : { nans: values.nans }),
    ...damageJson(damage),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

function damageJson(damage: Damage | undefined): { damage?: Omit<Damage, 'channel'> } {
  if (damage === undefined) return {}
  const { file, offset, what } = damage
  return { damage: { file, offset, what } }
}

function valueJson(value: number | bigint, isTime: boolean): number | string {
  if (typeof value === 'bigint') return isTime ? toISO(value) : String(value)
  return Number.isFinite(value) ? value : String(value)
}

function extentJson(extent: Extent | undefined): { first?: string; last?: string } {
  return extent === undefined ? {} : { first: toISO(extent.first), last: toISO(extent.last) }
}

/** Bytes by what they are for. */
interface Sizes {
  readonly live: number
  readonly dead: number
  readonly kept: number
  readonly log: number
  /** The reserve, headers, marks: what is no sample and no log. */
  readonly other: number
}

function sizesOf({ segments, size, kept, log }: DatabaseReport): Sizes {
  const sum = (key: 'live' | 'dead'): number => segments.reduce((total, segment) => total + segment[key], 0)
  const live = sum('live')
  const dead = sum('dead')
  return { live, dead, kept, log, other: Math.max(0, size - live - dead - kept - log) }
}

/** What of the dead bytes readers keep is not known here: at most so many as their lines say. */
function deadText({ directory, segments, readers }: DatabaseReport, dead: number): string {
  if (dead === 0) return bytes(0)
  const until = keptFor(readers) > 0 ? ' once no reader below keeps them' : ''
  const command = withDirectory(commandFor(segments), directory)
  return `${bytes(dead)} of deleted samples: \`${command}\` gives them back${until}`
}

function field(name: string, value: string): string {
  return `  ${printable(name).padEnd(9)} ${printable(value)}`
}

function extentLines(extent: Extent | undefined): string[] {
  if (extent === undefined) return []
  return [
    field('first', time(extent.first)),
    field('last', `${time(extent.last)}, ${duration(extent.last - extent.first)} later`),
  ]
}

function gapLines({ typical, gaps, longest }: NonNullable<GroupReport['intervals']>): string[] {
  const limit = duration(typical * GAP_FACTOR)
  if (longest === undefined) return [field('gaps', `none longer than ${limit}`)]
  const where = `${duration(longest.to - longest.from)}, from ${time(longest.from)} to ${time(longest.to)}`
  return [field('gaps', `${whole(gaps)} longer than ${limit}; the longest ${where}`)]
}

function recoveryLines({ recovery }: DatabaseReport): string[] {
  if (recovery === undefined || !recovery.crashed) return []
  const { cut } = recovery
  const lost =
    cut === undefined
      ? 'nothing was cut off'
      : `${bytes(cut.bytes)} and ${several(cut.records, 'record')} were cut off ${cut.file}`
  return [field('recovery', `the last writer did not close, or writes now; ${lost}`)]
}

function readerLines({ readers }: DatabaseReport): string[] {
  return readers.map(({ pid, host, since, age, bytes: kept, file }) => {
    const what =
      kept === 0 ? 'keeps nothing from being given back' : `keeps up to ${bytes(kept)} of deleted samples`
    if (since === '')
      return field('reader', `${file} cannot be read, and ${what}: remove it if nobody reads here`)
    const who = `process ${pid} on ${host}`
    return field('reader', `${who}, for ${duration(span(age))}, ${what}`)
  })
}

function metadataLines(metadata: Metadata | undefined, name = 'metadata'): string[] {
  return metadata === undefined ? [] : [field(name, JSON.stringify(metadata))]
}

function valueText(value: number | bigint | undefined, type: string): string {
  if (value === undefined) return ''
  if (typeof value === 'bigint') return type === 'timestamp' ? time(value) : whole(value)
  const size = Math.abs(value)
  return Number.isInteger(value) || (size >= 0.01 && size < 1e12)
    ? digits(value)
    : String(Number(value.toPrecision(4)))
}

function right(title: string): TableColumn {
  return { title, align: 'right' }
}
