// Does a channel that came in one sample at a time read back as fast as one that came in large frames? An hour at
// 1 and at 10 samples a second, each commit flushed by itself, beside the same samples in one frame; before and
// after collections (one at the end, and one for every 300 flushes). All of the channel, and windows of 100
// samples, interleaved, medians of repeats; ratios first. From the page cache.
//
//   npx tsx bench/merge.ts [--repeats N]

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Engine } from '../src/database/engine.ts'
import { systemEnvironment } from '../src/database/environment.ts'
import { openEngine } from '../src/database/opening/open.ts'
import { resolveOptions } from '../src/database/options.ts'
import type { File, FileSystem, OpenMode } from '../src/fs/file-system.ts'
import { nodeFileSystem } from '../src/fs/node-file-system.ts'
import { Database } from '../src/index.ts'

const { values } = parseArgs({
  options: { repeats: { type: 'string', default: '9' } },
})
const REPEATS = Number(values.repeats)
const WINDOW = 100

interface Store {
  readonly engine: Engine
  readonly db: Database
}

const folder = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))

/** Files that are never synced: what a flush costs is not the question here. */
const files: FileSystem = Object.assign(Object.create(nodeFileSystem) as FileSystem, {
  openNow: (path: string, mode: OpenMode): File => {
    const file = nodeFileSystem.openNow(path, mode)
    return Object.assign(file, {
      sync: () => Promise.resolve(),
      syncNow: () => {},
      write: (source: Uint8Array, offset: number) => Promise.resolve(file.writeNow(source, offset)),
    })
  },
  syncDirectory: () => Promise.resolve(),
})
const environment = { ...(await systemEnvironment()), files }

async function openStore(name: string): Promise<Store> {
  const { engine, flusher } = await openEngine(environment, join(folder, name), resolveOptions({}))
  const db = new Database(engine, flusher)
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'value', kind: 'data', type: 'float64', index: 'time' },
  ])
  return { engine, db }
}

async function inDrops(name: string, count: number, gcEvery: number): Promise<Store> {
  const store = await openStore(name)
  const writer = await store.db.openWriter(['time', 'value'])
  for (let i = 0; i < count; i++) {
    await writer.write({ time: BigInt(i) * 1_000_000n, value: i })
    await store.engine.flushTails()
    if (i % gcEvery === gcEvery - 1) await store.db.gc()
  }
  await writer.close()
  return store
}

async function inOneFrame(name: string, count: number): Promise<Store> {
  const store = await openStore(name)
  const writer = await store.db.openWriter(['time', 'value'])
  await writer.write({
    time: BigInt64Array.from({ length: count }, (_, i) => BigInt(i) * 1_000_000n),
    value: Float64Array.from({ length: count }, (_, i) => i),
  })
  await writer.close()
  await store.engine.flushTails()
  return store
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!

/** Microseconds of a read of everything, and of one window. */
async function timeReads(
  { db }: Store,
  count: number,
  wholes = 20,
): Promise<{ all: number; window: number }> {
  const begun = performance.now()
  for (let i = 0; i < wholes; i++) {
    const all = (await db.read(['time', 'value'])).column('value')
    if (all.length !== count || all[count - 1] !== count - 1) throw new Error('wrong data')
  }
  const between = performance.now()
  for (let i = 0; i < 500; i++) {
    const from = (i * 7919) % (count - WINDOW)
    const range = { start: BigInt(from) * 1_000_000n, end: BigInt(from + WINDOW) * 1_000_000n }
    const window = (await db.read('value', range)).column('value')
    if (window.length !== WINDOW || window[0] !== from) throw new Error('wrong data')
  }
  return { all: ((between - begun) * 1000) / wholes, window: ((performance.now() - between) * 1000) / 500 }
}

async function compare(
  what: string,
  store: Store,
  plain: Store,
  count: number,
  isSlow = false,
): Promise<void> {
  const ours: { all: number; window: number }[] = []
  const theirs: { all: number; window: number }[] = []
  for (let i = 0; i < (isSlow ? 3 : REPEATS); i++) {
    ours.push(await timeReads(store, count, isSlow ? 1 : 20))
    theirs.push(await timeReads(plain, count))
  }
  const of = (list: typeof ours, key: 'all' | 'window'): number => median(list.map((each) => each[key]))
  const [all, window] = [of(ours, 'all'), of(ours, 'window')]
  const pointers = store.engine.version.pointers.get(2).length
  process.stdout.write(
    `  ${what}: everything ${(all / of(theirs, 'all')).toFixed(2)} times (${all.toFixed(0)} us), ` +
      `windows ${(window / of(theirs, 'window')).toFixed(2)} times (${window.toFixed(1)} us), ${pointers} pointers\n`,
  )
}

for (const count of [3600, 36_000]) {
  process.stdout.write(`${count} samples, one a flush, beside one frame:\n`)
  const plain = await inOneFrame(`plain-${count}`, count)
  const once = await inDrops(`once-${count}`, count, Infinity)
  await compare('before', once, plain, count, true)
  const begun = performance.now()
  const { extentsMerged } = await once.db.gc()
  const tookMs = performance.now() - begun
  await compare(
    `after one collection (${extentsMerged} extents fewer, ${tookMs.toFixed(0)} ms)`,
    once,
    plain,
    count,
  )
  const often = await inDrops(`often-${count}`, count, 300)
  await often.db.gc()
  await compare('after one for every 300 flushes', often, plain, count)
  for (const { db } of [plain, once, often]) await db.close()
}
rmSync(folder, { recursive: true })
