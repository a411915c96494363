// 0010-I5. The tolerant walk over damaged files: all that is sound is found, in order, wherever damage lies, and what is
// yielded covers every byte. The stores are those of the bit-rot tests.

import { beforeAll, describe, expect, it } from 'vitest'
import { SurveyFile } from '../../../src/database/survey/file.ts'
import { walkExtents } from '../../../src/database/survey/extents.ts'
import type { ExtentGap, WalkedExtent } from '../../../src/database/survey/extents.ts'
import { walkFrames, walkJournal, walkManifest } from '../../../src/database/survey/log.ts'
import type { FrameGap, WalkedFrame } from '../../../src/database/survey/log.ts'
import { seedOfName, surveyFolder } from '../../../src/database/survey/survey.ts'
import type { Survey, SurveyedFile } from '../../../src/database/survey/survey.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import type { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { EXTENT_HEADER_SIZE, UNIT_SAMPLES } from '../../../src/segment/extent-layout.ts'
import { DIRECTORY } from '../../crash/machine.ts'
import { makeStore } from '../../rot/stores.ts'
import type { Store } from '../../rot/stores.ts'

let store: Store
let survey: Survey

beforeAll(async () => {
  store = await makeStore('archived', 'killed')
  survey = await surveyFolder(store.disk, DIRECTORY)
})

/** Everything that a walk yields. */
async function all<T>(steps: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const step of steps) found.push(step)
  return found
}

function filesOf(...kinds: readonly string[]): SurveyedFile[] {
  return survey.files.filter(({ kind }) => kinds.includes(kind))
}

async function framesOf(disk: FileSystem, of: SurveyedFile): Promise<(WalkedFrame | FrameGap)[]> {
  const file = SurveyFile.open(disk, of.path)
  try {
    return await all(walkFrames(file, seedOfName(of, survey.databaseId!), { hasFill: of.kind === 'journal' }))
  } finally {
    file.close()
  }
}

async function extentsOf(disk: FileSystem, of: SurveyedFile): Promise<(WalkedExtent | ExtentGap)[]> {
  const file = SurveyFile.open(disk, of.path)
  try {
    return await all(walkExtents(file, seedOfName(of, survey.databaseId!), { samples: true }))
  } finally {
    file.close()
  }
}

function flipped(path: string, offset: number): MemoryFileSystem {
  const disk = store.disk.clone()
  disk.corrupt(path, offset, 4)
  return disk
}

/** What is yielded lies side by side and ends with the file. */
function expectToCover(steps: readonly { offset: number; length: number }[], size: number): void {
  let at = 64
  for (const { offset, length } of steps) {
    expect(offset).toBe(at)
    at += length
  }
  expect(at).toBe(size)
}

