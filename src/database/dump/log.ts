// Journals and manifests in words: records, edits, the frames of a checkpoint, and what stands between them.
// Pure, but for the walk that feeds it (survey/log.ts). Called by dump.ts.

import { unreachable } from '../../assert.ts'
import type { JournalRecord, Run } from '../../journal/record.ts'
import type { Shape } from '../../journal/shape.ts'
import type { Channel } from '../../telem/channel.ts'
import type { Edit, PointerChange } from '../../version/edit.ts'
import type { DumpEntry, DumpValue } from './entry.ts'
import { detail, pointerDetail, segmentText, several, some, timeText } from './entry.ts'
import type { FrameGap, WalkedManifestFrame, WalkedRecord } from '../survey/log.ts'

/** What stands where no sound frame does. */
export function gapEntry({ offset, length, fault }: FrameGap): DumpEntry {
  if (fault === 'fill') {
    const text = `${several(length, 'byte')} of fill, laid ahead: they say nothing`
    return { what: 'fill', level: 0, offset, length, text, fields: {} }
  }
  const why = {
    short: 'the file ends, or fill begins, before the frame that begins here does',
    damaged: 'damaged: no sound frame begins here',
  }[fault]
  const text = `${several(length, 'byte')}: ${why}`
  return { what: 'gap', level: 0, offset, length, sound: false, text, fields: { fault } }
}

/** A record, then its details. */
export function* recordEntries(step: WalkedRecord, details: boolean): Generator<DumpEntry> {
  const { offset, length, lsn, proven, record, fault } = step
  const marks = { ...(lsn === undefined ? {} : { lsn }), ...(proven === undefined ? {} : { proven }) }
  const common = { what: 'record', level: 0, offset, length, sound: true } as const
  const head = `LSN ${lsn ?? '?'} (proven ${proven ?? '?'})`
  if (record === undefined) {
    const text = `${head} cannot be understood: ${fault ?? ''}`
    yield { ...common, text, fields: { ...marks, fault: fault ?? '' } }
    return
  }
  if (record.kind === 'edit') {
    const { text, fields } = inWords(record.edit)
    yield { ...common, text: `${head} ${text}`, fields: { ...marks, kind: record.edit.kind, ...fields } }
    if (details) yield* editDetails(record.edit)
    return
  }
  const { sections } = record
  const texts = sections.map(({ shape, stream, runs }) => {
    const samples = runs.reduce((sum, { count }) => sum + count, 0)
    return `${several(samples, 'sample')} of channels ${some(shape.keys)} (stream ${stream})`
  })
  yield {
    ...common,
    text: `${head} commit: ${texts.join('; ')}`,
    fields: { ...marks, kind: 'commit', sections: sections.map((section) => sectionFields(section)) },
  }
  if (details) yield* runDetails(sections)
}

type Sections = Extract<JournalRecord, { readonly kind: 'commit' }>['sections']

function sectionFields({ shape, stream, runs }: Sections[number]): DumpValue {
  return { stream, channels: shape.keys, types: shape.types, runs: runs.length }
}

function* runDetails(sections: Sections): Generator<DumpEntry> {
  for (const { shape, stream, runs } of sections) for (const run of runs) yield runDetail(shape, stream, run)
}

function runDetail(shape: Shape, stream: number, run: Run): DumpEntry {
  const { count, joined, parted } = run
  const common = { stream, kind: run.kind, count, joined, parted }
  const goesOn = `${joined ? ', joined' : ''}${parted.length === 0 ? '' : `, parted in ${some(parted)}`}`
  if (run.kind === 'rows') {
    const [first, last] = endsOf(shape, run)
    const text = `${several(count, 'row')} from ${timeText(first)} to ${timeText(last)}${goesOn}`
    return detail('run', text, { ...common, first: timeText(first), last: timeText(last) })
  }
  const { first, last, places } = run
  const where = places.map(
    (place, i) => `${shape.keys[i] ?? '?'} in ${segmentText(place.segment)} at ${place.offset}`,
  )
  const text = `${several(count, 'row')} from ${timeText(first)} to ${timeText(last)}, ${some(where, 4)}${goesOn}`
  const fields = {
    ...common,
    first: timeText(first),
    last: timeText(last),
    extents: places.map(({ segment, offset, length }, i) => ({
      channel: shape.keys[i] ?? 0,
      segment: segmentText(segment),
      offset,
      length,
    })),
  }
  return detail('run', text, fields)
}

