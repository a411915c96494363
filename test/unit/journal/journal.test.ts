// The journal: appending, rolling, and what a failed append leaves (S4). What is read back is what was
// appended, and nothing else.

import { present } from '../../../src/assert.ts'
import { describe, expect, it } from 'vitest'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { EncodedAhead } from '../../../src/journal/edit-codec.ts'
import { readFrame } from '../../../src/journal/frame.ts'
import { Journal } from '../../../src/journal/journal.ts'
import { readJournal } from '../../../src/journal/replay.ts'
import type { JournalRecord } from '../../../src/journal/record.ts'
import type { Edit } from '../../../src/version/edit.ts'
import { pointerTo, SHAPE, stripOf } from '../../support/pointers.ts'

const databaseId = new Uint8Array(16).fill(3)

async function setup(
  rollSize = 4096,
): Promise<{ disk: MemoryFileSystem; files: FaultyFileSystem; journal: Journal }> {
  const disk = new MemoryFileSystem()
  await disk.makeDirectory('db/journal')
  const files = new FaultyFileSystem(disk)
  return {
    disk,
    files,
    journal: new Journal({ files, directory: 'db', epoch: 2, databaseId, firstLsn: 5, rollSize }),
  }
}

function commit(journal: Journal, time: number, through = true): number {
  const strip = stripOf([time])
  const run = {
    kind: 'rows',
    count: 1,
    joined: true,
    parted: [],
    bytes: strip.page.bytes,
    offsets: strip.offsets,
    from: 0,
  } as const
  return journal.appendCommit([{ stream: 1, shape: SHAPE, runs: [run] }], 4, through)
}

/** All records that are on the disk, in order, files that follow taking over where they begin. */
function records(disk: MemoryFileSystem): JournalRecord[] {
  const all: JournalRecord[] = []
  for (const path of disk.files()) {
    const number = Number(path.slice(path.lastIndexOf('-') + 1))
    const contents = readJournal(disk.snapshotBytes(path), path, { epoch: 2, number, databaseId })
    while (all.length > 0 && all.at(-1)!.lsn >= number) all.pop()
    all.push(...contents.records)
  }
  return all
}

const lsns = (disk: MemoryFileSystem): number[] => records(disk).map(({ lsn }) => lsn)

describe('appending', () => {
  it('numbers records from the first LSN on, with the mark that was proven', async () => {
    const { disk, journal } = await setup()
    expect([
      commit(journal, 1),
      journal.appendEdit({ kind: 'drop', segments: [] }, 5),
      commit(journal, 2),
    ]).toEqual([5, 6, 7])
    expect(journal.lastLsn).toBe(7)
    expect(records(disk).map(({ lsn, kind, proven }) => [lsn, kind, proven])).toEqual([
      [5, 'commit', 4],
      [6, 'edit', 5],
      [7, 'commit', 4],
    ])
    expect(journal.files[0]!.commits).toEqual(new Map([[1, 7]]))
    expect(journal.size).toBe(disk.snapshotBytes(disk.files()[0]!).length)
  })

  it('keeps what is not handed through pending, and writes it before what follows', async () => {
    const { disk, journal } = await setup()
    commit(journal, 1)
    commit(journal, 2, false)
    expect(journal.pending).toBeGreaterThan(0)
    expect(lsns(disk)).toEqual([5])
    commit(journal, 3)
    expect(lsns(disk)).toEqual([5, 6, 7])
    commit(journal, 4, false)
    journal.writeOut()
    expect(lsns(disk)).toEqual([5, 6, 7, 8])
    expect(journal.pending).toBe(0)
  })

  it('writes pending records by itself once they are many', async () => {
    const { disk, journal } = await setup(1 << 20)
    for (let i = 0; i < 2000; i++) commit(journal, i, false)
    expect(lsns(disk).length).toBeGreaterThan(500)
    expect(journal.pending).toBeLessThan(2 * 64 * 1024)
  })
})