describe('the survey of a folder', () => {
  it('names every file and knows the database', () => {
    const kinds = new Set(survey.files.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(['fence', 'journal', 'lease', 'lock', 'manifest', 'reserve', 'segment'])
    expect(survey.databaseId).toEqual(new Uint8Array(16).fill(7))
    for (const { header } of filesOf('journal', 'manifest', 'segment'))
      expect(header).toMatchObject({ isWhole: true, says: { databaseId: survey.databaseId } })
    expect(survey.refusals).toEqual([])
  })

  it('says what is wrong with a header, and knows the database from the others', async () => {
    const [segment] = filesOf('segment')
    const found = await surveyFolder(flipped(segment!.path, 20), DIRECTORY)
    expect(found.databaseId).toEqual(survey.databaseId)
    const header = found.files.find(({ path }) => path === segment!.path)!.header!
    expect(header.isWhole).toBe(false)
    expect(header.fault).toEqual({
      offset: 60,
      what: 'the header of the segment does not match its checksum',
    })
  })

  it('says which file it is that lies under the name of another', async () => {
    const [one, other] = filesOf('segment')
    const disk = store.disk.clone()
    const bytes = disk.snapshotBytes(other!.path)
    const file = disk.openNow(one!.path, 'write')
    file.truncateNow(0)
    file.writeNow(bytes, 0)
    file.closeNow()
    const found = await surveyFolder(disk, DIRECTORY)
    const header = found.files.find(({ path }) => path === one!.path)!.header!
    expect(header.isWhole).toBe(true)
    expect(header.says).toMatchObject({ epoch: other!.epoch, number: other!.number })
    expect(header.fault?.what).toMatch(/another (number|epoch) than its name/)
  })

  it('is empty for a path with nothing at it', async () => {
    expect(await surveyFolder(store.disk, '/nowhere')).toMatchObject({ files: [], databaseId: undefined })
  })
})

describe('the walk over a log', () => {
  it('yields every frame, and all bytes', async () => {
    for (const file of filesOf('journal', 'manifest')) {
      const steps = await framesOf(store.disk, file)
      expectToCover(steps, file.size)
      expect(steps.filter(({ what }) => what === 'gap')).toEqual([])
      expect(steps.length).toBeGreaterThan(0)
    }
  })

  it('yields all frames but the damaged one, whichever byte is another', async () => {
    for (const file of filesOf('journal', 'manifest')) {
      const sound = await framesOf(store.disk, file)
      for (const [i, frame] of sound.entries()) {
        for (const at of [0, 5, 9, 13, frame.length - 1]) {
          const steps = await framesOf(flipped(file.path, frame.offset + at), file)
          expectToCover(steps, file.size)
          const gap = steps.find(({ what }) => what === 'gap')!
          expect(gap).toMatchObject({ offset: frame.offset, length: frame.length })
          expect(steps.filter(({ what }) => what === 'frame').map(({ offset }) => offset)).toEqual(
            sound.filter((_, k) => k !== i).map(({ offset }) => offset),
          )
        }
      }
    }
  })

  it('decodes the records of journals and the frames of manifests', async () => {
    const records = []
    for (const file of filesOf('journal')) {
      const opened = SurveyFile.open(store.disk, file.path)
      for await (const step of walkJournal(opened, seedOfName(file, survey.databaseId!))) records.push(step)
      opened.close()
    }
    expect(records).toMatchObject(store.records.map(({ lsn, proven, offset }) => ({ lsn, proven, offset })))
    expect(records.every((step) => step.what === 'record' && step.record !== undefined)).toBe(true)
    const kinds = []
    for (const file of filesOf('manifest')) {
      const opened = SurveyFile.open(store.disk, file.path)
      for await (const step of walkManifest(opened, seedOfName(file, survey.databaseId!)))
        kinds.push(step.what === 'frame' ? step.kind : step.fault)
      opened.close()
    }
    expect(kinds).toEqual(expect.arrayContaining(['begin', 'pointers', 'end', 'archive']))
    expect(kinds).not.toContain('fault')
  })

  it('says that a commit behind damage misses its shape, and goes on', async () => {
    const faults: (string | undefined)[] = []
    for (const file of filesOf('journal')) {
      for (const { offset } of await framesOf(store.disk, file)) {
        const opened = SurveyFile.open(flipped(file.path, offset + 20), file.path)
        for await (const step of walkJournal(opened, seedOfName(file, survey.databaseId!)))
          if (step.what === 'record' && step.record === undefined) {
            expect(step.lsn).toBeGreaterThan(0)
            faults.push(step.fault)
          }
        opened.close()
      }
    }
    expect(faults.length).toBeGreaterThan(0)
    expect(new Set(faults.map((fault) => fault?.replace(/\d+/, 'n')))).toEqual(
      new Set(['shape n was not defined']),
    )
  })

  it('takes fill for what it is, and an incomplete last record for short', async () => {
    const last = filesOf('journal').at(-1)!
    const disk = store.disk.clone()
    const file = disk.openNow(last.path, 'write')
    file.writeNow(new Uint8Array(100).fill(0xa5), last.size)
    const steps = await framesOf(disk, last)
    expectToCover(steps, last.size + 100)
    expect(steps.at(-1)).toEqual({ what: 'gap', offset: last.size, length: 100, fault: 'fill' })
    const filled = await makeStore('filled', 'killed')
    const found = await surveyFolder(filled.disk, DIRECTORY)
    const journal = found.files.findLast(({ kind }) => kind === 'journal')!
    expect((await framesOf(filled.disk, journal)).at(-1)).toMatchObject({ fault: 'fill' })
    file.truncateNow(last.size - 8)
    file.closeNow()
    expect((await framesOf(disk, last)).at(-1)).toMatchObject({ what: 'gap', fault: 'short' })
  })

  it('goes on where a length is a lie', async () => {
    const [file] = filesOf('journal')
    const [first, ...others] = await framesOf(store.disk, file!)
    const disk = store.disk.clone()
    const opened = disk.openNow(file!.path, 'write')
    const lie = new DataView(new ArrayBuffer(12))
    lie.setUint32(0, 1 << 20, true)
    lie.setUint32(8, (1 << 20) - 24, true)
    opened.writeNow(new Uint8Array(lie.buffer), first!.offset + 4)
    opened.closeNow()
    const steps = await framesOf(disk, file!)
    expect(steps[0]).toMatchObject({ what: 'gap', fault: 'damaged', length: first!.length })
    expect(steps).toHaveLength(others.length + 1)
  })
})

describe('the walk over a segment', () => {
  it('yields every extent, and all bytes', async () => {
    for (const file of filesOf('segment')) {
      const steps = await extentsOf(store.disk, file)
      expectToCover(steps, file.size)
      for (const step of steps) expect(step).toMatchObject({ what: 'extent', lost: [] })
    }
  })

  it('yields all extents but the one whose header is damaged', async () => {
    for (const file of filesOf('segment')) {
      const sound = await extentsOf(store.disk, file)
      for (const [i, { offset, length }] of sound.entries()) {
        const steps = await extentsOf(flipped(file.path, offset + 33), file)
        expectToCover(steps, file.size)
        expect(steps[i]).toEqual({ what: 'gap', offset, length, isZero: false })
        expect(steps.map((step) => step.offset)).toEqual(sound.map((step) => step.offset))
      }
    }
  })

  it('says which samples of an extent are lost', async () => {
    for (const file of filesOf('segment')) {
      for (const [i, sound] of (await extentsOf(store.disk, file)).entries()) {
        if (sound.what === 'gap') throw new Error('no gaps expected')
        const { offset, table, header } = sound
        const units = Math.ceil(header.count / UNIT_SAMPLES)
        const from = (units - 1) * UNIT_SAMPLES
        const at = offset + EXTENT_HEADER_SIZE + from * table!.width
        const steps = await extentsOf(flipped(file.path, at), file)
        expect(steps[i]).toMatchObject({ what: 'extent', lost: [{ from, to: header.count }] })
        const tableless = await extentsOf(flipped(file.path, offset + header.tableOffset + 17), file)
        expect(tableless[i]).toMatchObject({
          fault: { what: 'a block table does not match its checksum' },
          lost: [{ from: 0, to: header.count }],
          table: undefined,
        })
      }
    }
  })

  it('takes what the disk refuses for damage, and remembers why', async () => {
    const file = filesOf('segment')[0]!
    const faulty = new FaultyFileSystem(store.disk.clone())
    faulty.addRule({ kind: 'read', path: /segments/, times: Infinity, fault: { code: 'EIO' } })
    const opened = SurveyFile.open(faulty, file.path)
    const steps = await all(walkExtents(opened, seedOfName(file, survey.databaseId!), { samples: true }))
    expect(steps).toEqual([{ what: 'gap', offset: 64, length: file.size - 64, isZero: true }])
    expect(opened.refusals[0]).toMatchObject({ offset: 64, error: { code: 'EIO' } })
    opened.close()
  })

  it('ends when it is told to', async () => {
    const file = filesOf('segment')[0]!
    const opened = SurveyFile.open(store.disk, file.path)
    const signal = AbortSignal.abort(new Error('enough'))
    const steps = walkExtents(opened, seedOfName(file, survey.databaseId!), { samples: true, signal })
    await expect(all(steps)).rejects.toThrow('enough')
    opened.close()
  })
})
