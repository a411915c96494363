// Structure-aware fuzzing of what reads journals, manifests, segments, leases and marks (0002-I2): logs that
// were changed behind right checksums either read as something valid or are damage, in the decoders alone
// and in a database that is opened on them. Nothing else is thrown, nothing is allocated by a count that
// nobody checked, nothing goes on for ever.

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { AssertionError } from '../../src/assert.ts'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { checksum, fileSeed } from '../../src/codec/checksum.ts'
import { DecodeError } from '../../src/codec/decode-error.ts'
import { JOURNAL_KIND, MANIFEST_KIND } from '../../src/codec/file-header.ts'
import { readCleanMark } from '../../src/database/opening/clean-mark.ts'
import { dumpIn } from '../../src/database/dump/dump.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { verifyIn } from '../../src/database/verify/directory.ts'
import { CorruptionError, DependentDataError, SnapshotExpiredError, StorageError } from '../../src/errors.ts'
import { parseNumbered } from '../../src/fs/layout.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { Database } from '../../src/index.ts'
import { takeSteps } from '../../src/steps.ts'
import { editSteps } from '../../src/journal/edit-codec.ts'
import { recordSteps } from '../../src/journal/record.ts'
import { readJournal } from '../../src/journal/replay.ts'
import { Fence } from '../../src/lease/fence.ts'
import { readLease } from '../../src/lease/lease-file.ts'
import { readManifest } from '../../src/manifest/manifest.ts'
import { decodeExtentHeader } from '../../src/segment/extent-header.ts'
import { EXTENT_HEADER_SIZE } from '../../src/segment/extent-layout.ts'
import { verifyExtent } from '../../src/segment/verify-extent.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { at as timeAt, SMALL } from '../crash/session.ts'
import { propertyOptions } from '../support/seeds.ts'
import { bytesOf as samplesOf, dataOwner, INDEX, StoredSegment, times } from '../support/stored-segment.ts'
import { absolute, bytesOf, filesOf } from './damage.ts'
import { RotMachine } from './machine.ts'
import { fileOf, framesOf, logMutation, mutate, mutateLog, mutation } from './mutations.ts'
import type { Frames } from './mutations.ts'
import { makeStore, OPTIONS } from './stores.ts'
import type { Store } from './stores.ts'

const databaseId = new Uint8Array(16).fill(7)
const MEMORY_LIMIT = 16 * 1024 * 1024

/** A log file of a store. */
interface Log {
  readonly store: Store
  readonly path: string
  readonly kind: typeof JOURNAL_KIND | typeof MANIFEST_KIND
  readonly epoch: number
  readonly number: number
  readonly seed: number
  readonly frames: Frames
}

const logs: Log[] = []

/** The log's store with the log changed behind right checksums. */
function changed(
  { store, path, frames, seed }: Log,
  mutations: Parameters<typeof mutateLog>[1],
): MemoryFileSystem {
  const disk = store.disk.clone()
  const file = disk.openNow(absolute(path), 'write')
  file.truncateNow(0)
  file.writeNow(fileOf(mutateLog(frames, mutations), seed), 0)
  file.closeNow()
  return disk
}

beforeAll(async () => {
  for (const [name, ending] of [
    ['archived', 'closed'],
    ['archived', 'killed'],
    ['reopened', 'restarted'],
  ] as const) {
    const store = await makeStore(name, ending)
    for (const path of filesOf(store.disk)) {
      const [folder, base = ''] = path.split('/')
      const parsed = parseNumbered(base)
      if (parsed === undefined || folder === 'segments') continue
      const kind = folder === 'journal' ? JOURNAL_KIND : MANIFEST_KIND
      const seed = fileSeed(databaseId, kind, parsed.epoch, parsed.number)
      const frames = framesOf(bytesOf(store.disk, path), seed)
      expect(frames.frames.length).toBeGreaterThan(0)
      logs.push({ store, path, kind, ...parsed, seed, frames })
    }
  }
})

const choice = fc.nat({ max: 0xffff })
const changes = fc.array(logMutation, { minLength: 1, maxLength: 2 })

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length]!
}

/** Runs a decoder: its result, or undefined where it says that the bytes are damaged. */
function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof DecodeError) return undefined
    throw error
  }
}

