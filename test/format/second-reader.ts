// A second reader of the format, written from RFC 0002 and what 0005 says of a log's end, and from nothing
// else: no code of the engine is imported (stored-file.ts, second-state.ts), so that a fault of a codec that
// writes and reads the same wrong bytes shows, and so does whatever the RFC does not tell. Test only, slow
// and obvious. It reads stores that were closed cleanly or whose process was killed (same boot); it does not
// judge what a power loss left.

import { channelsOf, listOf, State } from './second-state.ts'
import type { Row, Shape, StoredChannel, TailItem } from './second-state.ts'
import {
  check,
  Cursor,
  isHeaderWhole,
  JOURNAL,
  MANIFEST,
  nameOf,
  parse,
  readExtent,
  SEGMENT,
  StoredFile,
} from './stored-file.ts'
import type { Files, Pointer, Value } from './stored-file.ts'

/** The machine was restarted since: what the disk has then, beyond what was proven, is not judged here. */
export class OtherBoot extends Error {}

/** A contiguous stretch of a channel's samples. */
export interface StoredDomain {
  readonly times: bigint[]
  readonly values: Value[]
}

export interface StoredDatabase {
  readonly epoch: number
  /** Of the newest record that counts. */
  readonly lsn: number
  /** By ascending key. */
  readonly channels: readonly { readonly definition: StoredChannel; readonly domains: StoredDomain[] }[]
}

/** The state that a manifest tells, of its first `size` bytes; undefined where its checkpoint is not whole. */
function readManifest(files: Files, name: string, size?: number): State | undefined {
  const read = (path: string): Uint8Array => files.read(path).subarray(0, size)
  if (!isHeaderWhole(read(`manifest/${name}`))) return undefined
  const { frames, ending } = new StoredFile({ ...files, read }, MANIFEST, name).frames()
  const end = frames.findIndex(({ kind }) => kind === 3)
  if (end < 0) return undefined
  check(ending === 'end' || size === undefined, `the ${size} bytes of manifest ${name} are damaged`)
  const state = new State()
  state.isTorn = ending !== 'end'
  const begin = new Cursor(frames[0]!.payload)
  check(frames[0]!.kind === 1, 'a manifest begins with begin')
  const [lsn, covers, nextKey] = [begin.u64(), begin.u64(), begin.u64()]
  state.covers = covers
  for (const channel of channelsOf(begin)) state.channels.set(channel.key, channel)
  begin.list(() => [begin.u64(), begin.u64(), begin.u64()])
  for (const [key, to] of begin.list(() => [begin.u64(), begin.u64()] as const)) state.flushed.set(key, to)
  state.bootId = begin.text()
  begin.end('the begin of a manifest')
  check(
    [...state.channels.keys()].every((key) => key < nextKey),
    'keys are below the next one',
  )
  let pointers = 0
  for (const { kind, payload } of frames.slice(1, end)) {
    const from = new Cursor(payload)
    check(kind === 2 || (kind === 5 && pointers === 0), 'holes, then pointers come before the end')
    if (kind === 5) {
      state.punch(from)
      continue
    }
    const list = listOf(state.pointers, from.u64())
    const before = list.length
    pointers += list.push(...from.list(from.pointer)) - before
    from.end('a frame of pointers')
  }
  const last = new Cursor(frames[end]!.payload)
  check(last.u32() === end && last.u64() === pointers, 'a checkpoint has all its frames and pointers')
  state.lsn = lsn
  for (const { kind, payload } of frames.slice(end + 1)) {
    const from = new Cursor(payload)
    check(kind === 4, 'archives follow the checkpoint')
    state.covers = from.u64()
    state.proven = Math.max(state.proven, from.u64())
    from.list(() => {
      const edit = from.u64()
      const bytes = from.take(from.u32())
      if (edit > state.lsn) state.edit(new Cursor(bytes), edit)
    })
    from.end('an archive')
  }
  return state
}

