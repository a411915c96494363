// Fill ahead of the journal's end: written where strict commits are waited for, and nothing to whoever reads. An
// incomplete record is told from a damaged one over fill as at the end of a file (0002, 0005).

import { describe, expect, it } from 'vitest'
import { present } from '../../../src/assert.ts'
import { HEADER_SIZE } from '../../../src/codec/file-header.ts'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { fillOf, planFill, withoutFill } from '../../../src/journal/fill.ts'
import { Journal } from '../../../src/journal/journal.ts'
import { readJournal } from '../../../src/journal/replay.ts'
import type { JournalContents } from '../../../src/journal/replay.ts'

const databaseId = new Uint8Array(16).fill(3)
const FILL = 0xa5

interface Setup {
  readonly disk: MemoryFileSystem
  readonly files: FaultyFileSystem
  readonly journal: Journal
  readonly append: () => number
  readonly bytes: () => Uint8Array
}

async function setup(fillSize = 1024, rollSize = 1 << 20): Promise<Setup> {
  const disk = new MemoryFileSystem()
  await disk.makeDirectory('db/journal')
  const files = new FaultyFileSystem(disk)
  const journal = new Journal({
    files,
    directory: 'db',
    epoch: 2,
    databaseId,
    firstLsn: 5,
    rollSize,
    fillSize,
  })
  const append = (): number => journal.appendEdit({ kind: 'remove', keys: [0xa5a5a5, 2] }, 4)
  const bytes = (): Uint8Array => disk.snapshotBytes(disk.files().at(-1)!)
  return { disk, files, journal, append, bytes }
}

function read(bytes: Uint8Array): JournalContents {
  return readJournal(bytes, 'journal/x', { epoch: 2, number: 5, databaseId })
}

/** Five records, over fill where `isFilled`; and where each begins. */
async function fiveRecords(
  isFilled: boolean,
): Promise<{ bytes: Uint8Array; offsets: number[]; end: number }> {
  const { journal, append, bytes } = await setup()
  append()
  if (isFilled) journal.fillAhead(5)
  for (let i = 0; i < 4; i++) append()
  const file = present(journal.files[0], 'a file')
  return { bytes: bytes(), offsets: file.edits.map(({ offset }) => offset), end: file.size }
}

describe('fill', () => {
  it('is planned where less than an eighth of it lies ahead, from where it ends, up to the limit', () => {
    expect(planFill(100, 0, 800, 10_000)).toEqual({ from: 100, to: 900 })
    expect(planFill(800, 900, 800, 10_000)).toBeUndefined()
    expect(planFill(801, 900, 800, 10_000)).toEqual({ from: 900, to: 1601 })
    expect(planFill(801, 900, 800, 950)).toEqual({ from: 900, to: 950 })
    expect(planFill(901, 900, 800, 900)).toBeUndefined()
    expect(planFill(100, 0, 0, 10_000)).toBeUndefined()
  })

  it('at the end of a file is taken off, and a header never is', () => {
    const file = new Uint8Array(HEADER_SIZE + 8).fill(FILL)
    expect(withoutFill(file)).toHaveLength(HEADER_SIZE)
    file[HEADER_SIZE + 4] = 1
    expect(withoutFill(file)).toHaveLength(HEADER_SIZE + 5)
    file[HEADER_SIZE + 7] = 0
    expect(withoutFill(file)).toBe(file)
    expect([...fillOf(3), ...fillOf(2)]).toEqual([FILL, FILL, FILL, FILL, FILL])
  })
})