/** A delete over so many channels, and its lists, encoded ahead. */
function deleteOf(channels: number): { edit: Edit; ahead: EncodedAhead } {
  const keys = Array.from({ length: channels }, (_, i) => i + 1)
  const changes = keys.map((key) => ({
    key,
    goes: { first: BigInt(key), last: BigInt(2 * key), count: 1 + (key % 5) },
    comes: [pointerTo(10 * key, 4)],
  }))
  const tail = {
    start: 1n,
    end: 9n,
    keys,
    extents: changes.slice(0, channels / 2),
    parted: [{ key: 2, at: 9n }],
  }
  const ahead = new EncodedAhead(changes, tail)
  for (const list of [ahead.changes, ahead.keys, ahead.extents, ahead.parted]) list.encodeMore()
  return { edit: { kind: 'delete', changes, tail }, ahead }
}

describe('an edit that was encoded ahead', () => {
  // Above 64 KiB a list is written from where it is, in pieces of 256 KiB.
  const SIZES = [3, 900, 3000, 12_000] as const

  it.each(SIZES)('over %i channels is the same bytes as one that was not', async (channels) => {
    const { edit, ahead } = deleteOf(channels)
    const files = await Promise.all(
      [undefined, ahead].map(async (each) => {
        const { disk, journal } = await setup(2 ** 24)
        const edits = [journal.appendEdit(edit, 4, each)]
        commit(journal, 1, false)
        edits.push(journal.appendEdit(edit, 4, each))
        commit(journal, 2)
        const [file] = journal.files
        expect(file!.edits.map(({ lsn }) => lsn)).toEqual(edits)
        const bytes = disk.snapshotBytes(disk.files()[0]!)
        for (const { offset, length } of file!.edits)
          expect(readFrame(bytes, offset, file!.seed)).toMatchObject({ length })
        expect(lsns(disk)).toEqual([5, 6, 7, 8])
        return bytes
      }),
    )
    expect(Buffer.compare(files[1]!, files[0]!)).toBe(0)
  })

  it.each([
    [3, 1],
    [900, 3],
    [3000, 5],
    [12_000, 13],
  ])('over %i channels leaves nothing where it fails, however far it got', async (channels, writes) => {
    const { edit, ahead } = deleteOf(channels)
    let failed = 0
    for (const [nth, isFirst] of [1, 2, 3, 4, 5, 6, 7].flatMap((each) => [
      [each, true] as const,
      [each, false] as const,
    ])) {
      const { disk, files, journal } = await setup(2 ** 24)
      if (!isFirst) commit(journal, 1)
      const pending = commit(journal, 2, false)
      files.addRule({ kind: 'write', nth, fault: { short: 20 } })
      const full = files.addRule({ kind: 'write', nth: nth + 1, fault: { code: 'ENOSPC' } })
      const append = (): number => journal.appendEdit(edit, 4, ahead)
      let next = pending + 1
      try {
        expect(append()).toBe(next++)
        expect(files.struck(full)).toBe(0)
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError)
        expect(files.struck(full)).toBe(1)
        failed++
      }
      files.clearRules()
      expect(append()).toBe(next)
      expect(journal.appendEdit({ kind: 'drop', segments: [] }, 4)).toBe(next + 1)
      expect(lsns(disk)).toEqual(Array.from({ length: next - 3 }, (_, i) => 5 + i))
    }
    expect(failed).toBe(2 * Math.min(7, writes))
  })
})

describe('rolling', () => {
  it('begins another file once one is long, named by its first record, and defines shapes anew', async () => {
    const { disk, journal } = await setup(300)
    for (let i = 0; i < 12; i++) commit(journal, i)
    expect(journal.files.length).toBeGreaterThan(2)
    expect(lsns(disk)).toEqual(Array.from({ length: 12 }, (_, i) => 5 + i))
    expect(journal.namesDirty).toBe(true)
    for (const file of journal.files)
      expect(file.name).toBe(`journal/000002-${String(file.firstLsn).padStart(12, '0')}`)
  })

  it('forgets files from the oldest on', async () => {
    const { journal } = await setup()
    commit(journal, 1)
    journal.roll()
    commit(journal, 2)
    const oldest = present(journal.files[0], 'a file')
    expect(oldest).toMatchObject({ firstLsn: 5, lastLsn: 5 })
    journal.forgetOldest(oldest)
    expect(journal.files).toHaveLength(1)
    journal.roll()
    journal.forgetOldest(present(journal.files[0], 'a file'))
    expect(commit(journal, 3)).toBe(7)
  })
})