/** The records of an epoch's journal, from the file on that goes on from what is covered. */
function readJournal(files: Files, epoch: number, numbers: readonly number[], covers: number): Row[] {
  const oldest = numbers.findLast((number) => number <= covers + 1)
  const needed = numbers.filter((number) => number >= (oldest ?? 0))
  const rows: Row[] = []
  for (const [i, number] of needed.entries()) {
    const next = needed[i + 1]
    const name = nameOf(epoch, number)
    // The newest file may have been cut off while its header and its first record were written.
    if (next === undefined && !isHeaderWhole(files.read(`journal/${name}`))) break
    const shapes = new Map<number, Shape>()
    const { frames, ending } = new StoredFile(files, JOURNAL, name).frames()
    check(
      i === 0 ? number <= covers + 1 : number === rows.at(-1)!.lsn + 1,
      `${name} goes on from the one before it`,
    )
    check(next !== undefined || ending !== 'damaged', `${name} is damaged`)
    for (const [n, { kind, payload }] of frames.entries()) {
      const body = new Cursor(payload)
      const [lsn, proven] = [body.u64(), body.u64()]
      check(lsn === number + n, `${name} has record ${number + n}`)
      // What was appended behind its end failed, and was appended to the next one instead.
      if (next === undefined || lsn < next) rows.push({ kind, lsn, proven, body, shapes })
    }
    check(
      next === undefined || next === (rows.at(-1)?.lsn ?? covers) + 1,
      `${name} ends where the next begins`,
    )
  }
  return rows
}

/** The newest epoch that has begun: what it goes on from, and its records. */
function readLog(
  files: Files,
  boot: string | undefined,
): { epoch: number; base: State; rows: Row[] } | undefined {
  const found = (folder: string): { epoch: number; number: number }[] =>
    files.list(folder).flatMap((name) => parse(name) ?? [])
  const [manifests, journals] = [found('manifest'), found('journal')]
  const of = (all: { epoch: number; number: number }[], epoch: number): number[] =>
    all.flatMap((each) => (each.epoch === epoch ? [each.number] : [])).toSorted((a, b) => a - b)
  const epochs = new Set([...manifests, ...journals].map(({ epoch }) => epoch))
  for (const epoch of [...epochs].toSorted((a, b) => b - a)) {
    const numbers = of(journals, epoch)
    for (const number of of(manifests, epoch).toReversed()) {
      const base = readManifest(files, nameOf(epoch, number))
      if (base === undefined) continue
      assertBoot(files, epoch, boot, base.bootId)
      const rows = readJournal(files, epoch, numbers, base.covers)
      const isThere = rows.some(({ lsn }) => lsn === base.covers + 1)
      check(!base.isTorn || isThere, `the journal has what the archives of epoch ${epoch} miss`)
      return { epoch, base, rows }
    }
    const [first] = numbers
    if (first === undefined || !isHeaderWhole(files.read(`journal/${nameOf(epoch, first)}`))) continue
    const { payload } = new StoredFile(files, JOURNAL, nameOf(epoch, first)).frames().frames[0] ?? {}
    if (payload === undefined) continue
    const begin = new Cursor(payload, 16)
    check(begin.u8() === 0 && begin.u64() === epoch, `epoch ${epoch} begins with its beginning`)
    assertBoot(files, epoch, boot, begin.text())
    const [file, size] = [begin.text(), begin.u64()]
    const base = file === '' ? new State() : readManifest(files, file.slice('manifest/'.length), size)
    check(base !== undefined, `the base of epoch ${epoch} is whole`)
    return { epoch, base, rows: readJournal(files, epoch, numbers, base.covers) }
  }
  return undefined
}

/** After a failed sync an epoch counts as one of another boot. */
function assertBoot(files: Files, epoch: number, boot: string | undefined, own: string): void {
  const isUnsynced = files.list('').includes(`UNSYNCED-${String(epoch).padStart(6, '0')}`)
  if (boot !== undefined && (boot !== own || isUnsynced)) throw new OtherBoot(`epoch ${epoch}`)
}

/**
 * Everything that a database holds.
 * @param boot of the machine that reads; undefined: none of what the log ends with was lost
 * @throws FormatFault where its files are not what the format says, OtherBoot
 */
