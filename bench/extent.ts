// What do checksums, tables and verification cost beside moving the bare bytes? Encodes extents beside a
// bare copy, and reads windows of 1,000 rows of 3 channels and a whole channel beside bare positional
// reads, both into fresh arrays (a read gives its caller one), out of the page cache, interleaved in one
// run; ratios first. No sync. Run: npx tsx bench/extent.ts

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { nodeFileSystem } from '../src/fs/node-file-system.ts'
import type { ExtentOwner, ExtentRef } from '../src/segment/extent-header.ts'
import { encodeExtent, extentSize } from '../src/segment/extent-writer.ts'
import { createSegment, FIRST_EXTENT, segmentSeed } from '../src/segment/segment-file.ts'
import { SegmentReader } from '../src/segment/segment-reader.ts'
import { TableCache } from '../src/segment/table-cache.ts'
import { byteWidth, type DataType } from '../src/telem/data-type.ts'

const SEGMENT = 2 ** 32 + 1
const DATABASE_ID = new Uint8Array(16).fill(7)
const SEED = segmentSeed(SEGMENT, DATABASE_ID)
const WINDOW = 1_000
const ROWS = 2_000_000
const MEGABYTE = 131_072

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`)
}

function samplesOf(type: DataType, count: number): Uint8Array {
  if (type === 'timestamp') {
    return new Uint8Array(BigInt64Array.from({ length: count }, (_, i) => BigInt(i) * 1_000n).buffer)
  }
  if (type === 'float64') {
    return new Uint8Array(Float64Array.from({ length: count }, (_, i) => Math.sin(i)).buffer)
  }
  return Uint8Array.from({ length: count * byteWidth(type) }, (_, i) => (i * 7919) >>> 4)
}

function owner(type: DataType, isIndex: boolean): ExtentOwner {
  return { channel: isIndex ? 1 : 2, type, isIndex }
}

const scratch = new Uint8Array(2 * 1024 * 1024)

function encode(whose: ExtentOwner, sources: Uint8Array, count: number, fileOffset: number): number {
  const extent = { ...whose, epoch: 1, lsn: 1, firstTime: 0n, lastTime: 1n, sources, count }
  return encodeExtent(scratch, 0, extent, SEED, fileOffset)
}

const bench = new Bench({ time: 500, warmupTime: 200 })

/** Pairs of task names: what is measured, and the bare work beside it. */
const pairs: [string, string][] = []

function pair(name: string, bareName: string, measured: () => unknown, bare: () => unknown): void {
  bench.add(name, () => void measured())
  bench.add(bareName, () => void bare())
  pairs.push([name, bareName])
}

for (const [type, isIndex, count] of [
  ['timestamp', true, WINDOW],
  ['float64', false, WINDOW],
  ['int16', false, WINDOW],
  ['int64', false, WINDOW],
  ['float64', false, MEGABYTE],
  ['float64', false, 1],
] as const) {
  const bytes = samplesOf(type, count)
  const copy = new Uint8Array(bytes.length)
  const size = extentSize(type, count, isIndex)
  const name = `${isIndex ? 'index' : type} x ${count}`
  pair(
    `encode ${name}`,
    `copy ${name}`,
    () => expectEqual(encode(owner(type, isIndex), bytes, count, 64), size, 'bytes encoded'),
    () => copy.set(bytes),
  )
}

interface Stored {
  readonly whose: ExtentOwner
  readonly refs: readonly ExtentRef[]
  readonly perExtent: number
}

const directory = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))
try {
  await nodeFileSystem.makeDirectory(`${directory}/segments`)
  const file = createSegment(nodeFileSystem, directory, SEGMENT, DATABASE_ID)
  const reader = new SegmentReader(file, SEGMENT, SEED, new TableCache(32 * 1024 * 1024))
  let end = FIRST_EXTENT

  const store = (whose: ExtentOwner, perExtent: number): Stored => {
    const bytes = samplesOf(whose.type, ROWS)
    const width = byteWidth(whose.type)
    const refs: ExtentRef[] = []
    for (let row = 0; row < ROWS; row += perExtent) {
      const count = Math.min(perExtent, ROWS - row)
      const length = encode(whose, bytes.subarray(row * width, (row + count) * width), count, end)
      file.writeNow(scratch.subarray(0, length), end)
      refs.push({ offset: end, length })
      end += length
    }
    return { whose, refs, perExtent }
  }

  /** Reads rows `from` to `to` out of as many extents as hold them. */
  const read = ({ whose, refs, perExtent }: Stored, from: number, to: number, target: Uint8Array): void => {
    for (let row = from; row < to;) {
      const extent = Math.floor(row / perExtent)
      const count = Math.min(to, (extent + 1) * perExtent) - row
      const part = target.subarray((row - from) * 8, (row - from + count) * 8)
      reader.readSamplesNow(refs[extent]!, whose, row - extent * perExtent, count, part)
      row += count
    }
  }

  let seed = 1
  const nextRow = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed % (ROWS - WINDOW)
  }
  const kilobyte = new Uint8Array(1024)

  for (const [label, perExtent] of [
    ['8 KB extents', WINDOW],
    ['1 MB extents', MEGABYTE],
  ] as const) {
    const channels = [
      store(owner('float64', false), perExtent),
      store(owner('float64', false), perExtent),
      store(owner('timestamp', true), perExtent),
    ]
    pair(
      `windows, ${label}`,
      `bare reads beside ${label}`,
      () => {
        const row = nextRow()
        const columns = channels.map((channel) => {
          const column = new BigInt64Array(WINDOW)
          read(channel, row, row + WINDOW, new Uint8Array(column.buffer))
          return column
        })
        expectEqual(columns[2]![0], BigInt(row) * 1_000n, 'the first time of a window')
      },
      () => {
        const row = nextRow()
        const columns = channels.map(({ refs }) => {
          const column = new BigInt64Array(WINDOW)
          file.readNow(new Uint8Array(column.buffer), refs[0]!.offset + 64 + 8 * row)
          return column
        })
        expectEqual(columns.length, 3, 'columns read')
      },
    )
    const index = channels[2]!
    pair(
      `time look-ups, ${label}`,
      `bare reads of 1 KB beside ${label}`,
      () => {
        const row = nextRow()
        const extent = Math.floor(row / perExtent)
        const found = reader.lowerBoundNow(index.refs[extent]!, index.whose, BigInt(row) * 1_000n)
        expectEqual(found.position, row % perExtent, 'the position of a time')
      },
      () => file.readNow(kilobyte, index.refs[0]!.offset + 64 + 8 * nextRow()),
    )
    pair(
      `whole channel, ${label}`,
      `bare read beside whole channel, ${label}`,
      () => read(index, 0, ROWS, new Uint8Array(8 * ROWS)),
      () => file.readNow(new Uint8Array(8 * ROWS), index.refs[0]!.offset),
    )
  }

  await bench.run()
  file.closeNow()
} finally {
  rmSync(directory, { recursive: true })
}

const micros = (name: string): number => {
  const result = bench.getTask(name)?.result
  if (result === undefined || !('latency' in result)) throw new Error(`${name} did not finish`)
  return result.latency.p50 * 1_000
}
for (const [name, bareName] of pairs) {
  const [time, bare] = [micros(name), micros(bareName)]
  console.log(
    `${name.padEnd(32)} ${(bare / time).toFixed(2)} of bare speed  (${time.toFixed(2)} us, bare ${bare.toFixed(2)} us)`,
  )
}
