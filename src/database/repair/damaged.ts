// What can be told of a database whose logs are damaged or gone: their sound records, and, where some are
// missing, what extents that none of them names say of themselves. Puts the parts together: logs.ts
// reads, history.ts and settle.ts decide, define.ts names. Called by salvage.ts.

import { RubidiumError } from '../../errors.ts'
import type { FileSystem } from '../../fs/file-system.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import type { Channel } from '../../telem/channel.ts'
import { toISO } from '../../telem/timestamp.ts'
import { readCleanMark } from '../opening/clean-mark.ts'
import { define } from './define.ts'
import type { Definitions, Trace } from './define.ts'
import { findExtents, placeOf } from './found.ts'
import type { FoundExtent, FoundExtents } from './found.ts'
import { compareOrder, historyOf } from './history.ts'
import type { Break, History, Said } from './history.ts'
import { besideTimes, cutterOf, indexLookUp } from './cut.ts'
import type { IndexLookUp } from './cut.ts'
import { idOf } from './identity.ts'
import { readLogs } from './logs.ts'
import { pieceOf } from './pieces.ts'
import type { ExtentPiece, Piece, Salvage } from './pieces.ts'
import type { LostRange, Untold } from './report.ts'
import { settle } from './settle.ts'
import type { Cutter } from './settle.ts'
import { RepairSource } from './source.ts'
import { surveyFolder } from '../survey/survey.ts'
import type { Survey } from '../survey/survey.ts'

/**
 * @param isOlder newer records than those that are there must have been lost
 * @throws NotADatabaseError, UnsupportedVersionError, CorruptionError, StorageError, the signal's reason
 */
export async function salvageDamaged(
  files: FileSystem,
  directory: string,
  signal: AbortSignal | undefined,
  isOlder = false,
): Promise<Salvage> {
  const survey = await surveyFolder(files, directory, signal)
  const databaseId = await idOf(files, survey)
  const logs = await readLogs(files, survey, databaseId, signal)
  const untold: Untold[] = [...logs.untold]
  const history = historyOf(logs, await cleanSizesOf(files, survey))
  const found = await findExtents(files, survey, databaseId, untold, signal)
  const unnamed = unnamedOf(history, found, isOlder)
  const source = new RepairSource(files, directory, databaseId)
  const indexOf = indexLookUp(found)
  const notes: Note[] = []
  try {
    const cutter = (key: number): Cutter =>
      cutterOf(source, found, indexOf, (what) => void notes.push({ key, what }))
    const settled = tracesOf(history, found, unnamed, cutter, (piece, key) => {
      const what = `a part of ${piece.count} samples was deleted or replaced, and which part cannot be told: none is taken`
      const place = piece.kind === 'rows' ? {} : { file: pathOf(directory, piece), offset: piece.offset }
      notes.push({ key, what, ...place })
    })
    const traces = alignTraces(settled, found, indexOf)
    const definitions = define(history.channels, traces)
    for (const { key, ...note } of notes) untold.push({ ...note, channel: nameOf(definitions, key) })
    for (const { path, error } of survey.refusals)
      untold.push({ what: `the folder cannot be listed: ${error.message}`, file: path })
    noteBreaks(history, isOlder, untold, directory)
    return {
      databaseId,
      lastLsn: history.lastLsn,
      source: history.count === 0 ? 'segments' : 'logs',
      // Newest journal files that are gone leave no trace, and deletes may have been in them.
      mayHoldDeleted: true,
      channels: definitions.channels,
      groups: groupsOf(definitions.channels, traces),
      untold,
      notes: [],
      lost: homelessOf(definitions, traces, directory),
      guessed: definitions.guessed,
    }
  } finally {
    source.close()
  }
}

/** Something that cannot be told of a channel, before it has a name. */
type Note = Omit<Untold, 'channel'> & { readonly key: number }

