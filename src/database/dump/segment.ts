// Segments in words: extents, what of them holds, their blocks, and the bytes between them. Called by dump.ts
// with what survey/extents.ts finds.

import { BLOCK_SAMPLES, EXTENT_HEADER_SIZE, TABLE_HEADER_SIZE } from '../../segment/extent-layout.ts'
import type { BlockTable } from '../../segment/block-table.ts'
import type { DumpEntry, DumpValue } from './entry.ts'
import { several, timeText } from './entry.ts'
import type { ExtentGap, SampleRange, WalkedExtent } from '../survey/extents.ts'

/** Bytes in which no extent begins that can be believed. */
export function extentGapEntry({ offset, length, isZero }: ExtentGap): DumpEntry {
  const why = isZero
    ? 'zeroes: given back, lost, or never written'
    : 'no sound extent begins here: damaged, or given up'
  const text = `${several(length, 'byte')}: ${why}`
  return { what: 'gap', level: 0, offset, length, text, fields: { zero: isZero } }
}

/** An extent, then its blocks. */
export function* extentEntries(extent: WalkedExtent, details: boolean): Generator<DumpEntry> {
  const { offset, length, header, type, fault, lost, table } = extent
  const { channel, count, isIndex, epoch, lsn, firstTime, lastTime } = header
  const kind = type ?? `type ${header.typeCode}`
  const what = `${several(count, 'sample')} of channel ${channel} (${isIndex ? 'index' : kind})`
  const times = `from ${timeText(firstTime)} to ${timeText(lastTime)}`
  const text = `${what} ${times}, epoch ${epoch}, LSN ${lsn}${damageText(extent)}`
  const fields: Record<string, DumpValue> = {
    channel,
    type: kind,
    index: isIndex,
    samples: count,
    first: timeText(firstTime),
    last: timeText(lastTime),
    epoch,
    lsn,
    tableOffset: header.tableOffset,
    lost: lost.map((range) => ({ ...range })),
    ...(fault === undefined ? {} : { fault: { ...fault } }),
  }
  const sound = fault === undefined && lost.length === 0
  yield { what: 'extent', level: 0, offset, length, sound, text, fields }
  if (details && table !== undefined) yield* blockEntries(offset, table, lost)
}

function damageText({ fault, lost }: WalkedExtent): string {
  if (fault !== undefined) return `; ${fault.what} (at ${fault.offset})`
  if (lost.length === 0) return ''
  const shown = lost.slice(0, 8).map(({ from, to }) => `${from} to ${to - 1}`)
  const more = lost.length > shown.length ? ` and ${lost.length - shown.length} more stretches` : ''
  return `; samples ${shown.join(', ')}${more} do not match their checksums`
}

function* blockEntries(
  offset: number,
  table: BlockTable,
  lost: readonly SampleRange[],
): Generator<DumpEntry> {
  const { count, width, header } = table
  const tableAt = offset + header.tableOffset
  for (let block = 0; block * BLOCK_SAMPLES < count; block++) {
    const from = block * BLOCK_SAMPLES
    const to = Math.min(count, from + BLOCK_SAMPLES)
    const numbers = header.isIndex ? timesOf(table, block) : statisticsOf(table, block)
    const said = Object.entries(numbers).map(([name, value]) => `${name} ${String(value)}`)
    yield {
      what: 'block',
      level: 1,
      offset: offset + EXTENT_HEADER_SIZE + from * width,
      length: (to - from) * width,
      sound: !lost.some((range) => range.from < to && from < range.to),
      text: `samples ${from} to ${to - 1}: ${said.join(', ')}`,
      fields: { from, to, ...numbers, entry: tableAt + TABLE_HEADER_SIZE + 8 * block },
    }
  }
}

function timesOf(
  { firstTimes, lastTimes }: BlockTable,
  block: number,
): Record<string, string | number | boolean> {
  const first = firstTimes[(block * BLOCK_SAMPLES) / 128]
  const last = lastTimes[block]
  return {
    ...(first === undefined ? {} : { first: timeText(first) }),
    ...(last === undefined ? {} : { last: timeText(last) }),
  }
}

/** Infinities are no JSON: they are said as text. */
function statisticsOf(
  { mins, maxs, sums, holdsNaN }: BlockTable,
  block: number,
): Record<string, string | number | boolean> {
  const say = (value: number | undefined): string | number =>
    value === undefined || !Number.isFinite(value) ? String(value) : value
  return {
    min: say(mins[block]),
    max: say(maxs[block]),
    sum: say(sums[block]),
    ...(holdsNaN[block] === 1 ? { holdsNaN: true } : {}),
  }
}
