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
import { findExtents } from './found.ts'
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
import { ByPlace } from '../survey/by-place.ts'
import { surveyFolder } from '../survey/survey.ts'
import type { Survey } from '../survey/survey.ts'
import { inSlices, SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'

/**
 * @param isOlder newer records than those that are there must have been lost
 * @throws NotADatabaseError, UnsupportedVersionError, CorruptionError, StorageError, the signal's reason
 */
export async function salvageDamaged(
  turns: Turns,
  files: FileSystem,
  directory: string,
  signal: AbortSignal | undefined,
  isOlder = false,
): Promise<Salvage> {
  const survey = await surveyFolder(files, directory, signal)
  const databaseId = await idOf(files, survey)
  const logs = await readLogs(files, survey, databaseId, signal)
  const untold: Untold[] = [...logs.untold]
  const all = <T>(steps: Generator<void, T, void>): Promise<T> => inSlices(turns, steps, SLICE_MS)
  const history = await all(historyOf(logs, await cleanSizesOf(files, survey)))
  const found = await findExtents(files, survey, databaseId, untold, signal)
  const unnamed = await all(unnamedOf(history, found, isOlder))
  const source = new RepairSource(files, directory, databaseId)
  const indexOf = indexLookUp(found)
  const notes: Note[] = []
  try {
    const cutter = (key: number): Cutter =>
      cutterOf(source, found, indexOf, (what) => void notes.push({ key, what }))
    const tell = (piece: Piece, key: number): void => {
      const what = `a part of ${piece.count} samples was deleted or replaced, and which part cannot be told: none is taken`
      const place = piece.kind === 'rows' ? {} : { file: pathOf(directory, piece), offset: piece.offset }
      notes.push({ key, what, ...place })
    }
    const settled = await all(tracesOf(history, found, unnamed, cutter, tell))
    const traces = await all(alignTraces(settled, found, indexOf))
    const definitions = await all(define(history.channels, traces))
    const names = notes.length === 0 ? undefined : namesOf(definitions)
    for (const { key, ...note } of notes)
      untold.push({ ...note, channel: names?.get(key) ?? `channel-${key}` })
    for (const { path, error } of survey.refusals)
      untold.push({ what: `the folder cannot be listed: ${error.message}`, file: path })
    noteBreaks(history, isOlder, untold, directory)
    await turns.due(SLICE_MS)
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

function namesOf({ channels, homeless }: Definitions): ReadonlyMap<number, string> {
  return new Map([...homeless, ...channels].map(({ key, name }) => [key, name]))
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

/** Extents, pieces or what was said of a channel, which are a step. */
const ITEMS_A_STEP = 256

/**
 * Extents that nothing known names, where what names them may be lost. In steps between which the loop may
 * turn.
 */
function* unnamedOf(
  history: History,
  found: FoundExtents,
  isOlder: boolean,
): Generator<void, FoundExtent[], void> {
  const named = new ByPlace<true>()
  let taken = 0
  const isStep = (): boolean => ++taken % ITEMS_A_STEP === 0
  for (const place of history.flushedExtents) {
    named.set(place, true)
    if (isStep()) yield
  }
  for (const list of history.pointers.values()) {
    for (const pointer of list) {
      named.set(pointer, true)
      if (isStep()) yield
    }
  }
  for (const list of history.said.values()) {
    for (const said of list) {
      if (said.kind === 'claim' && said.piece.kind === 'extent') named.set(said.piece, true)
      if (isStep()) yield
    }
  }
  const { base, covers, channels } = history
  const unnamed: FoundExtent[] = []
  for (const extent of found.values()) {
    if (isStep()) yield
    const { key, type, isIndex } = extent
    // What the newest whole checkpoint does not name was dead by then, or named by commits that it does not
    // cover.
    const isOld = base.lsn > 0 && (extent.epoch < base.epoch || extent.lsn < covers)
    if (isOld || named.get(extent.piece) === true || history.isRemoved(key)) continue
    const channel = channels.get(key)
    const fits = channel === undefined || (channel.type === type && (channel.kind === 'index') === isIndex)
    if (fits) unnamed.push(extent)
  }
  const isLost = isOlder || history.count === 0 || history.breaks.length > 0 || history.isOpenEnded
  return isLost || unnamed.some(({ lsn }) => lsn > history.lastLsn) ? unnamed : []
}

function* tracesOf(
  history: History,
  found: FoundExtents,
  unnamed: readonly FoundExtent[],
  cutter: (key: number) => Cutter,
  onUncut: (piece: Piece, key: number) => void,
): Generator<void, Trace[], void> {
  const unnamedBy = new Map<number, Said[]>()
  for (const { key, epoch, lsn, piece } of unnamed) {
    const list = unnamedBy.get(key)
    const claim: Said = { kind: 'claim', order: { epoch, lsn }, piece }
    if (list === undefined) unnamedBy.set(key, [claim])
    else list.push(claim)
  }
  yield
  const { breaks, base: baseOrder } = history
  // In the order in which they were first spoken of.
  const keys = new Set([
    ...history.said.keys(),
    ...unnamedBy.keys(),
    ...history.pointers.keys(),
    ...history.channels.keys(),
  ])
  const traces: Trace[] = []
  for (const key of keys) {
    if (history.isRemoved(key)) continue
    const base = (history.pointers.get(key) ?? []).map(pieceOf)
    yield
    // Stable: what an extent says of itself comes after the record that was the newest then.
    const list = [...(history.said.get(key) ?? []), ...(unnamedBy.get(key) ?? [])]
    const said = list.sort((a, b) => compareOrder(a.order, b.order))
    yield
    const { pieces, uncut } = yield* settle({ base, baseOrder, said, breaks }, cutter(key))
    for (const piece of uncut) onUncut(piece, key)
    const datedPieces: Piece[] = []
    for (const piece of pieces) {
      datedPieces.push(dated(piece, found))
      if (datedPieces.length % ITEMS_A_STEP === 0) yield
    }
    traces.push({ key, pieces: datedPieces, ...kindOf(history, found, key, pieces) })
    yield
  }
  return traces
}

/** Data channels' extents that nothing names, cut as the timestamps that were written with them were. */
function* alignTraces(
  traces: readonly Trace[],
  found: FoundExtents,
  indexOf: IndexLookUp,
): Generator<void, Trace[], void> {
  const left = new ByPlace<ExtentPiece[]>()
  let taken = 0
  for (const { isIndex, pieces } of traces) {
    for (const piece of isIndex === true ? pieces : []) {
      if (++taken % ITEMS_A_STEP === 0) yield
      if (piece.kind === 'rows') continue
      const list = left.get(piece)
      if (list === undefined) left.set(piece, [piece])
      else list.push(piece)
    }
  }
  const aligned: Trace[] = []
  for (const trace of traces) {
    if (trace.isIndex === true) {
      aligned.push(trace)
      continue
    }
    const pieces: Piece[] = []
    for (const piece of trace.pieces) {
      for (const each of besideTimes(piece, found, indexOf, left)) pieces.push(each)
      if (++taken % ITEMS_A_STEP === 0) yield
    }
    aligned.push({ ...trace, pieces })
    yield
  }
  return aligned
}

/** With what its extent says of when it was written. */
function dated(piece: Piece, found: FoundExtents): Piece {
  if (piece.kind === 'rows' || piece.written !== undefined) return piece
  const written = found.get(piece)?.piece.written
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
    const extent = piece.kind === 'extent' ? found.get(piece) : undefined
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