function nameOf({ channels, homeless }: Definitions, key: number): string {
  return [...channels, ...homeless].find((each) => each.key === key)?.name ?? `channel-${key}`
}

function pathOf(directory: string, piece: { readonly segment: number }): string {
  return join(directory, segmentFile(piece.segment))
}

/** What the mark of the newest clean close says of manifests: bytes by name. */
async function cleanSizesOf(
  files: FileSystem,
  { directory, files: found }: Survey,
): Promise<ReadonlyMap<string, number>> {
  const newest = found.findLast(({ kind }) => kind === 'clean')
  try {
    const mark = newest === undefined ? undefined : await readCleanMark(files, directory, newest.epoch!)
    return new Map(mark?.logs.map(({ name, size }) => [name, size]))
  } catch (error) {
    if (error instanceof RubidiumError) return new Map()
    throw error
  }
}

/** Extents that nothing known names, where what names them may be lost. */
function unnamedOf(history: History, found: FoundExtents, isOlder: boolean): FoundExtent[] {
  const named = new Set(history.flushedExtents)
  for (const list of history.pointers.values()) for (const pointer of list) named.add(placeOf(pointer))
  for (const list of history.said.values()) {
    for (const said of list)
      if (said.kind === 'claim' && said.piece.kind === 'extent') named.add(placeOf(said.piece))
  }
  const { base, covers, channels } = history
  const unnamed = [...found].flatMap(([place, extent]) => {
    const { key, type, isIndex } = extent
    // What the newest whole checkpoint does not name was dead by then, or named by commits that it does not cover.
    const isOld = base.lsn > 0 && (extent.epoch < base.epoch || extent.lsn < covers)
    if (named.has(place) || isOld || history.isRemoved(key)) return []
    const channel = channels.get(key)
    const fits = channel === undefined || (channel.type === type && (channel.kind === 'index') === isIndex)
    return fits ? [extent] : []
  })
  const isLost = isOlder || history.count === 0 || history.breaks.length > 0 || history.isOpenEnded
  return isLost || unnamed.some(({ lsn }) => lsn > history.lastLsn) ? unnamed : []
}

function tracesOf(
  history: History,
  found: FoundExtents,
  unnamed: readonly FoundExtent[],
  cutter: (key: number) => Cutter,
  onUncut: (piece: Piece, key: number) => void,
): Trace[] {
  const said = new Map<number, Said[]>([...history.said].map(([key, list]) => [key, [...list]]))
  for (const { key, epoch, lsn, piece } of unnamed) {
    const list = said.get(key)
    const claim: Said = { kind: 'claim', order: { epoch, lsn }, piece }
    if (list === undefined) said.set(key, [claim])
    else list.push(claim)
  }
  const keys = [...new Set([...said.keys(), ...history.pointers.keys(), ...history.channels.keys()])]
  return keys
    .filter((key) => !history.isRemoved(key))
    .map((key) => {
      const base = (history.pointers.get(key) ?? []).map(pieceOf)
      // Stable: what an extent says of itself comes after the record that was the newest then.
      const list = (said.get(key) ?? []).sort((a, b) => compareOrder(a.order, b.order))
      const { breaks, base: baseOrder } = history
      const { pieces, uncut } = settle({ base, baseOrder, said: list, breaks }, cutter(key))
      for (const piece of uncut) onUncut(piece, key)
      return {
        key,
        pieces: pieces.map((piece) => dated(piece, found)),
        ...kindOf(history, found, key, pieces),
      }
    })
}

/** Data channels' extents that nothing names, cut as the timestamps that were written with them were. */
function alignTraces(traces: readonly Trace[], found: FoundExtents, indexOf: IndexLookUp): Trace[] {
  const left = new Map<string, ExtentPiece[]>()
  for (const { isIndex, pieces } of traces) {
    for (const piece of isIndex === true ? pieces : []) {
      if (piece.kind === 'rows') continue
      const list = left.get(placeOf(piece))
      if (list === undefined) left.set(placeOf(piece), [piece])
      else list.push(piece)
    }
  }
  return traces.map((trace) =>
    trace.isIndex === true
      ? trace
      : { ...trace, pieces: trace.pieces.flatMap((piece) => besideTimes(piece, found, indexOf, left)) },
  )
}

