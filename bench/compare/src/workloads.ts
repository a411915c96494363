// What is measured. Each workload opens a store, does its work with the clock running, and then checks what
// is there; a store that answers wrong ends the run. `windows` and `reclaim` go on with the store that
// `bulk` left. Called by worker.ts, in a process of its own.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { channelNames, check, FRAME, Frames, Rows, timeOf, valueOf } from './data.ts'
import type { Engine, Now, Promised, Store, StoreOptions } from './engine.ts'

/** How much work: in `full`, two million rows in bulk. */
export interface Scale {
  readonly bulkFrames: number
  readonly liveFrames: number
  readonly durableFrames: number
  /** Milliseconds of reading windows: before the clock starts, and while it runs. */
  readonly windowsMs: readonly [warm: number, measured: number]
}

/** The two scales. */
export const SCALES: Readonly<Record<'full' | 'quick', Scale>> = {
  full: { bulkFrames: 2000, liveFrames: 100_000, durableFrames: 2000, windowsMs: [500, 1500] },
  quick: { bulkFrames: 200, liveFrames: 10_000, durableFrames: 200, windowsMs: [200, 300] },
}

/** Figures by name: rates per second, times in seconds, sizes in bytes. */
export type Figures = Readonly<Record<string, number>>

type Workload = (engine: Engine, directory: string, scale: Scale) => Promise<Figures>

const BULK = channelNames(10)
const LIVE = channelNames(100)
const READ = [1, 4, 7]

/** Live frames before the clock starts: the first ones are slow in every engine. */
const WARM = 5000

/** Frames in flight in `together`. */
const TOGETHER = 16

/** Windows that are compared in all channels after writing. */
const SAMPLE = 50

/** The workloads, in the order in which they must run. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  bulk: async (engine, directory, { bulkFrames }) => {
    const store = await engine.open(bulkOptions(directory))
    const frames = new Frames(bulkFrames, BULK.length)
    const began = performance.now()
    for (let i = 0; i < bulkFrames; i++) {
      const written = store.writeFrame(frames.times(i), frames.columns(i))
      if (written instanceof Promise) await written
    }
    const seconds = (performance.now() - began) / 1000
    const rows = bulkFrames * FRAME
    await checkCount(store, 0, rows, rows)
    const all = BULK.map((_, i) => i)
    for (let i = 0; i < SAMPLE; i++) await readWindow(store, BULK, all, randomRow(rows))
    await store.close()
    return {
      'rows/s': rows / seconds,
      bytes: bytesIn(directory),
      'bytes of samples': rows * 8 * (BULK.length + 1),
    }
  },

  windows: async (engine, directory, { bulkFrames, windowsMs }) => {
    const store = await engine.open(bulkOptions(directory))
    const rate = await windowRate(store, windowsMs, () => randomRow(bulkFrames * FRAME))
    await store.close()
    return { 'windows/s': rate }
  },

  reclaim: async (engine, directory, { bulkFrames, windowsMs }) => {
    const store = await engine.open(bulkOptions(directory))
    const rows = bulkFrames * FRAME
    const from = Math.round(bulkFrames * 0.45) * FRAME
    const to = Math.round(bulkFrames * 0.55) * FRAME
    const opened = performance.now()
    await store.settle?.()
    const began = performance.now()
    await store.delete(timeOf(from), timeOf(to))
    const deleted = performance.now()
    await store.reclaim()
    const reclaimed = performance.now()
    await checkCount(store, 0, rows, rows - (to - from))
    await checkCount(store, from, to, 0)
    const rate = await windowRate(store, windowsMs, () =>
      Math.random() < 0.5 ? randomRow(from) : to + randomRow(rows - to),
    )
    await store.close()
    return {
      'settle s': (began - opened) / 1000,
      'delete s': (deleted - began) / 1000,
      'reclaim s': (reclaimed - deleted) / 1000,
      'delete and reclaim s': (reclaimed - began) / 1000,
      'windows/s': rate,
      bytes: bytesIn(directory),
    }
  },

  live: (engine, directory, { liveFrames }) => single(engine, directory, liveFrames, 'handed over', WARM),

  durable: (engine, directory, { durableFrames }) =>
    single(engine, directory, durableFrames, 'synced', durableFrames / 10),

  together: (engine, directory, { durableFrames }) =>
    single(engine, directory, durableFrames * 4, 'synced', durableFrames, TOGETHER),
}

function bulkOptions(directory: string): StoreOptions {
  return { directory, channels: BULK, promised: 'handed over', written: 'frames' }
}

/** Frames of one row, each its own commit; so many at a time are waited for. */
async function single(
  engine: Engine,
  directory: string,
  count: number,
  promised: Promised,
  warm: number,
  together = 1,
): Promise<Figures> {
  const options: StoreOptions = { directory, channels: LIVE, promised, written: 'rows' }
  const store = await engine.open(options)
  const rows = new Rows(warm + count, LIVE)
  const write = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += together) {
      const written =
        together === 1
          ? store.writeRow(rows.at(i))
          : store.writeTogether(Array.from({ length: Math.min(together, to - i) }, (_, k) => rows.at(i + k)))
      if (written instanceof Promise) await written
    }
  }
  await write(0, warm)
  const began = performance.now()
  await write(warm, warm + count)
  const seconds = (performance.now() - began) / 1000
  await store.close()
  const again = await engine.open(options)
  await checkCount(again, 0, warm + count, warm + count)
  const all = LIVE.map((_, i) => i)
  for (const from of [0, warm, warm + count - 100]) {
    const read = again.read(LIVE, timeOf(from), timeOf(from + 100))
    const columns = again.columns((await read) as never)
    check(columns, all, from, from + 100, (row, channel) => Rows.value(row, channel))
  }
  await again.close()
  return { 'commits/s': count / seconds, bytes: bytesIn(directory) }
}

/** Windows a second, each checked while the clock stands. */
async function windowRate(
  store: Store,
  [warmMs, measuredMs]: readonly [number, number],
  pick: () => number,
): Promise<number> {
  const names = READ.map((i) => BULK[i]!)
  for (let ms = 0; ms < warmMs;) ms += await readWindow(store, names, READ, pick())
  let ms = 0
  let windows = 0
  for (; ms < measuredMs; windows++) ms += await readWindow(store, names, READ, pick())
  return (windows * 1000) / ms
}

/** Reads and checks a window; returns the milliseconds of the read. */
async function readWindow(
  store: Store,
  names: readonly string[],
  channels: readonly number[],
  from: number,
): Promise<number> {
  const start = timeOf(from)
  const end = timeOf(from + FRAME)
  const began = performance.now()
  let read: Now<unknown> = store.read(names, start, end)
  if (read instanceof Promise) read = (await read) as unknown
  const ms = performance.now() - began
  check(store.columns(read as never), channels, from, from + FRAME, valueOf)
  return ms
}

async function checkCount(store: Store, from: number, to: number, expected: number): Promise<void> {
  const count = await store.count(timeOf(from), timeOf(to))
  if (count !== expected) throw new Error(`${count} rows are there, not ${expected}`)
}

/** First row of a window that ends within `rows`. */
function randomRow(rows: number): number {
  return Math.floor(Math.random() * (rows - FRAME))
}

/** What a directory's files take on the disk, in bytes: blocks, so that holes do not count. */
function bytesIn(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += lstatSync(join(entry.parentPath, entry.name)).blocks * 512
  }
  return bytes
}