describe('a failed append', () => {
  it.each([
    { what: 'fails at once', rules: [{ kind: 'write', fault: { code: 'ENOSPC' } }] },
    {
      what: 'is short and then fails',
      rules: [
        { kind: 'write', fault: { short: 20 } },
        { kind: 'write', nth: 2, fault: { code: 'EIO' } },
      ],
    },
    {
      what: 'can not be cut back',
      rules: [
        { kind: 'write', fault: { short: 20 } },
        { kind: 'write', nth: 2, fault: { code: 'EIO' } },
        { kind: 'truncate', fault: { code: 'EIO' } },
      ],
    },
  ] as const)('that $what leaves nothing, and the next one is good', async ({ rules }) => {
    const { disk, files, journal } = await setup()
    commit(journal, 1)
    for (const rule of rules) files.addRule(rule)
    expect(() => commit(journal, 2)).toThrow(StorageError)
    expect(journal.lastLsn).toBe(5)
    expect(commit(journal, 3)).toBe(6)
    expect(journal.appendEdit({ kind: 'drop', segments: [] }, 4)).toBe(7)
    expect(lsns(disk)).toEqual([5, 6, 7])
  })

  it('that begins a file and can not be cut back refuses what follows, in words that tell what to do', async () => {
    const { disk, files, journal } = await setup()
    files.addRule({ kind: 'write', fault: { short: 20 } })
    files.addRule({ kind: 'write', nth: 2, fault: { code: 'EIO' } })
    files.addRule({ kind: 'truncate', fault: { code: 'EIO' } })
    expect(() => commit(journal, 1)).toThrow(StorageError)
    expect(() => commit(journal, 2)).toThrow(/reopen the database/)
    expect(journal.refused).toBeInstanceOf(StorageError)
    expect(() => commit(journal, 3)).toThrow(/reopen the database/)
    expect(lsns(disk)).toEqual([])
  })

  it('that defined a shape does not leave it defined', async () => {
    const { disk, files, journal } = await setup()
    journal.appendEdit({ kind: 'drop', segments: [] }, 4)
    files.addRule({ kind: 'write', fault: { code: 'EIO' } })
    expect(() => commit(journal, 1)).toThrow(StorageError)
    commit(journal, 2)
    expect(records(disk).map(({ kind }) => kind)).toEqual(['edit', 'commit'])
  })

  it('behind pending records keeps those, and they are written first', async () => {
    const { disk, files, journal } = await setup()
    commit(journal, 1, false)
    files.addRule({ kind: 'write', fault: { code: 'ENOSPC' } })
    expect(() => commit(journal, 2)).toThrow(StorageError)
    expect(() => commit(journal, 3)).not.toThrow()
    expect(lsns(disk)).toEqual([5, 6])
  })

  it('that can neither be written nor cut back while acknowledged records are pending refuses everything after it', async () => {
    const { files, journal } = await setup()
    commit(journal, 1)
    commit(journal, 2, false)
    files.addRule({ kind: 'write', fault: { code: 'EIO' } })
    files.addRule({ kind: 'truncate', fault: { code: 'EIO' } })
    expect(() => commit(journal, 3)).toThrow(StorageError)
    expect(() => commit(journal, 4)).toThrow(/reopen/)
    expect(() => {
      journal.writeOut()
    }).toThrow(/reopen/)
  })

  it('to begin a file is tried again with the next record', async () => {
    const { disk, files, journal } = await setup()
    files.addRule({ kind: 'create', fault: { code: 'EMFILE' } })
    expect(() => commit(journal, 1)).toThrow(StorageError)
    files.addRule({ kind: 'write', fault: { short: 10 } })
    files.addRule({ kind: 'write', nth: 2, fault: { code: 'ENOSPC' } })
    expect(() => commit(journal, 1)).toThrow(StorageError)
    expect(commit(journal, 1)).toBe(5)
    expect(lsns(disk)).toEqual([5])
  })
})
