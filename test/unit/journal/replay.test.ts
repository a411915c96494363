// Reading a journal file back: what is whole, what stands at its end, and marks behind damage.

import { describe, expect, it } from 'vitest'
import { HEADER_SIZE } from '../../../src/codec/file-header.ts'
import { CorruptionError } from '../../../src/errors.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { Journal } from '../../../src/journal/journal.ts'
import type { JournalRecord } from '../../../src/journal/record.ts'
import type { JournalContents, RecordRow } from '../../../src/journal/replay.ts'
import { journalSteps, readJournal, recordsBehind } from '../../../src/journal/replay.ts'
import { shapeOf } from '../../../src/journal/shape.ts'

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
  it('is read in steps of 256 records, and of 4 KiB of what one of them lists', async () => {
    const stepsOf = async (records: number, keys: number): Promise<number> => {
      const files = new MemoryFileSystem()
      await files.makeDirectory('db/journal')
      const { epoch, number: firstLsn } = IDENTITY
      const journal = new Journal({ files, directory: 'db', epoch, databaseId, firstLsn, rollSize: 1 << 24 })
      for (let i = 0; i < records; i++)
        journal.appendEdit({ kind: 'remove', keys: Array.from({ length: keys }, (_, key) => key + 1) }, 0)
      const steps = journalSteps(files.snapshotBytes(files.files()[0]!), 'journal/x', IDENTITY)
      let taken = 0
      while (steps.next().done !== true) taken++
      return taken
    }
    expect(await stepsOf(1000, 1)).toBe(3)
    expect(await stepsOf(10, 20_000)).toBe(10 * 40)
  })

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

/** A file of commits of two shapes, one of them of both, and edits between them; fill behind the last. */
async function manyCommits(): Promise<{ bytes: Uint8Array; end: number }> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('db/journal')
  const options = { files, directory: 'db', epoch: 2, databaseId, firstLsn: 5 }
  const journal = new Journal({ ...options, rollSize: 1 << 20, fillSize: 4096 })
  const shapes = [shapeOf([1, 2], ['timestamp', 'int8']), shapeOf([3], ['timestamp'])]
  for (let n = 0; n < 30; n++) {
    const some = n % 5 === 4 ? shapes : [shapes[n % 2]!]
    const sections = some.map((shape) => {
      const offsets = shape.widths.map((_, i) => 16 * i)
      const run = { count: 1 + (n % 2), joined: n > 3, parted: [], bytes: new Uint8Array(64).fill(n) }
      return { stream: n % 3, shape, runs: [{ kind: 'rows', offsets, from: 0, ...run } as const] }
    })
    journal.appendCommit(sections, 0, true)
    if (n % 7 === 6) journal.appendEdit({ kind: 'remove', keys: [n] }, n)
  }
  const end = journal.size
  journal.fillAhead(100)
  return { bytes: files.snapshotBytes(files.files()[0]!), end }
}

function behind(bytes: Uint8Array, row: RecordRow): RecordRow | undefined {
  const last = row.last!
  const steps = recordsBehind(
    bytes.subarray(last.offset),
    'journal/x',
    IDENTITY,
    last,
    row.records.at(-1)!.lsn,
  )
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** What a record says, decoded now or later. */
function wordsOf(record: JournalRecord): unknown {
  const { kind, lsn, proven, offset } = record
  const rest = record.kind === 'commit' ? record.sections : record.edit
  return { kind, lsn, proven, offset, rest }
}

describe('reading on in a journal file', () => {
  it('gives the records that reading all of it gives, wherever it was broken off, without the fill', async () => {
    const { bytes, end } = await manyCommits()
    const whole = read(bytes)
    expect([whole.records.length, whole.end, bytes.length > end]).toEqual([34, end, true])
    for (let count = 1; count < whole.records.length; count++) {
      const before = read(bytes.subarray(0, whole.records[count]!.offset))
      const rest = behind(bytes, before)!
      expect(rest).toMatchObject({ end, fault: 'end', soundBehind: false })
      expect([...before.records, ...rest.records].map(wordsOf)).toEqual(whole.records.map(wordsOf))
      expect([rest.last!.offset, rest.last!.head]).toEqual([whole.last!.offset, whole.last!.head])
      expect([...rest.last!.shapes.keys()]).toEqual([...whole.last!.shapes.keys()])
    }
    expect(behind(bytes, whole)).toMatchObject({ records: [], end, fault: 'end', last: undefined })
  })

  it('is given up where the record that was read last is not there, or not whole', async () => {
    const { bytes } = await manyCommits()
    const whole = read(bytes)
    const before = read(bytes.subarray(0, whole.records[20]!.offset))
    const { offset } = before.last!
    for (const at of [0, 5, 9, 13, 40]) {
      const damaged = Uint8Array.from(bytes)
      damaged[offset + at]! ^= 1
      expect(behind(damaged, before)).toBeUndefined()
    }
    expect(behind(bytes.subarray(0, offset + 20), before)).toBeUndefined()
    expect(behind(bytes.subarray(0, offset), before)).toBeUndefined()
  })

  it('says what stands where the sound records end', async () => {
    const { bytes } = await manyCommits()
    const whole = read(bytes)
    const before = read(bytes.subarray(0, whole.records[20]!.offset))
    const torn = behind(bytes.subarray(0, whole.records[25]!.offset - 3), before)!
    expect([torn.records.length, torn.fault, torn.soundBehind]).toEqual([4, 'short', false])
    const damaged = Uint8Array.from(bytes)
    damaged[whole.records[24]!.offset + 20]! ^= 1
    const cut = behind(damaged, before)!
    expect([cut.records.length, cut.fault, cut.soundBehind]).toEqual([4, 'damaged', true])
  })
})