/** Times of the first and the last row: the index channel is the first column. */
function endsOf(shape: Shape, run: Extract<Run, { readonly kind: 'rows' }>): [bigint, bigint] {
  const { bytes, offsets, from, count } = run
  const at = (offsets[0] ?? 0) + from * (shape.widths[0] ?? 8)
  const data = new DataView(bytes.buffer, bytes.byteOffset + at)
  return [data.getBigInt64(0, true), data.getBigInt64(8 * (count - 1), true)]
}

/** An edit in a line, and its short fields; lists of pointers are details. */
function inWords(edit: Edit): { text: string; fields: Record<string, DumpValue> } {
  switch (edit.kind) {
    case 'begin': {
      const { epoch, bootId, base } = edit
      const from = base === undefined ? '' : `, from ${base.file} (${base.size} bytes)`
      const fields = { epoch, boot: bootId, ...(base === undefined ? {} : { base: { ...base } }) }
      return { text: `begin: epoch ${epoch}, boot "${bootId}"${from}`, fields }
    }
    case 'create':
    case 'redefine': {
      const names = edit.channels.map(({ key, name }) => `${key} "${name}"`)
      return {
        text: `${edit.kind}: ${some(names)}`,
        fields: { channels: edit.channels.map(({ key }) => key) },
      }
    }
    case 'remove':
      return { text: `remove: channels ${some(edit.keys)}`, fields: { channels: edit.keys } }
    case 'flush': {
      const groups = edit.groups.map(({ key, lsn }) => `${key} up to ${lsn}`)
      return {
        text: `flush: groups ${some(groups)}; ${changesText(edit.changes)}`,
        fields: { groups: edit.groups.map((group) => ({ ...group })) },
      }
    }
    case 'delete': {
      const { start, end, keys, extents, parted } = edit.tail
      const text =
        `delete: channels ${some(keys)} from ${timeText(start)} to ${timeText(end)} in tails; ` +
        `${changesText(edit.changes)}; in extents of tails ${changesText(extents)}`
      const fields = {
        channels: keys,
        start: timeText(start),
        end: timeText(end),
        parted: parted.map(({ key, at }) => ({ channel: key, at: timeText(at) })),
      }
      return { text, fields }
    }
    case 'relocate':
      return { text: `relocate: ${changesText(edit.changes)}`, fields: {} }
    case 'drop': {
      const segments = edit.segments.map(segmentText)
      const text = segments.length === 0 ? 'drop: nothing, it carries the mark' : `drop: ${some(segments)}`
      return { text, fields: { segments } }
    }
    case 'punch': {
      const segments = edit.segments.map(({ segment, ranges }) => {
        const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
        return { segment: segmentText(segment), bytes, ranges: ranges.map((range) => ({ ...range })) }
      })
      const texts = segments.map(({ segment, bytes }) => `${bytes} bytes of ${segment}`)
      return { text: `punch: ${some(texts)}`, fields: { segments } }
    }
    default:
      return unreachable(edit)
  }
}

function changesText(changes: readonly PointerChange[]): string {
  if (changes.length === 0) return 'no pointers'
  let [comes, goes] = [0, 0]
  for (const change of changes) {
    comes += change.comes.length
    goes += change.goes?.count ?? 0
  }
  const channels = new Set(changes.map(({ key }) => key)).size
  return `${several(comes, 'pointer')} for ${goes} in ${several(channels, 'channel')}`
}

function* editDetails(edit: Edit): Generator<DumpEntry> {
  if (edit.kind === 'create' || edit.kind === 'redefine') {
    for (const channel of edit.channels) yield channelDetail(channel)
  }
  if ('changes' in edit) yield* changeDetails(edit.changes)
  if (edit.kind === 'delete') yield* changeDetails(edit.tail.extents)
}