describe('a journal that is filled ahead', () => {
  it('overwrites the fill, fills again when little is left, and counts none of it', async () => {
    const { journal, append, bytes } = await setup()
    append()
    journal.fillAhead(5)
    const filled = journal.size + 1024
    expect(bytes()).toHaveLength(filled)
    while (journal.size + 200 < filled) append()
    journal.fillAhead(5)
    expect(bytes()).toHaveLength(filled)
    while (journal.size + 100 < filled) append()
    journal.fillAhead(5)
    expect(bytes()).toHaveLength(journal.size + 1024)
    expect(read(bytes())).toMatchObject({ fault: 'end', end: journal.size, soundBehind: false })
    expect(read(bytes()).records).toHaveLength(journal.lastLsn - 4)
  })

  it('is not filled before a record of the file is proven, nor when it has ended', async () => {
    const { journal, append, bytes } = await setup()
    journal.fillAhead(100)
    append()
    journal.fillAhead(4)
    expect(bytes()).toHaveLength(journal.size)
    journal.roll()
    journal.fillAhead(5)
    expect(bytes()).toHaveLength(journal.size)
  })

  it('is filled to the length at which the next file begins, and cut back when that one does', async () => {
    const { disk, journal, append } = await setup(1024, 600)
    append()
    journal.fillAhead(5)
    const first = present(disk.files()[0], 'a file')
    expect(disk.snapshotBytes(first)).toHaveLength(600)
    while (journal.files.length < 2) append()
    expect(disk.snapshotBytes(first)).toHaveLength(present(journal.files[0], 'a file').size)
    expect(read(disk.snapshotBytes(first)).fault).toBe('end')
  })

  it('reads the same where the fill could not be cut off when the next file began', async () => {
    const { disk, files, journal, append } = await setup()
    append()
    journal.fillAhead(5)
    journal.roll()
    files.addRule({ kind: 'truncate', fault: { code: 'EIO' } })
    expect(append()).toBe(6)
    const first = disk.snapshotBytes(present(disk.files()[0], 'a file'))
    expect(first.length).toBeGreaterThan(1024)
    expect(read(first)).toMatchObject({ fault: 'end', end: present(journal.files[0], 'a file').size })
  })

  it.each([
    { what: 'at once', fault: { code: 'ENOSPC' }, cut: undefined },
    { what: 'when a part is written', fault: { short: 100 }, cut: undefined },
    { what: 'and can not be cut back', fault: { short: 100 }, cut: { code: 'EIO' } },
  ] as const)(
    'does without where filling fails $what, and no append is the worse for it',
    async ({ fault, cut }) => {
      const { files, journal, append, bytes } = await setup()
      append()
      files.addRule({ kind: 'write', fault })
      if (cut !== undefined) files.addRule({ kind: 'truncate', fault: cut })
      journal.fillAhead(5)
      files.clearRules()
      expect(bytes()).toHaveLength(journal.size + (cut === undefined ? 0 : 100))
      for (let i = 0; i < 9; i++) append()
      journal.fillAhead(10)
      expect(bytes()).toHaveLength(journal.size)
      expect(read(bytes())).toMatchObject({ fault: 'end', end: journal.size })
      journal.roll()
      append()
      journal.fillAhead(journal.lastLsn)
      expect(bytes().length).toBeGreaterThan(1024)
    },
  )

  it('loses its fill with a failed append that is cut off, and is filled again', async () => {
    const { files, journal, append, bytes } = await setup()
    append()
    journal.fillAhead(5)
    files.addRule({ kind: 'write', fault: { short: 20 } })
    files.addRule({ kind: 'write', nth: 2, fault: { code: 'EIO' } })
    expect(append).toThrow(StorageError)
    expect(bytes()).toHaveLength(journal.size)
    expect(append()).toBe(6)
    journal.fillAhead(6)
    expect(bytes()).toHaveLength(journal.size + 1024)
    expect(read(bytes())).toMatchObject({ fault: 'end', end: journal.size })
  })
})

describe('a journal file with fill', () => {
  it('that is cut anywhere in it ends where its records do', async () => {
    const { bytes, end } = await fiveRecords(true)
    for (let length = end; length <= bytes.length; length++) {
      const contents = read(bytes.subarray(0, length))
      expect(contents).toMatchObject({ end, fault: 'end', soundBehind: false })
      expect(contents.records).toHaveLength(5)
    }
  })

  it('over which a record was written in part, of any length, has an incomplete last one', async () => {
    const { bytes, offsets, end } = await fiveRecords(true)
    const last = offsets[4]!
    for (let written = 1; written < end - last; written++) {
      const torn = bytes.slice()
      torn.fill(FILL, last + written, end)
      const { records, fault, end: at, soundBehind } = read(torn)
      expect([records.length, at, fault, soundBehind]).toEqual([4, last, 'short', false])
    }
  })

  it('is damaged by any flipped bit of its last record, as one without', async () => {
    const { bytes, offsets, end } = await fiveRecords(true)
    const last = offsets[4]!
    const lengthField = (at: number): boolean => at >= last + 4 && at < last + 8
    for (let at = last; at < end; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const rotten = bytes.slice()
        rotten[at]! ^= 1 << bit
        const { records, fault } = read(rotten)
        expect(records).toHaveLength(4)
        // As without fill: a length that has grown past the end is not told from a cut.
        expect(lengthField(at) ? ['damaged', 'short'] : ['damaged']).toContain(fault)
      }
    }
  })

  it('is damaged where a record, whole or in part, became zeroes', async () => {
    const { bytes, offsets, end } = await fiveRecords(true)
    const last = offsets[4]!
    // (Its last number ends in zeroes itself, 11 bytes before its end.)
    for (let from = last; from <= end - 11; from++) {
      const lost = bytes.slice()
      lost.fill(0, from, end)
      expect(read(lost).fault).toBe('damaged')
      lost.fill(0, from)
      expect(read(lost).fault).toBe('damaged')
    }
  })

  it('is damaged where fill became something else', async () => {
    const { bytes, end } = await fiveRecords(true)
    for (const at of [end, end + 5, bytes.length - 1]) {
      const rotten = bytes.slice()
      rotten[at]! ^= 1
      expect(read(rotten)).toMatchObject({ end, fault: expect.stringMatching(/damaged|short/) })
    }
  })

  it('has an incomplete record with sound ones behind it, where fill lies between', async () => {
    const { bytes, offsets } = await fiveRecords(true)
    const holed = bytes.slice()
    holed.fill(FILL, offsets[2]! + 24, offsets[3])
    expect(read(holed)).toMatchObject({ end: offsets[2], soundBehind: true, proven: 4 })
    holed.fill(FILL, offsets[2], offsets[3])
    expect(read(holed)).toMatchObject({ end: offsets[2], fault: 'damaged', soundBehind: true, proven: 4 })
  })

  it('holds the records of one without', async () => {
    const [filled, plain] = [await fiveRecords(true), await fiveRecords(false)]
    expect(plain.bytes).toHaveLength(plain.end)
    expect(withoutFill(filled.bytes)).toEqual(plain.bytes)
  })
})