describe('the decoders', () => {
  // 0002-I2
  it('take journals and manifests that were changed behind right checksums, or call them damaged', () => {
    fc.assert(
      fc.property(choice, changes, (at, mutations) => {
        const log = pick(logs, at)
        const bytes = fileOf(mutateLog(log.frames, mutations), log.seed)
        const identity = { epoch: log.epoch, number: log.number, databaseId }
        const before = process.memoryUsage().arrayBuffers
        decoded<unknown>(() =>
          log.kind === JOURNAL_KIND
            ? readJournal(bytes, log.path, identity)
            : readManifest(bytes, log.path, identity),
        )
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_LIMIT)
      }),
      propertyOptions(1000),
    )
  })

  it('take any bytes as a record or an edit, or call them damaged', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(choice, choice, fc.array(mutation, { maxLength: 3 })).map(([log, frame, mutations]) => {
        const { frames } = pick(logs, log).frames
        return mutate(pick(frames, frame).payload, mutations)
      }),
    )
    fc.assert(
      fc.property(bytes, fc.constantFrom(1, 2, 3), (payload, kind) => {
        decoded(() => takeSteps(recordSteps(kind, payload, 64, new Map())))
        decoded(() => takeSteps(editSteps(new ByteReader(payload.subarray(16)))))
        expect(payload.length).toBeLessThan(10_000)
      }),
      propertyOptions(1000),
    )
  })

  it('take extents that were changed behind right checksums, or call them damaged', async () => {
    const header = fc.record({ at: fc.integer({ min: 8, max: 63 }), value: fc.bigInt(0n, 2n ** 64n - 1n) })
    const table = fc.array(mutation, { maxLength: 2 })
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(header, { maxLength: 2 }),
        table,
        async (isIndex, fields, tables) => {
          const segment = await StoredSegment.create()
          const owner = isIndex ? INDEX : dataOwner('int16')
          const samples = isIndex ? times(300) : Int16Array.from({ length: 300 }, (_, i) => i)
          const ref = segment.append(owner, samples)
          const bytes = segment.disk.snapshotBytes(segment.path).slice(ref.offset)
          const { tableOffset } = decodeExtentHeader(bytes, segment.seed, ref.offset, segment.path)
          // Of one size: what is longer or shorter than its pointer says never gets this far.
          const changed = mutate(bytes.subarray(tableOffset), tables)
          bytes.set(changed.subarray(0, bytes.length - tableOffset), tableOffset)
          const view = new DataView(bytes.buffer, bytes.byteOffset)
          const tableSum = checksum(bytes.subarray(tableOffset + 4), segment.seed, ref.offset + tableOffset)
          view.setUint32(tableOffset, tableSum, true)
          for (const { at, value } of fields) view.setUint8(at, Number(value & 0xffn))
          const sum = checksum(bytes.subarray(8, EXTENT_HEADER_SIZE), segment.seed, ref.offset)
          view.setUint32(4, sum, true)
          segment.file.writeNow(bytes, ref.offset)
          const target = new Uint8Array(samples.byteLength)
          const before = process.memoryUsage().arrayBuffers
          const read = decoded(() => {
            segment.reader().readSamplesNow(ref, owner, 0, 300, target)
            return target
          })
          const problems = await verifyExtent(segment.file, segment.seed, ref, owner)
          // What the samples' own checksums vouch for is right, whatever else was changed.
          if (read !== undefined) expect(read).toEqual(samplesOf(samples))
          else expect(problems.length).toBeGreaterThan(0)
          for (const { offset } of problems) expect(offset).toBeLessThanOrEqual(ref.offset + ref.length)
          if (isIndex) decoded(() => segment.reader().lowerBoundNow(ref, owner, BigInt(samples[150]!)))
          expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_LIMIT)
        },
      ),
      propertyOptions(200),
    )
  })

  it('take any bytes as a lease, a fence and a clean mark, or call them damaged', async () => {
    const { store } = logs[0]!
    const files = ['LEASE-000001', 'FENCE', 'CLEAN-000001'] as const
    const contents = files.map((path) => bytesOf(store.disk, path))
    const change = fc.oneof(
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 }), change, async (which, how) => {
        const disk = new MemoryFileSystem()
        await disk.makeDirectory('db')
        const file = disk.openNow(`db/${files[which]!}`, 'create')
        const bytes = Array.isArray(how) ? mutate(contents[which]!, how) : how
        if (bytes.length > 0) file.writeNow(bytes, 0)
        if (which === 0) expect(readLease(disk, 'db', 1)).toMatchObject({ epoch: 1 })
        else if (which === 1) {
          const epoch = decoded(() => Fence.open(disk, 'db')!.read())
          expect(epoch === undefined || Number.isSafeInteger(epoch)).toBe(true)
        } else {
          const mark = await readCleanMark(disk, 'db', 1).catch((error: unknown) => error)
          expect(mark instanceof CorruptionError || mark instanceof Object).toBe(true)
          if (!(mark instanceof CorruptionError)) expect(mark).toHaveProperty('logs')
        }
      }),
      propertyOptions(300),
    )
  })
})

