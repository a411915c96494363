// Which channels the repaired database has: as the logs define them, and, where their definitions are lost,
// as their samples show them. A data channel without a definition belongs to the index channel that has as
// many timestamps between its first and last samples as it has samples, extent by extent. Pure; called by
// damaged.ts.

import { channelOf } from '../../telem/channel.ts'
import type { Channel } from '../../telem/channel.ts'
import type { DataType } from '../../telem/data-type.ts'
import type { Piece } from './pieces.ts'

/** What is known of a channel besides its definition. */
export interface Trace {
  readonly key: number
  /** Undefined where nothing shows it. */
  readonly type: DataType | undefined
  readonly isIndex: boolean | undefined
  /** Key of its index channel, where a commit says so. */
  readonly index: number | undefined
  /** Sorted, disjoint. */
  readonly pieces: readonly Piece[]
}

export interface Definitions {
  /** By ascending key. Every data channel's index channel is among them. */
  readonly channels: readonly Channel[]
  /** By key: what was guessed of a definition. */
  readonly guessed: ReadonlyMap<number, string>
  /** Channels that cannot be there without an index channel. */
  readonly homeless: readonly { readonly key: number; readonly name: string }[]
}

/** Channels that are a step. */
const CHANNELS_A_STEP = 256

/**
 * In steps between which the loop may turn.
 * @param defined by key
 * @param traces of all channels of which there are samples
 */
export function* define(
  defined: ReadonlyMap<number, Channel>,
  traces: readonly Trace[],
): Generator<void, Definitions, void> {
  let taken = 0
  const isStep = (): boolean => ++taken % CHANNELS_A_STEP === 0
  const guessed = new Map<number, string>()
  const homeless: { key: number; name: string }[] = []
  const channels = new Map<number, Channel>()
  const names = new Set<string>()
  const take = (channel: Channel, guess = ''): void => {
    const name = freeName(names, channel.name)
    names.add(name)
    channels.set(channel.key, name === channel.name ? channel : Object.freeze({ ...channel, name }))
    if (guess !== '') guessed.set(channel.key, guess)
  }
  const byKey = new Map(traces.map((trace) => [trace.key, trace]))
  const known = [...defined.values()]
  for (const channel of known) {
    if (isStep()) yield
    if (channel.kind === 'index') take(channel)
  }
  const indexKeys = new Map([...channels.values()].map(({ name, key }) => [name, key]))
  // Index channels that only samples show: one that data channels miss by name may be it.
  const unnamed = traces.filter(({ key, isIndex }) => isIndex === true && !defined.has(key))
  for (const { key } of unnamed) {
    const missed = known.find(
      (each) => each.index !== undefined && !indexKeys.has(each.index) && homeOf(each.key) === key,
    )
    const name = missed?.index ?? `channel-${key}`
    indexKeys.set(name, key)
    take(
      channelOf({ name, kind: 'index' }, key),
      missed === undefined ? 'its name is lost' : 'its name is that which its data channels say',
    )
  }
  for (const channel of known) {
    if (isStep()) yield
    if (channel.kind === 'index') continue
    const own = channel.index === undefined ? undefined : indexKeys.get(channel.index)
    const home = own ?? homeOf(channel.key)
    const index = home === undefined ? undefined : channels.get(home)
    if (index === undefined) homeless.push({ key: channel.key, name: channel.name })
    else if (own !== undefined)
      take(channel.index === index.name ? channel : Object.freeze({ ...channel, index: index.name }))
    else take(Object.freeze({ ...channel, index: index.name }), 'its index channel was found by its samples')
  }
  for (const { key, type, isIndex } of traces) {
    if (isStep()) yield
    if (defined.has(key) || isIndex === true) continue
    const home = homeOf(key)
    const index = home === undefined ? undefined : channels.get(home)
    const name = `channel-${key}`
    if (index === undefined || type === undefined) homeless.push({ key, name })
    else
      take(
        channelOf({ name, kind: 'data', type, index: index.name }, key),
        'its name, unit and metadata are lost; its index channel was found by its samples',
      )
  }
  return { channels: [...channels.values()].sort((a, b) => a.key - b.key), guessed, homeless }

  /** Key of the index channel that a data channel's samples belong to. */
  function homeOf(key: number): number | undefined {
    const trace = byKey.get(key)
    if (trace === undefined) return undefined
    if (trace.index !== undefined) return trace.index
    const candidates = traces.filter(
      (each) => each.isIndex === true || defined.get(each.key)?.kind === 'index',
    )
    return bestHome(trace, candidates)
  }
}

function freeName(names: ReadonlySet<string>, wanted: string): string {
  let name = wanted
  for (let n = 2; names.has(name); n++) name = `${wanted}-${n}`
  return name
}

/**
 * The index channel that most pieces fit; of equals the one whose extents lie nearest before its own, since a
 * group is written together; of equals the one that was created last before the channel.
 */
function bestHome({ key, pieces }: Trace, candidates: readonly Trace[]): number | undefined {
  const fits = candidates
    .map((each) => ({ key: each.key, ...fitOf(pieces, each.pieces) }))
    .filter(({ score }) => score > 0)
  fits.sort(
    (a, b) =>
      b.score - a.score ||
      a.distance - b.distance ||
      Number(a.key > key) - Number(b.key > key) ||
      b.key - a.key,
  )
  return fits[0]?.key
}

/**
 * How many pieces begin and end with those of the index channel, and have as many samples as it has between;
 * and how far behind its extents they lie, in bytes: the sum over those of one segment.
 */
function fitOf(pieces: readonly Piece[], times: readonly Piece[]): { score: number; distance: number } {
  const starts = new Map<bigint, { rank: number; piece: Piece }>()
  const ends = new Map<bigint, number>()
  let rank = 0
  for (const piece of times) {
    starts.set(piece.start, { rank, piece })
    rank += piece.count
    ends.set(piece.end, rank)
  }
  let score = 0
  let distance = 0
  for (const piece of pieces) {
    const [from, to] = [starts.get(piece.start), ends.get(piece.end)]
    if (from === undefined || to === undefined || to - from.rank !== piece.count) continue
    score++
    distance += distanceOf(from.piece, piece)
  }
  return { score, distance }
}

/** More than any segment has bytes. */
const FAR = 2 ** 40

function distanceOf(before: Piece, piece: Piece): number {
  const isBehind =
    before.kind === 'extent' &&
    piece.kind === 'extent' &&
    before.segment === piece.segment &&
    before.offset < piece.offset
  return isBehind ? piece.offset - before.offset : FAR
}
