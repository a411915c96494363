// Faults found by reading: records that cannot be written.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { Journal } from '../../src/journal/journal.ts'
import { MAX_FRAME } from '../../src/journal/frame.ts'
import { readJournal } from '../../src/journal/replay.ts'
import { shapeOf } from '../../src/journal/shape.ts'
import { StorageError } from '../../src/errors.ts'

const databaseId = new Uint8Array(16).fill(5)

async function makeJournal(): Promise<{ files: MemoryFileSystem; journal: Journal }> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('/data/journal')
  const options = { files, directory: '/data', epoch: 1, databaseId, firstLsn: 1, rollSize: 2 ** 40 }
  return { files, journal: new Journal(options) }
}

function contentsOf(files: MemoryFileSystem): ReturnType<typeof readJournal> {
  const path = '/data/journal/000001-000000000001'
  return readJournal(files.snapshotBytes(path), path, { epoch: 1, number: 1, databaseId })
}

describe('a record that cannot be encoded', () => {
  it('leaves nothing behind that spoils the next ones', async () => {
    const { files, journal } = await makeJournal()
    journal.appendEdit({ kind: 'drop', segments: [1] }, 0)
    expect(() => journal.appendEdit({ kind: 'drop', segments: [2, -1] }, 0)).toThrow(/u64/)
    const shape = shapeOf([1], ['timestamp'])
    const run = {
      kind: 'rows',
      count: 1,
      joined: false,
      parted: [],
      bytes: new Uint8Array(8),
      offsets: [0],
      from: 0,
    } as const
    const section = { stream: 1, shape, runs: [run, { ...run, count: -1 }] }
    expect(() => journal.appendCommit([section], 0, false)).toThrow(/u32/)
    journal.appendCommit([{ ...section, runs: [run] }], 0, false)
    journal.appendEdit({ kind: 'drop', segments: [3] }, 0)
    const { records, fault } = contentsOf(files)
    expect(records.map(({ lsn, kind }) => [lsn, kind])).toEqual([
      [1, 'edit'],
      [2, 'commit'],
      [3, 'edit'],
    ])
    expect(fault).toBe('end')
  })
})

describe('a commit larger than what recovery believes of a frame', () => {
  it('is refused instead of lost', async () => {
    const { journal } = await makeJournal()
    const shape = shapeOf([1], ['timestamp'])
    const bytes = new Uint8Array(8)
    const run = {
      kind: 'rows',
      count: MAX_FRAME / 16,
      joined: false,
      parted: [],
      bytes,
      offsets: [0],
      from: 0,
    } as const
    expect(() => journal.appendCommit([{ stream: 1, shape, runs: [run, run] }], 0, false)).toThrow(
      StorageError,
    )
    expect(journal.lastLsn).toBe(0)
    expect(journal.pending).toBe(0)
  })
})