function channelDetail(channel: Channel): DumpEntry {
  const { key, name, kind, type, index } = channel
  const of = index === undefined ? '' : `, timed by "${index}"`
  return detail('channel', `${key} "${name}": ${kind}, ${type}${of}`, {
    ...(JSON.parse(JSON.stringify(channel)) as Record<string, DumpValue>),
  })
}

function* changeDetails(changes: readonly PointerChange[]): Generator<DumpEntry> {
  for (const { key, goes, comes } of changes) {
    if (goes !== undefined) {
      const text = `channel ${key}: without ${several(goes.count, 'pointer')} from ${timeText(goes.first)} to ${timeText(goes.last)}`
      const fields = {
        channel: key,
        goes: goes.count,
        first: timeText(goes.first),
        last: timeText(goes.last),
      }
      yield detail('change', text, fields)
    }
    for (const pointer of comes) yield pointerDetail(key, pointer)
  }
}

/** A frame of a manifest, then its details. */
export function* frameEntries(step: WalkedManifestFrame, details: boolean): Generator<DumpEntry> {
  const { offset, length } = step
  const common = { what: 'frame', level: 0, offset, length, sound: true } as const
  switch (step.kind) {
    case 'fault':
      yield {
        ...common,
        text: `kind ${step.code} cannot be understood: ${step.fault}`,
        fields: { kind: step.code, fault: step.fault },
      }
      return
    case 'begin': {
      const { lsn, covers, nextKey, bootId, channels, segments, flushed } = step.begin
      const counts = `${several(Object.keys(channels).length, 'channel')}, ${several(segments.size, 'segment')}`
      const fields = { kind: step.kind, lsn, covers, nextKey, boot: bootId }
      const text = `begin: checkpoint at LSN ${lsn}, covers ${covers}, ${counts}, boot "${bootId}"`
      yield { ...common, text, fields }
      if (!details) return
      for (const channel of Object.values(channels)) yield channelDetail(channel)
      for (const [id, { size, live }] of segments)
        yield detail('segment', `${segmentText(id)}: ${size} bytes, ${live} live`, {
          segment: segmentText(id),
          size,
          live,
        })
      for (const [key, upTo] of flushed.entries())
        yield detail('group', `group ${key}: flushed up to LSN ${upTo}`, { group: key, lsn: upTo })
      return
    }
    case 'holes': {
      const { segment, ranges } = step
      const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
      yield {
        ...common,
        text: `holes: ${bytes} bytes of ${segmentText(segment)} in ${several(ranges.length, 'range')}`,
        fields: {
          kind: step.kind,
          segment: segmentText(segment),
          ranges: ranges.map((range) => ({ ...range })),
        },
      }
      return
    }
    case 'pointers': {
      const { key, pointers } = step
      const [first, last] = [pointers[0], pointers.at(-1)]
      const times =
        first === undefined || last === undefined
          ? ''
          : ` from ${timeText(first.start)} to ${timeText(last.end - 1n)}`
      const text = `pointers: ${several(pointers.length, 'pointer')} of channel ${key}${times}`
      yield { ...common, text, fields: { kind: step.kind, channel: key, pointers: pointers.length } }
      if (details) for (const pointer of pointers) yield pointerDetail(key, pointer)
      return
    }
    case 'end': {
      const { frames, pointers } = step
      const text = `end: the checkpoint is whole, ${several(frames, 'frame')} and ${several(pointers, 'pointer')} before it`
      yield { ...common, text, fields: { kind: step.kind, frames, pointers } }
      return
    }
    case 'archive': {
      const { covers, proven, edits } = step
      const text = `archive: ${several(edits.length, 'edit')}, covers ${covers}, proven ${proven}`
      yield { ...common, text, fields: { kind: step.kind, covers, proven, edits: edits.length } }
      if (!details) return
      for (const { lsn, edit } of edits) {
        const words = inWords(edit)
        yield detail('edit', `LSN ${lsn} ${words.text}`, { lsn, kind: edit.kind, ...words.fields })
        yield* editDetails(edit)
      }
      return
    }
    default:
      unreachable(step)
  }
}