describe('a database whose log was changed behind right checksums', () => {
  it('opens, reads and takes deletes and collections, or says where the damage is', async () => {
    await fc.assert(
      fc.asyncProperty(choice, changes, fc.boolean(), async (at, mutations, readOnly) => {
        const log = pick(logs, at)
        const disk = changed(log, mutations)
        const outcome = await openAndUse(disk, log.store, readOnly)
        expect(outcome).toMatch(/^(right|damage|contradiction)$/)
      }),
      {
        ...propertyOptions(150),
        // Flushed rows without times: verify looked them up. A pointer of four thousand million bytes: recovery took
        // memory for it before it looked at the file. A single sample without a time: a read looked it up. Bytes that are
        // live and in no segment: a delete and a removal threw what is not in the contract.
        examples: [
          [
            34809,
            [
              {
                kind: 'payload',
                frame: 52429,
                mutations: [
                  { kind: 'copy', at: 42131, from: 1171, length: 9 },
                  { kind: 'set', at: 1171, width: 1, value: 1073741824n },
                ],
              },
              { kind: 'payload', frame: 0, mutations: [{ kind: 'add', at: 44905, width: 1, value: 1n }] },
            ],
            true,
          ],
          [
            36858,
            [
              {
                kind: 'payload',
                frame: 27307,
                mutations: [
                  { kind: 'insert', at: 50495, bytes: Uint8Array.of(1, 0, 0, 0, 33, 0, 0, 0, 223) },
                  { kind: 'add', at: 44939, width: 1, value: 1n },
                ],
              },
            ],
            false,
          ],
          [
            65522,
            [
              {
                kind: 'payload',
                frame: 43969,
                mutations: [{ kind: 'set', at: 62212, width: 4, value: 4294967295n }],
              },
            ],
            false,
          ],
          [
            35696,
            [{ kind: 'payload', frame: 9720, mutations: [{ kind: 'set', at: 16846, width: 4, value: 0n }] }],
            false,
          ],
        ],
      },
    )
  })
})

describe('frames of a database whose log was changed behind right checksums', () => {
  it('come to an end where timestamps do not increase', async () => {
    const log = pick(logs, 65_533)
    const disk = changed(log, [
      {
        kind: 'payload',
        frame: 5131,
        mutations: [
          { kind: 'set', at: 46_633, width: 2, value: 9223372036854775808n },
          { kind: 'set', at: 35_608, width: 4, value: 16825789762680429025n },
        ],
      },
    ])
    const machine = RotMachine.opener(disk, log.store.ending !== 'restarted')
    const { engine, flusher } = await openEngine(
      machine.environment({ ...SMALL, ...OPTIONS.tuning }),
      DIRECTORY,
      {
        ...resolveOptions({ syncInterval: '20d' }),
        segmentSize: OPTIONS.segmentSize,
        memoryBudget: 256 * 1024,
      },
    )
    engine.stopTimers()
    const db = new Database(engine, flusher)
    const names = db.channels.list().map(({ name }) => name)
    const lengths: number[] = []
    const walk = async (): Promise<void> => {
      for await (const frame of db.frames(names, {}, { samples: 5 })) {
        lengths.push(Math.max(...names.map((name) => frame.column(name).length)))
        if (lengths.length > 1000) return
      }
    }
    await expect(walk()).rejects.toMatchObject({ code: 'STORAGE', cause: expect.any(AssertionError) })
    expect(Math.min(...lengths)).toBeGreaterThan(0)
  })
})

describe('what looks at files without believing them', () => {
  it('throws nothing for logs that were changed behind right checksums', async () => {
    await fc.assert(
      fc.asyncProperty(choice, changes, async (at, mutations) => {
        const log = pick(logs, at)
        const disk = changed(log, mutations)
        const before = process.memoryUsage().arrayBuffers
        let size = 0
        for await (const { level, length = 0, what } of dumpIn(disk, absolute(log.path), { details: true }))
          if (level === 0 && what !== 'file') size += length
        expect(size).toBe(bytesOf(disk, log.path).length)
        const machine = RotMachine.opener(disk, log.store.ending !== 'restarted')
        const report = await verifyIn(machine.environment({ ...SMALL, ...OPTIONS.tuning }), DIRECTORY)
        expect(JSON.parse(JSON.stringify(report))).toEqual(report)
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_LIMIT)
      }),
      {
        ...propertyOptions(60),
        // A pointer into a segment that never was, over the time of others: verify threw where it went on inside it.
        // More samples than their run has timestamps, in an extent that is not there: it looked up the time of the last.
        examples: [
          [
            14293,
            [
              {
                kind: 'payload',
                frame: 5042,
                mutations: [
                  { kind: 'add', at: 37535, width: 1, value: 1n },
                  { kind: 'copy', at: 41109, from: 8937, length: 8 },
                  { kind: 'set', at: 45876, width: 1, value: 0n },
                ],
              },
              { kind: 'payload', frame: 0, mutations: [{ kind: 'set', at: 89, width: 1, value: 0n }] },
            ],
          ],
          [
            5,
            [
              {
                kind: 'payload',
                frame: 39322,
                mutations: [
                  { kind: 'set', at: 41004, width: 8, value: 281371897495552n },
                  { kind: 'add', at: 44509, width: 2, value: -1n },
                ],
              },
            ],
          ],
        ],
      },
    )
  })

  it('throws nothing for extents whose headers were changed behind right checksums', async () => {
    const field = fc.record({ at: fc.integer({ min: 8, max: 63 }), value: fc.nat({ max: 255 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 3 }), async (fields) => {
        const segment = await StoredSegment.create()
        const ref = segment.append(
          dataOwner('int16'),
          Int16Array.from({ length: 300 }, (_, i) => i),
        )
        segment.append(INDEX, times(300))
        const bytes = segment.disk.snapshotBytes(segment.path).slice(ref.offset)
        const view = new DataView(bytes.buffer, bytes.byteOffset)
        for (const { at, value } of fields) view.setUint8(at, value)
        view.setUint32(4, checksum(bytes.subarray(8, EXTENT_HEADER_SIZE), segment.seed, ref.offset), true)
        segment.file.writeNow(bytes.subarray(0, EXTENT_HEADER_SIZE), ref.offset)
        let [size, found] = [0, 0]
        for await (const entry of dumpIn(segment.disk, segment.path, { details: true })) {
          if (entry.level === 0 && entry.what !== 'file') size += entry.length ?? 0
          if (entry.what === 'extent') found++
        }
        expect(size).toBe(segment.disk.snapshotBytes(segment.path).length)
        expect(found).toBeGreaterThan(0)
      }),
      propertyOptions(200),
    )
  })
})