export function readDatabase(files: Files, boot?: string): StoredDatabase {
  const log = readLog(files, boot)
  if (log === undefined) return { epoch: 0, lsn: 0, channels: [] }
  const { epoch, base: state, rows } = log
  const proven = Math.max(state.covers, state.lsn, state.proven, ...rows.map((row) => row.proven))
  const lsn = Math.max(state.covers, state.lsn, rows.at(-1)?.lsn ?? 0)
  check(lsn >= proven, `the log was proven up to ${proven} and ends at ${lsn}`)
  replay(state, rows)
  const segments = new Map<number, StoredFile>()
  const read = (at: Pointer, { key, type, kind }: StoredChannel): Value[] => {
    const name = nameOf(Math.floor(at.segment / 2 ** 32), at.segment % 2 ** 32)
    if (!segments.has(at.segment)) segments.set(at.segment, new StoredFile(files, SEGMENT, name))
    const holes = state.holes.get(at.segment) ?? []
    return readExtent(segments.get(at.segment)!, at, { key, type, isIndex: kind === 'index', holes })
  }
  const channels = [...state.channels.values()].toSorted((a, b) => a.key - b.key)
  const times = new Map<string, bigint[]>()
  for (const channel of channels) {
    if (channel.kind !== 'index') continue
    const all = itemsOf(state, channel.key).flatMap((item) =>
      'time' in item ? [item.time] : (read(item, channel) as bigint[]),
    )
    check(
      all.every((time, i) => i === 0 || all[i - 1]! < time),
      `the times of ${channel.name} increase`,
    )
    times.set(channel.name, all)
  }
  return {
    epoch,
    lsn,
    channels: channels.map((definition) => {
      const index = times.get(definition.index ?? definition.name)
      check(index !== undefined, `${definition.name} has an index channel`)
      return {
        definition,
        domains: domainsOf(itemsOf(state, definition.key), index, (at) => read(at, definition)),
      }
    }),
  }
}

function replay(state: State, rows: readonly Row[]): void {
  const flushed = new Map(state.flushed)
  for (const { kind, body } of rows) {
    const from = new Cursor(body.bytes, body.at)
    if (kind !== 2 || from.u8() !== 4) continue
    for (const [key, lsn] of from.list(() => [from.u64(), from.u64()] as const))
      flushed.set(key, Math.max(lsn, flushed.get(key) ?? 0))
  }
  for (const row of rows) {
    check(row.kind === 1 || row.kind === 2, `record ${row.lsn} is of an unknown kind`)
    if (row.kind === 1) state.commit(row, (index) => row.lsn <= (flushed.get(index) ?? 0))
    else {
      state.cutTails(new Cursor(row.body.bytes, row.body.at))
      if (row.lsn > state.lsn) state.edit(row.body, row.lsn)
    }
  }
}

/** Pointers and tail of one channel, by time. */
function itemsOf(state: State, key: number): TailItem[] {
  const startOf = (item: TailItem): bigint => ('time' in item ? item.time : item.start)
  const items = [...(state.pointers.get(key) ?? []), ...(state.tails.get(key) ?? [])]
  return items.toSorted((a, b) => (startOf(a) < startOf(b) ? -1 : 1))
}

function domainsOf(
  items: readonly TailItem[],
  index: readonly bigint[],
  read: (at: Pointer) => Value[],
): StoredDomain[] {
  const domains: StoredDomain[] = []
  let end: bigint | undefined
  for (const item of items) {
    const [start, until] = 'time' in item ? [item.time, item.time + 1n] : [item.start, item.end]
    const from = lowerBound(index, start)
    const times = index.slice(from, lowerBound(index, until))
    const values = 'time' in item ? [item.value] : read(item)
    check(end === undefined || start >= end, `no two samples at ${start}`)
    check(
      times.length === values.length && times[0] === start && times.at(-1) === until - 1n,
      `times from ${start} on are tight`,
    )
    if (end === undefined || !(item.joined || start === end)) domains.push({ times, values })
    else {
      domains.at(-1)!.times.push(...times)
      domains.at(-1)!.values.push(...values)
    }
    end = until
  }
  return domains
}

function lowerBound(times: readonly bigint[], time: bigint): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}
