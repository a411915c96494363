// Checkpoints and archives: what is written reads back; what is not whole counts for nothing; a torn
// archive ends what counts.

import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../../../src/codec/byte-writer.ts'
import { DecodeError } from '../../../src/codec/decode-error.ts'
import { CorruptionError, StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { GuardSet } from '../../../src/guard/guard-set.ts'
import { unguarded } from '../../../src/guard/held.ts'
import type { Held } from '../../../src/guard/held.ts'
import { encodeEdit, encodeRanges } from '../../../src/journal/edit-codec.ts'
import { checkpointFrames, CheckpointReader, POINTERS_A_FRAME } from '../../../src/manifest/checkpoint.ts'
import type { CheckpointFacts } from '../../../src/manifest/checkpoint.ts'
import { Manifest, manifestSteps, readManifest } from '../../../src/manifest/manifest.ts'
import type { ManifestContents } from '../../../src/manifest/manifest.ts'
import { apply } from '../../../src/version/apply.ts'
import type { Edit } from '../../../src/version/edit.ts'
import { Holes } from '../../../src/version/holes.ts'
import { SegmentTable } from '../../../src/version/segment-table.ts'
import { FlushedLsns } from '../../../src/version/flushed-lsns.ts'
import type { Version } from '../../../src/version/version.ts'
import { INDEX_CHANNEL, pointerTo, versionWith } from '../../support/pointers.ts'

const databaseId = new Uint8Array(16).fill(5)
const FACTS = { covers: 30, bootId: 'boot' }

function sample(pointers = 10): Version {
  const list = Array.from({ length: pointers }, (_, i) => pointerTo(1 + i * 4, 2, { joined: i % 3 === 1 }))
  return { ...versionWith({ 1: list, 2: list }), lsn: 31, flushed: FlushedLsns.of([[1, 29]]) }
}

/** A version as plain data, to compare. */
function plain(version: Version): unknown {
  return {
    ...version,
    pointers: [...version.pointers.entries()].map(([key, table]) => [key, [...table.slice(0, table.length)]]),
    segments: [...version.segments.entries()],
    flushed: [...version.flushed.entries()],
  }
}

interface Setup {
  readonly disk: MemoryFileSystem
  readonly files: FaultyFileSystem
  readonly held: Held<'manifest', 'exclusive'>
  readonly identity: Parameters<typeof Manifest.write>[1]
}

async function setup(): Promise<Setup> {
  const disk = new MemoryFileSystem()
  await disk.makeDirectory('db/manifest')
  await disk.syncDirectory('/')
  await disk.syncDirectory('db')
  const files = new FaultyFileSystem(disk)
  const guards = new GuardSet({ clock: { monotonicMs: () => 0 } })
  const held = await guards.acquire(unguarded, { rank: 'manifest', mode: 'exclusive', purpose: 'test' })
  return { disk, files, held, identity: { files, directory: 'db', epoch: 3, databaseId } }
}

function read(
  disk: MemoryFileSystem,
  change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): ManifestContents | undefined {
  const [path] = disk.files()
  return readManifest(change(disk.snapshotBytes(path!)), path!, { epoch: 3, number: 31, databaseId })
}

function archived(lsn: number, edit: Edit): { lsn: number; bytes: Uint8Array } {
  const to = new ByteWriter()
  encodeEdit(to, edit)
  return { lsn, bytes: to.view().slice() }
}

const noTurn = (): undefined => undefined

/** The frames of a checkpoint, each when it is whole. */
function* framesOf(version: Version, to: ByteWriter): Generator<number, undefined, void> {
  for (const kind of checkpointFrames(version, FACTS, to)) if (kind !== undefined) yield kind
  return undefined
}

/** Takes a frame, all steps of it. */
function taken(
  reader: CheckpointReader,
  kind: number,
  payload: Uint8Array,
): { version: Version; facts: CheckpointFacts } | undefined {
  const steps = reader.take(kind, payload)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

describe('a checkpoint', () => {
  it.each([0, 10, POINTERS_A_FRAME, POINTERS_A_FRAME + 1, 3 * POINTERS_A_FRAME])(
    'of %i pointers reads back',
    (count) => {
      const version = sample(count)
      const to = new ByteWriter()
      const reader = new CheckpointReader()
      let whole: ReturnType<typeof taken>
      for (const kind of framesOf(version, to)) {
        expect(whole).toBeUndefined()
        whole = taken(reader, kind, to.view().slice())
        to.reset()
      }
      expect(whole?.facts).toEqual(FACTS)
      expect(plain(whole!.version)).toEqual(plain(version))
    },
  )

  it.each([1, 8192, 8193, 20_000])('with %i holes in two segments reads back', (count) => {
    const holes = Holes.of(
      Array.from({ length: count }, (_, i) => ({ start: 4096 * (2 * i + 1), end: 8192 * (i + 1) })),
    )
    const size = holes.end + 4096
    const version = {
      ...sample(),
      segments: SegmentTable.from([
        [1, { size, live: 9, holes }],
        [7, { size, live: 0, holes }],
      ]),
    }
    const to = new ByteWriter()
    const reader = new CheckpointReader()
    let whole: ReturnType<typeof taken>
    for (const kind of framesOf(version, to)) {
      whole = taken(reader, kind, to.view().slice())
      to.reset()
    }
    expect(plain(whole!.version)).toEqual(plain(version))
  })

  it('with holes that cannot be is refused', () => {
    const take = (id: number, ...ranges: { start: number; end: number }[]): void => {
      const to = new ByteWriter()
      const reader = new CheckpointReader()
      const frames = framesOf(sample(), to)
      taken(reader, frames.next().value!, to.view().slice())
      to.reset()
      to.u64(id)
      encodeRanges(to, ranges)
      taken(reader, 5, to.view().slice())
    }
    take(1, { start: 0, end: 8 })
    for (const wrong of [
      () => take(99, { start: 0, end: 8 }),
      () => take(1),
      () => take(1, { start: 8, end: 8 }),
      () => take(1, { start: 0, end: 8 }, { start: 7, end: 9 }),
    ])
      expect(wrong).toThrow(DecodeError)
  })

  it('whose frames are missing, doubled or out of order is refused', () => {
    const to = new ByteWriter()
    const list: { kind: number; payload: Uint8Array }[] = []
    for (const kind of framesOf(sample(), to)) {
      list.push({ kind, payload: to.view().slice() })
      to.reset()
    }
    expect(list.map(({ kind }) => kind)).toEqual([1, 2, 2, 3])
    const take = (order: readonly number[]): void => {
      const reader = new CheckpointReader()
      for (const i of order) taken(reader, list[i]!.kind, list[i]!.payload)
    }
    const last = list.length - 1
    expect(() => {
      take([0, 1, last])
    }).toThrow(DecodeError)
    expect(() => {
      take([1])
    }).toThrow(DecodeError)
    expect(() => {
      take([0, 0])
    }).toThrow(DecodeError)
    expect(() => {
      taken(new CheckpointReader(), 77, new Uint8Array(8))
    }).toThrow(DecodeError)
  })
})

describe('a manifest', () => {
  it('is written and read in steps, however many channels, frames and archived changes there are', async () => {
    const { disk, held, identity } = await setup()
    const pointers = Array.from({ length: 3000 }, (_, i) => [i + 1, [pointerTo(5, 2)]] as const)
    const channels = Object.fromEntries(
      pointers.map(([key]) => [key, { ...INDEX_CHANNEL, key, name: `t${key}` }]),
    )
    const version = { ...versionWith(Object.fromEntries(pointers)), lsn: 31, channels, nextKey: 3001 }
    let turns = 0
    const turn = async (): Promise<void> => {
      turns++
    }
    const manifest = await Manifest.write(held, identity, version, FACTS, turn)
    expect(turns).toBeGreaterThan(90)
    const stepsNow = (): number => {
      const [path] = disk.files()
      const steps = manifestSteps(disk.snapshotBytes(path!), path!, { epoch: 3, number: 31, databaseId })
      let taken = 0
      while (steps.next().done !== true) taken++
      return taken
    }
    // 46 for the channels, as many for their tables, and 16 KiB of frames each.
    const before = stepsNow()
    expect(before).toBeGreaterThan(90)
    const changes = pointers.map(([key]) => ({ key, comes: [pointerTo(10, 2)] }))
    await manifest.archive(held, [archived(32, { kind: 'relocate', changes })], 32, 32)
    expect(stepsNow() - before).toBeGreaterThan(40)
    expect(read(disk)!.version.pointers.get(3000).samples).toBe(4)
  })

  it('is synced, contents and name, before it counts', async () => {
    const { disk, held, identity } = await setup()
    const version = sample()
    const manifest = await Manifest.write(held, identity, version, FACTS, noTurn)
    expect(manifest).toMatchObject({ name: 'manifest/000003-000000000031', lsn: 31, covers: 30 })
    expect(plain(read(disk.afterPowerLoss(0))!.version)).toEqual(plain(version))
    expect(read(disk)).toMatchObject({ facts: FACTS, covers: 30, isTorn: false, end: manifest.size })
  })

  it('with archived edits is the version after them, and covers what they say', async () => {
    const { disk, held, identity } = await setup()
    const version = sample()
    const manifest = await Manifest.write(held, identity, version, FACTS, noTurn)
    const old: Edit = { kind: 'remove', keys: [2] }
    const edit: Edit = {
      kind: 'relocate',
      changes: [{ key: 1, goes: { first: 1n, last: 1n, count: 1 }, comes: [] }],
    }
    // An edit at or below the checkpoint is in it already.
    await manifest.archive(held, [archived(31, old), archived(33, edit)], 35, 36)
    await manifest.archive(held, [], 40, 47)
    expect(manifest.covers).toBe(40)
    const contents = read(disk)!
    expect(contents).toMatchObject({ covers: 40, proven: 47, end: manifest.size, isTorn: false })
    expect(plain(contents.version)).toEqual(plain(apply(version, edit, 33)))
  })

  it('whose checkpoint is cut or damaged anywhere counts for nothing', async () => {
    const { disk, held, identity } = await setup()
    const { size } = await Manifest.write(held, identity, sample(), FACTS, noTurn)
    for (let length = 64; length < size; length += 8)
      expect(read(disk, (bytes) => bytes.subarray(0, length))).toBeUndefined()
    for (let at = 64; at < size; at += 5) {
      const flip = (bytes: Uint8Array): Uint8Array => bytes.with(at, bytes[at]! ^ 16)
      expect(read(disk, flip)).toBeUndefined()
    }
  })

  it('whose last archive is torn counts up to it, and says so', async () => {
    const { disk, held, identity } = await setup()
    const manifest = await Manifest.write(held, identity, sample(), FACTS, noTurn)
    const { size } = manifest
    await manifest.archive(held, [archived(33, { kind: 'remove', keys: [2] })], 35, 36)
    for (let length = size + 1; length < manifest.size; length++) {
      expect(read(disk, (bytes) => bytes.subarray(0, length))).toMatchObject({
        covers: 30,
        end: size,
        isTorn: true,
      })
    }
    expect(read(disk, (bytes) => bytes.with(size + 20, 0xee))).toMatchObject({ covers: 30, isTorn: true })
  })

  it('whose sound archive contradicts the version is damage', async () => {
    const { disk, held, identity } = await setup()
    const manifest = await Manifest.write(held, identity, sample(), FACTS, noTurn)
    await manifest.archive(held, [{ lsn: 33, bytes: Uint8Array.of(99) }], 35, 36)
    expect(() => read(disk)).toThrow(CorruptionError)
  })

  it('that could not be written leaves no file', async () => {
    const { disk, files, held, identity } = await setup()
    files.addRule({ kind: 'sync', fault: { failSync: true, cleanPages: false } })
    await expect(Manifest.write(held, identity, sample(), FACTS, noTurn)).rejects.toThrow(StorageError)
    expect(disk.files()).toEqual([])
  })

  it('takes a failed archive back, and is broken where it cannot, or where a sync failed', async () => {
    const { disk, files, held, identity } = await setup()
    const manifest = await Manifest.write(held, identity, sample(), FACTS, noTurn)
    files.addRule({ kind: 'write', fault: { short: 12 } })
    files.addRule({ kind: 'write', nth: 2, fault: { code: 'ENOSPC' } })
    await expect(manifest.archive(held, [], 35, 36)).rejects.toThrow(StorageError)
    expect([manifest.isBroken, manifest.covers]).toEqual([false, 30])
    expect(read(disk)).toMatchObject({ covers: 30, isTorn: false })
    files.addRule({ kind: 'sync', fault: { failSync: true, cleanPages: false } })
    await expect(manifest.archive(held, [], 36, 36)).rejects.toThrow(StorageError)
    expect(manifest.isBroken).toBe(true)
  })
})