/** Opens and uses everything: whether that ended well, or with damage; other errors are thrown. */
async function openAndUse(disk: MemoryFileSystem, store: Store, readOnly: boolean): Promise<string> {
  const machine = RotMachine.opener(disk, store.ending !== 'restarted')
  const before = process.memoryUsage().arrayBuffers
  try {
    const { engine, flusher } = await openEngine(
      machine.environment({ ...SMALL, ...OPTIONS.tuning }),
      DIRECTORY,
      {
        ...resolveOptions({ syncInterval: '20d', readOnly }),
        segmentSize: OPTIONS.segmentSize,
        memoryBudget: 256 * 1024,
      },
    )
    try {
      const db = new Database(engine, flusher)
      JSON.stringify(await db.stats())
      await db.verify()
      const outcomes = new Set<string>()
      for (const use of usesOf(db, readOnly))
        outcomes.add(await use().then(() => 'right', outcomeOf(readOnly)))
      return ['contradiction', 'damage'].find((outcome) => outcomes.has(outcome)) ?? 'right'
    } finally {
      engine.stopTimers()
    }
  } catch (error) {
    return outcomeOf(readOnly)(error)
  } finally {
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_LIMIT)
    expect(disk.operations).toBeLessThan(20_000)
  }
}

/** What users do with what opened, each whatever became of the others. */
function usesOf(db: Database, readOnly: boolean): (() => Promise<unknown>)[] {
  const names = db.channels.list().map(({ name }) => name)
  const reads = names.flatMap((name) => [
    () => db.read(name, {}, { timestamps: true }),
    () => db.latest(name, 100),
    () => db.count(name),
    () => db.bounds(name),
  ])
  const frames = async (): Promise<void> => {
    for await (const frame of db.frames(names, {}, { samples: 50 })) expect(frame.isEmpty).toBe(false)
  }
  if (readOnly) return [...reads, frames]
  const deletes = names.map((name) => () => db.delete(name, { end: timeAt(10) }))
  const gc = (): Promise<unknown> => db.gc({ threshold: 0 })
  const remove = (): Promise<void> => db.channels.remove(names)
  return [...reads, frames, gc, ...deletes, gc, () => db.delete(names, {}), gc, remove, gc]
}

/** Damage, or a contradiction; throws what users are not to be told. */
function outcomeOf(readOnly: boolean): (error: unknown) => string {
  return (error) => {
    // Times may be asked for that another channel still has samples at.
    if (error instanceof DependentDataError) return 'right'
    // Records of the right form that contradict each other: nothing is made of them.
    if (error instanceof StorageError && error.cause instanceof AssertionError) return 'contradiction'
    // A segment that never was: a reader takes it for one that was collected.
    if (readOnly && error instanceof SnapshotExpiredError) return 'damage'
    // A collection cannot open it, or remove it.
    if (!readOnly && error instanceof StorageError && /segments/.test(error.message)) return 'damage'
    if (!(error instanceof CorruptionError)) throw error
    // A pointer may lead to a segment that never was.
    expect(error.file).toMatch(/^\/srv\/data\/(journal|manifest|segments)\//)
    expect(Number.isInteger(error.offset) && error.offset >= 0).toBe(true)
    return 'damage'
  }
}