/** With what its extent says of when it was written. */
function dated(piece: Piece, found: FoundExtents): Piece {
  if (piece.kind === 'rows' || piece.written !== undefined) return piece
  const written = found.get(placeOf(piece))?.piece.written
  return written === undefined ? piece : { ...piece, written }
}

/** What a channel is, told by its definition, by commits, by its extents. */
function kindOf(
  { channels, members }: History,
  found: FoundExtents,
  key: number,
  pieces: readonly Piece[],
): Pick<Trace, 'type' | 'isIndex' | 'index'> {
  const channel = channels.get(key)
  const member = members.get(key)
  const index = member === undefined || member.index === key ? undefined : member.index
  if (channel !== undefined) return { type: channel.type, isIndex: channel.kind === 'index', index }
  if (member !== undefined) return { type: member.type, isIndex: member.index === key, index }
  for (const piece of pieces) {
    const extent = piece.kind === 'extent' ? found.get(placeOf(piece)) : undefined
    if (extent !== undefined) return { type: extent.type, isIndex: extent.isIndex, index }
  }
  return { type: undefined, isIndex: undefined, index }
}

function groupsOf(channels: readonly Channel[], traces: readonly Trace[]): Salvage['groups'] {
  const pieces = new Map(traces.map((trace) => [trace.key, trace.pieces]))
  const dataOf = new Map<string, Channel[]>()
  for (const channel of channels) {
    if (channel.index === undefined) continue
    const data = dataOf.get(channel.index)
    if (data === undefined) dataOf.set(channel.index, [channel])
    else data.push(channel)
  }
  return channels
    .filter(({ kind }) => kind === 'index')
    .map((index) => ({
      index,
      data: dataOf.get(index.name) ?? [],
      piecesOf: (key) => given(pieces.get(key) ?? []),
      samplesOf: (key) => (pieces.get(key) ?? []).reduce((sum, { count }) => sum + count, 0),
    }))
}

function* given(pieces: readonly Piece[]): Generator<void, readonly Piece[], void> {
  yield
  return pieces
}

/** Samples of channels that have no index channel. */
function homelessOf({ homeless }: Definitions, traces: readonly Trace[], directory: string): LostRange[] {
  return homeless.flatMap(({ key, name }) =>
    (traces.find((trace) => trace.key === key)?.pieces ?? []).map((piece) => ({
      channel: name,
      start: toISO(piece.start),
      end: toISO(piece.end),
      samples: piece.count,
      what: 'no index channel has timestamps for these samples',
      ...(piece.kind === 'rows' ? {} : { file: pathOf(directory, piece), offset: piece.offset }),
    })),
  )
}

function lossOf({ lsn, lost }: Break): string {
  if (lost === 'checkpoint')
    return `part of the checkpoint at record ${lsn} is lost: what was so then is known only as far as the rest and later records say`
  const { kind, from, to } = lost
  const known = 'known only as far as later ones say'
  if (from === to) return `record ${from} is lost: what it did is ${known}`
  const which = kind === 'edits' ? `edits among the records ${from} to ${to}` : `records ${from} to ${to}`
  return `${which} are lost: what they did is ${known}`
}

function noteBreaks(
  { breaks, isOpenEnded, count, lastLsn }: History,
  isOlder: boolean,
  untold: Untold[],
  directory: string,
): void {
  for (const each of breaks) untold.push({ what: lossOf(each), file: directory })
  if (count === 0)
    untold.push({ what: 'no log could be read: deletes, names and units are lost', file: directory })
  else if (isOpenEnded || isOlder)
    untold.push({ what: `what happened after record ${lastLsn} cannot be told`, file: directory })
}
