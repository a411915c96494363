import { describe, expect, it } from 'vitest'
import { CorruptionError } from '../../../src/errors.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { segmentFile, segmentIdOf } from '../../../src/fs/layout.ts'
import { createSegment, FIRST_EXTENT, openSegment, segmentSeed } from '../../../src/segment/segment-file.ts'
import { DATABASE_ID } from '../../support/stored-segment.ts'

const ID = segmentIdOf(3, 17)

async function disk(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem()
  await files.makeDirectory('db/segments')
  return files
}

describe('a segment file', () => {
  it('opens as what it was created', async () => {
    const files = await disk()
    createSegment(files, 'db', ID, DATABASE_ID).closeNow()
    const file = openSegment(files, 'db', ID, DATABASE_ID)
    expect(file.sizeNow()).toBe(FIRST_EXTENT)
    expect(file.path).toContain('segments/000003-000000000017')
  })

  it('is created only once', async () => {
    const files = await disk()
    createSegment(files, 'db', ID, DATABASE_ID)
    expect(() => createSegment(files, 'db', ID, DATABASE_ID)).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    )
  })

  it('that is gone says so in the words of the file system', async () => {
    const files = await disk()
    expect(() => openSegment(files, 'db', ID, DATABASE_ID)).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    )
  })

  it('is refused under another name, in another database, cut short, and then not left open', async () => {
    const files = await disk()
    createSegment(files, 'db', ID, DATABASE_ID).closeNow()
    const other = segmentIdOf(3, 18)
    await files.link(`db/${segmentFile(ID)}`, `db/${segmentFile(other)}`)
    expect(() => openSegment(files, 'db', other, DATABASE_ID)).toThrow(CorruptionError)
    expect(() => openSegment(files, 'db', ID, DATABASE_ID.with(0, 99))).toThrow(CorruptionError)
    const file = files.openNow(`db/${segmentFile(ID)}`, 'write')
    file.truncateNow(63)
    file.closeNow()
    expect(() => openSegment(files, 'db', ID, DATABASE_ID)).toThrow(CorruptionError)
    expect(files.openFiles).toEqual([])
  })

  it('has other checksums than every other segment', () => {
    const ids = [ID, segmentIdOf(3, 18), segmentIdOf(4, 17)]
    const seeds = ids.map((id) => segmentSeed(id, DATABASE_ID))
    expect(new Set([...seeds, segmentSeed(ID, DATABASE_ID.with(0, 99))]).size).toBe(4)
  })
})
