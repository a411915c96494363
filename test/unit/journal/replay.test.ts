// Reading a journal file back: what is whole, what stands at its end, and marks behind damage.

import { describe, expect, it } from 'vitest'
import { HEADER_SIZE } from '../../../src/codec/file-header.ts'
import { CorruptionError } from '../../../src/errors.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { Journal } from '../../../src/journal/journal.ts'
import type { JournalContents } from '../../../src/journal/replay.ts'
import { readJournal } from '../../../src/journal/replay.ts'

const databaseId = new Uint8Array(16).fill(3)
const IDENTITY = { epoch: 2, number: 5, databaseId }

/** A file of five edits, whose marks grow from 0 to 4, and where each begins. */
async function fiveEdits(): Promise<{ bytes: Uint8Array; offsets: readonly number[] }> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('db/journal')
  const journal = new Journal({
    files,
    directory: 'db',
    epoch: 2,
    databaseId,
    firstLsn: 5,
    rollSize: 1 << 20,
  })
  for (let i = 0; i < 5; i++) journal.appendEdit({ kind: 'remove', keys: [i + 1, i + 2] }, i)
  return {
    bytes: files.snapshotBytes(files.files()[0]!),
    offsets: journal.files[0]!.edits.map(({ offset }) => offset),
  }
}

function read(bytes: Uint8Array): JournalContents {
  return readJournal(bytes, 'journal/x', IDENTITY)
}

describe('a journal file', () => {
  it('that is whole ends where its bytes do', async () => {
    const { bytes, offsets } = await fiveEdits()
    const contents = read(bytes)
    expect(contents).toMatchObject({
      firstLsn: 5,
      end: bytes.length,
      fault: 'end',
      soundBehind: false,
      proven: 4,
    })
    expect(contents.records.map(({ offset }) => offset)).toEqual(offsets)
  })

  it('that is cut anywhere keeps its whole records', async () => {
    const { bytes, offsets } = await fiveEdits()
    for (let length = HEADER_SIZE; length < bytes.length; length++) {
      const whole = offsets.filter((_, i) => (offsets[i + 1] ?? bytes.length) <= length).length
      const contents = read(bytes.subarray(0, length))
      expect(contents.records).toHaveLength(whole)
      expect(contents.fault).toBe(length === contents.end ? 'end' : 'short')
      expect(contents.soundBehind).toBe(false)
    }
  })

  it('that is damaged in the middle tells of the marks behind the damage', async () => {
    const { bytes, offsets } = await fiveEdits()
    bytes[offsets[2]! + 20]! ^= 4
    expect(read(bytes)).toMatchObject({ end: offsets[2], fault: 'damaged', soundBehind: true, proven: 4 })
    expect(read(bytes).records).toHaveLength(2)
  })

  it('whose last record is damaged has nothing sound behind it', async () => {
    const { bytes, offsets } = await fiveEdits()
    bytes[offsets[4]! + 20]! ^= 4
    expect(read(bytes)).toMatchObject({ end: offsets[4], fault: 'damaged', soundBehind: false, proven: 3 })
  })

  it('that ends in zeroes is damaged there', async () => {
    const { bytes } = await fiveEdits()
    const longer = new Uint8Array(bytes.length + 100)
    longer.set(bytes)
    expect(read(longer)).toMatchObject({ end: bytes.length, fault: 'damaged', soundBehind: false })
  })

  it('with a record of another number is refused', async () => {
    const { bytes } = await fiveEdits()
    expect(() => readJournal(bytes, 'journal/x', { ...IDENTITY, number: 6 })).toThrow(CorruptionError)
    expect(() => readJournal(bytes, 'journal/x', { ...IDENTITY, databaseId: new Uint8Array(16) })).toThrow(
      CorruptionError,
    )
  })
})
