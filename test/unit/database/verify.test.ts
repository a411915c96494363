// What `verify` says, word for word where a person must act on it: which samples damage costs, damage of headers, logs,
// leases, and every invariant that one instant shows, broken on purpose. test/rot/verify.test.ts has the damage at large.

import { beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../../src/database/database.ts'
import type { Environment } from '../../../src/database/environment.ts'
import { dumpIn } from '../../../src/database/dump/dump.ts'
import { openEngine } from '../../../src/database/opening/open.ts'
import type { Opened } from '../../../src/database/opening/open.ts'
import { resolveOptions } from '../../../src/database/options.ts'
import type { OpenOptions } from '../../../src/database/options.ts'
import { walkExtents } from '../../../src/database/survey/extents.ts'
import { SurveyFile } from '../../../src/database/survey/file.ts'
import { seedOfName, surveyFolder } from '../../../src/database/survey/survey.ts'
import { verifyIn } from '../../../src/database/verify/directory.ts'
import type { Problem, VerifyReport } from '../../../src/database/verify/report.ts'
import { verifyEngine } from '../../../src/database/verify/verify.ts'
import { systemClock } from '../../../src/clock.ts'
import { NotADatabaseError } from '../../../src/errors.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { EXTENT_HEADER_SIZE } from '../../../src/segment/extent-layout.ts'
import { apply } from '../../../src/version/apply.ts'
import type { Pointer } from '../../../src/version/pointer.ts'

const DIRECTORY = '/data'
const ROWS = 1200
const START = 1_700_000_000_000_000_000n
const SEGMENT = `${DIRECTORY}/segments/000001-000000000001`

let pid = 1

function environmentOf(files: MemoryFileSystem): Environment {
  const own = pid++
  return {
    files,
    clock: systemClock,
    identity: { host: 'h', bootId: 'b', pidNamespace: 'n', pid: own, startTime: String(own) },
    isAlive: () => 'dead',
    wait: () => Promise.resolve(),
    newId: () => new Uint8Array(16).fill(3),
    tuning: { reserveSize: 0 },
  }
}

async function openOn(
  files: MemoryFileSystem,
  options: OpenOptions = {},
): Promise<Opened & { db: Database }> {
  const opened = await openEngine(environmentOf(files), DIRECTORY, resolveOptions(options))
  return { ...opened, db: new Database(opened.engine, opened.flusher) }
}

function timeOf(row: number): bigint {
  return START + BigInt(row) * 1_000_000_000n
}

function isoOf(row: number): string {
  return `${new Date(Number(timeOf(row) / 1_000_000n)).toISOString().slice(0, 19)}.000000000Z`
}

/** Groups t (a, b) and u (c), 1200 rows each, in one segment, closed cleanly. */
async function makeDisk(
  more: (db: Database) => Promise<unknown> = async () => {},
): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem()
  const { db } = await openOn(disk)
  await db.channels.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
    { name: 'b', kind: 'data', type: 'int16', index: 't' },
    { name: 'u', kind: 'index' },
    { name: 'c', kind: 'data', type: 'float64', index: 'u' },
  ])
  const rows = Array.from({ length: ROWS }, (_, i) => i)
  const first = await db.openWriter(['t', 'a', 'b'])
  await first.write({ t: rows.map(timeOf), a: rows, b: rows })
  await first.close()
  const second = await db.openWriter(['u', 'c'])
  await second.write({ u: rows.map(timeOf), c: rows })
  await second.close()
  await more(db)
  await db.close()
  return disk
}

let disk: MemoryFileSystem
/** Where the extent of a channel begins in the segment, by key, 1 for t. */
const extents = new Map<number, { readonly offset: number; readonly length: number }>()

beforeAll(async () => {
  disk = await makeDisk()
  const survey = await surveyFolder(disk, DIRECTORY)
  const segment = survey.files.find(({ kind }) => kind === 'segment')!
  const file = SurveyFile.open(disk, segment.path)
  const seed = seedOfName(segment, survey.databaseId!)
  for await (const step of walkExtents(file, seed, { samples: false }))
    if (step.what === 'extent') extents.set(step.header.channel, step)
  file.close()
})

const [T, A, B, U, C] = [1, 2, 3, 4, 5] as const

/** A byte of sample `row` of a channel of doubles or times. */
function sampleAt(key: number, row: number): number {
  return extents.get(key)!.offset + EXTENT_HEADER_SIZE + 8 * row
}

async function verifyOn(files: MemoryFileSystem): Promise<VerifyReport> {
  return verifyIn(environmentOf(files), DIRECTORY)
}

/** The problems of the disk with these bytes of the segment changed. */
async function problemsWith(...offsets: readonly number[]): Promise<readonly Problem[]> {
  const copy = disk.clone()
  for (const offset of offsets) copy.corrupt(SEGMENT, offset, 1)
  return (await verifyOn(copy)).problems
}

describe('verify says of damaged samples', () => {
  it('which they are, and what to do', async () => {
    expect(await problemsWith(sampleAt(A, 130))).toEqual([
      {
        what: `samples do not match their checksum: 128 samples of "a" from ${isoOf(128)} to ${isoOf(255)} cannot be read`,
        file: SEGMENT,
        offset: sampleAt(A, 128),
        channel: 'a',
        range: { start: isoOf(128), end: isoOf(255).replace('000000000Z', '000000001Z') },
        advice: expect.stringContaining('rubidium repair'),
      },
    ])
  })

  it('neighbours as one, others apart, of several channels in one run', async () => {
    const found = await problemsWith(
      sampleAt(A, 10),
      sampleAt(A, 140),
      sampleAt(A, 900),
      sampleAt(T, 1199),
      sampleAt(C, 0),
    )
    expect(found.map(({ channel, offset }) => [channel, offset])).toEqual([
      ['t', sampleAt(T, 1152)],
      ['a', sampleAt(A, 0)],
      ['a', sampleAt(A, 896)],
      ['c', sampleAt(C, 0)],
    ])
    expect(found[0]!.what).toContain('48 samples of "t"')
    expect(found[1]!.what).toContain('256 samples of "a"')
  })

  it('the nearest times that it can tell, where the timestamps are damaged too', async () => {
    const found = await problemsWith(sampleAt(T, 200), sampleAt(A, 200))
    expect(found.map(({ channel }) => channel)).toEqual(['t', 'a'])
    // A block table tells the times of the first samples of units, and nothing that of a unit's last.
    expect(found[1]!.what).toContain(
      `128 samples of "a" from ${isoOf(128)} on, before ${isoOf(256)}, cannot be read`,
    )
    expect(found[1]!.range).toEqual({ start: isoOf(128), end: isoOf(256) })
  })

  it('of timestamps, between which times they lie and whose samples lose them', async () => {
    const found = await problemsWith(sampleAt(T, 200))
    expect(found).toMatchObject([
      { channel: 't', offset: sampleAt(T, 128), range: { start: isoOf(128), end: isoOf(256) } },
    ])
    expect(found[0]!.what).toContain('128 samples of "t"')
    expect(found[0]!.what).toContain('samples of "a", "b" there lose their timestamps')
    const cut = await makeDisk((db) => db.delete('a', { start: timeOf(100), end: timeOf(700) }))
    cut.corrupt(SEGMENT, sampleAt(T, 200), 1)
    const { problems } = await verifyOn(cut)
    expect(problems).toHaveLength(1)
    expect(problems[0]!.what).toContain('samples of "b" there lose their timestamps')
  })

  it('nothing where they were deleted', async () => {
    const cut = await makeDisk((db) => db.delete('a', { start: timeOf(100), end: timeOf(700) }))
    // Samples 128 to 255 were all deleted, of 0 to 127 only the last.
    cut.corrupt(SEGMENT, sampleAt(A, 200), 1)
    expect((await verifyOn(cut)).problems).toEqual([])
    cut.corrupt(SEGMENT, sampleAt(A, 5), 1)
    const { problems } = await verifyOn(cut)
    expect(problems).toHaveLength(1)
    expect(problems[0]!.what).toContain(`100 samples of "a" from ${isoOf(0)} to ${isoOf(99)} cannot be read`)
  })

  it('all of an extent whose header or table is damaged', async () => {
    const { offset, length } = extents.get(B)!
    for (const at of [offset + 20, offset + length - 4]) {
      const found = await problemsWith(at)
      expect(found).toHaveLength(1)
      expect(found[0]!.what).toContain(
        `1200 samples of "b" from ${isoOf(0)} to ${isoOf(1199)} cannot be read`,
      )
    }
  })
})

describe('verify says of a segment', () => {
  it('that its header is damaged, whose samples it holds, and what is damaged behind it', async () => {
    const found = await problemsWith(20, sampleAt(C, 3))
    expect(found).toMatchObject([
      {
        offset: 60,
        what: expect.stringMatching(/nothing in this segment can be read.*"t", "a", "b", "u", "c"/),
        advice: expect.stringMatching(/not lost: save it with "rubidium repair DIR TARGET"/),
      },
      { offset: sampleAt(C, 0), channel: 'c' },
    ])
  })

  it('that it is missing: once for each channel, with the times', async () => {
    const copy = disk.clone()
    await copy.remove(SEGMENT)
    const { problems } = await verifyOn(copy)
    expect(problems.map(({ channel }) => channel)).toEqual(['t', 'a', 'b', 'u', 'c'])
    for (const { what, file } of problems) {
      expect(what).toContain('the segment is missing: 1200 samples')
      expect(file).toBe(SEGMENT)
    }
  })

  it('that it ends early, of the channels that this costs', async () => {
    const copy = disk.clone()
    const file = copy.openNow(SEGMENT, 'write')
    const { offset, length } = extents.get(C)!
    file.truncateNow(offset + length - 100)
    const { problems } = await verifyOn(copy)
    expect(problems).toMatchObject([
      { channel: 'c', offset: offset + length - 100, what: expect.stringContaining('ends 100 bytes early') },
    ])
  })

  it('that another lies under its name', async () => {
    const copy = disk.clone()
    const bytes = copy.snapshotBytes(SEGMENT).slice()
    // Number 1 is 2 from now on, checksum and all.
    const other = await makeDisk()
    const { encodeFileHeader, SEGMENT_KIND } = await import('../../../src/codec/file-header.ts')
    bytes.set(
      encodeFileHeader({ kind: SEGMENT_KIND, databaseId: new Uint8Array(16).fill(3), epoch: 1, number: 2 }),
    )
    const file = other.openNow(SEGMENT, 'write')
    file.writeNow(bytes, 0)
    const { problems } = await verifyOn(other)
    expect(problems).toHaveLength(5)
    for (const { what } of problems) expect(what).toContain('says another number than its name: 1200 samples')
  })
})

describe('verify of a log', () => {
  /** Killed with a journal of several commits. */
  async function makeKilled(): Promise<MemoryFileSystem> {
    const copy = disk.clone()
    const { db, engine } = await openOn(copy)
    const writer = await db.openWriter(['t', 'a', 'b'])
    for (let i = 0; i < 20; i++) await writer.write({ t: timeOf(ROWS + i), a: i, b: i })
    engine.stopTimers()
    return copy.afterKill()
  }

  // 0010-I1
  it('tells all damaged records, and damaged samples as well', async () => {
    const killed = await makeKilled()
    const journal = killed.files().find((path) => path.includes('/journal/'))!
    const size = killed.snapshotBytes(journal).length
    killed.corrupt(journal, size - 300, 1)
    killed.corrupt(journal, size - 900, 1)
    killed.corrupt(SEGMENT, sampleAt(A, 0), 1)
    const { problems } = await verifyOn(killed)
    const inJournal = problems.filter(({ file }) => file === journal)
    expect(inJournal).toHaveLength(2)
    expect(inJournal.some(({ what }) => /bytes are damaged: record \d+ is lost/.test(what))).toBe(true)
    expect(problems.some(({ file, channel }) => file === SEGMENT && channel === 'a')).toBe(true)
    expect(problems).toHaveLength(3)
  })

  it('of a database that is open tells all damaged records, and damaged samples as well', async () => {
    const copy = disk.clone()
    const { db } = await openOn(copy)
    const writer = await db.openWriter(['t', 'a', 'b'])
    for (let i = 0; i < 20; i++) await writer.write({ t: timeOf(ROWS + i), a: i, b: i })
    const journal = copy.files().find((path) => path.includes('/journal/'))!
    const size = copy.snapshotBytes(journal).length
    copy.corrupt(journal, size - 300, 1)
    copy.corrupt(journal, size - 900, 1)
    copy.corrupt(SEGMENT, sampleAt(A, 0), 1)
    const { problems } = await db.verify()
    expect(problems.filter(({ file }) => file === journal)).toHaveLength(2)
    expect(problems.filter(({ file, channel }) => file === SEGMENT && channel === 'a')).toHaveLength(1)
    await db.close({ force: true }).catch(() => {})
  })

  // 0010-I3
  it('notes what a crash has left, and is content', async () => {
    const killed = await makeKilled()
    const journal = killed.files().find((path) => path.includes('/journal/'))!
    const file = killed.openNow(journal, 'write')
    file.truncateNow(file.sizeNow() - 9)
    await killed.makeDirectory(`${DIRECTORY}/segments`)
    for (const name of [
      'segments/000001-000000000009',
      '.tmp-FENCE-x',
      'CLEAN-000001',
      'notes.txt',
      'journal/1-1',
    ])
      if (!killed.files().includes(`${DIRECTORY}/${name}`))
        killed.openNow(`${DIRECTORY}/${name}`, 'create').closeNow()
    const { ok, problems, notes } = await verifyOn(killed)
    expect([ok, problems]).toEqual([true, []])
    const said = notes!.map(({ file: path, what }) => `${path!.slice(DIRECTORY.length + 1)}: ${what}`)
    expect(said).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^journal\/000002-\d+: the log ends with an incomplete record/),
        expect.stringMatching(/^segments\/000001-000000000009: a segment that no record names/),
        expect.stringMatching(/^\.tmp-FENCE-x: a file that was being made/),
        expect.stringMatching(/^notes\.txt: this is no file of the database/),
        expect.stringMatching(/^journal\/1-1: this is no file of the database/),
      ]),
    )
    const { db } = await openOn(killed)
    expect(await db.count('t')).toEqual({ t: ROWS + 19 })
    await db.close()
    const left = (await verifyOn(killed)).notes!.map(({ file: path }) => path!.slice(DIRECTORY.length + 1))
    expect(left.sort()).toEqual(['journal/1-1', 'notes.txt'])
  })

  it('that is gone, manifest and journal, is damage, and every extent is still looked at', async () => {
    const copy = disk.clone()
    for (const path of copy.files()) if (path.includes('/manifest/')) await copy.remove(path)
    copy.corrupt(SEGMENT, sampleAt(A, 0), 1)
    const { ok, problems } = await verifyOn(copy)
    expect(ok).toBe(false)
    expect(problems).toMatchObject([
      { file: DIRECTORY, what: expect.stringContaining('neither manifest nor journal') },
      {
        file: SEGMENT,
        offset: sampleAt(A, 0),
        what: expect.stringContaining('128 of 1200 samples of channel 2'),
      },
    ])
  })

  it('that is gone with all segments is damage where the mark of a close is left', async () => {
    const copy = disk.clone()
    for (const path of copy.files()) if (/\/(manifest|segments)\//.test(path)) await copy.remove(path)
    expect((await verifyOn(copy)).problems).toMatchObject([
      {
        what: expect.stringContaining('the mark of a clean close names logs'),
        file: `${DIRECTORY}/CLEAN-000001`,
      },
    ])
  })
})

describe('verify of what does not open', () => {
  it('says of a mark of a close that cannot be read that it may be removed, which opens', async () => {
    const copy = disk.clone()
    const mark = copy.openNow(`${DIRECTORY}/CLEAN-000001`, 'write')
    mark.truncateNow(3)
    const { problems } = await verifyOn(copy)
    expect(problems).toMatchObject([
      { file: `${DIRECTORY}/CLEAN-000001`, advice: expect.stringMatching(/keep a copy.*and remove it/) },
    ])
    await copy.remove(`${DIRECTORY}/CLEAN-000001`)
    expect((await verifyOn(copy)).problems).toEqual([])
    const { db } = await openOn(copy)
    expect(await db.count('t')).toEqual({ t: ROWS })
    await db.close()
  })

  it('notes of a folder without a log that there may have been one, where something says so', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory(DIRECTORY)
    files.openNow(`${DIRECTORY}/RESERVE`, 'create').closeNow()
    expect(await verifyOn(files)).toMatchObject({
      ok: true,
      notes: [{ what: expect.stringMatching(/no log is there.*RESERVE.*was removed/) }],
    })
    await files.remove(`${DIRECTORY}/RESERVE`)
    files.openNow(`${DIRECTORY}/LOCK`, 'create').closeNow()
    expect(await verifyOn(files)).toMatchObject({
      ok: true,
      notes: [{ what: expect.stringContaining('nothing has been written yet') }],
    })
  })

  it('says of the target of a repair that was broken off what it is, and what to do', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory(DIRECTORY)
    await files.makeDirectory(`${DIRECTORY}/repair-unfinished`)
    await expect(verifyOn(files)).rejects.toThrow(/a repair.*broken off.*remove this directory/)
    await files.makeDirectory(`${DIRECTORY}/segments`)
    files.openNow(`${DIRECTORY}/segments/000001-000000000001`, 'create').closeNow()
    const { problems } = await verifyOn(files)
    expect(problems).toMatchObject([
      {
        file: DIRECTORY,
        what: expect.stringContaining('broken off'),
        advice: expect.stringContaining('run'),
      },
    ])
    // Of one that was all but done the log is there, and its damage is told.
    const copy = disk.clone()
    await copy.makeDirectory(`${DIRECTORY}/repair-unfinished`)
    const manifest = copy.files().find((path) => path.includes('/manifest/'))!
    copy.corrupt(manifest, 100, 1)
    expect((await verifyOn(copy)).problems).toMatchObject([{ file: manifest }])
  })
})

describe('verify of a segment with holes', () => {
  /** Three stretches of which the middle of "a" is deleted, and given back in place. */
  async function makePunched(): Promise<MemoryFileSystem> {
    const files = new MemoryFileSystem({ holes: true })
    const { db } = await openOn(files)
    await db.channels.create([
      { name: 't', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 't' },
    ])
    const writer = await db.openWriter(['t', 'a'])
    const rows = Array.from({ length: 20 * ROWS }, (_, i) => i)
    await writer.write({ t: rows.map(timeOf), a: rows })
    await writer.close()
    await db.delete('a', { start: timeOf(4000), end: timeOf(12_000) })
    const { bytesPunched } = await db.gc({ threshold: 0.05 })
    expect(bytesPunched).toBeGreaterThan(30_000)
    await db.close()
    return files
  }

  it('takes none for damage, whether the database opens or not, and still finds damage beside them', async () => {
    const files = await makePunched()
    expect((await verifyOn(files)).problems).toEqual([])
    const segment = files.files().find((path) => path.includes('/segments/'))!
    const opened = SurveyFile.open(files, segment)
    const seed = seedOfName({ kind: 'segment', epoch: 1, number: 1 }, new Uint8Array(16).fill(3))
    const found = []
    for await (const step of walkExtents(opened, seed, { samples: true }))
      if (step.what === 'extent' && step.header.channel === A) found.push(step)
    opened.close()
    const lost = found[0]!.lost
    expect(found).toHaveLength(1)
    expect(lost).toHaveLength(1)
    const after = found[0]!.offset + EXTENT_HEADER_SIZE + 8 * lost[0]!.to
    const manifest = files.files().find((path) => path.includes('/manifest/'))!
    const isBroken = files.clone()
    isBroken.corrupt(manifest, isBroken.snapshotBytes(manifest).length - 4, 1)
    const { problems } = await verifyOn(isBroken)
    expect(problems.map(({ file }) => file)).toEqual([manifest])
    // Right behind the hole: deleted as well, but who cannot open it cannot tell.
    for (const copy of [files, isBroken]) copy.corrupt(segment, after, 1)
    const inSegment = async (copy: MemoryFileSystem): Promise<(number | undefined)[]> =>
      (await verifyOn(copy)).problems.filter((each) => each.file === segment).map(({ offset }) => offset)
    expect(await inSegment(files)).toEqual([])
    expect(await inSegment(isBroken)).toEqual([after])
    const live = found[0]!.offset + EXTENT_HEADER_SIZE + 8 * 12_032
    for (const copy of [files, isBroken]) copy.corrupt(segment, live, 1)
    expect(await inSegment(files)).toEqual([live])
    expect(await inSegment(isBroken)).toEqual([after, live])
  })

  it('is dumped with what was punched', async () => {
    const files = await makePunched()
    const texts = []
    for await (const { text } of dumpIn(files, DIRECTORY)) texts.push(text)
    expect(texts).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^holes: \d+ bytes of segments\/000001-000000000001 in 1 range$/),
      ]),
    )
  })
})

describe('verify of who may write', () => {
  it('says that the fence or a lease file cannot be read', async () => {
    const copy = disk.clone()
    const fence = copy.openNow(`${DIRECTORY}/FENCE`, 'write')
    fence.writeNow(Uint8Array.of(9), 0)
    expect((await verifyOn(copy)).problems).toMatchObject([
      { file: `${DIRECTORY}/FENCE`, what: 'the fence says epoch 9, and the newest lease is of 1' },
    ])
    fence.truncateNow(3)
    copy.openNow(`${DIRECTORY}/LEASE-000001`, 'write').truncateNow(30)
    expect((await verifyOn(copy)).problems).toMatchObject([
      { file: `${DIRECTORY}/LEASE-000001`, advice: expect.stringContaining('rubidium unlock') },
      { file: `${DIRECTORY}/FENCE`, what: 'the fence holds no epoch' },
    ])
  })

  it('notes a registration that nobody can read', async () => {
    const copy = disk.clone()
    await copy.makeDirectory(`${DIRECTORY}/readers`)
    copy.openNow(`${DIRECTORY}/readers/broken`, 'create').closeNow()
    expect(await verifyOn(copy)).toMatchObject({
      ok: true,
      notes: [{ file: `${DIRECTORY}/readers/broken`, what: expect.stringContaining('until it is removed') }],
    })
  })

  it('is for databases only', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('/data')
    await expect(verifyOn(files)).rejects.toThrow(NotADatabaseError)
    files.openNow('/data/notes.txt', 'create').closeNow()
    await expect(verifyOn(files)).rejects.toThrow(NotADatabaseError)
    await expect(verifyIn(environmentOf(files), '/data/notes.txt')).rejects.toThrow(NotADatabaseError)
    await expect(verifyIn(environmentOf(files), '/nothing')).rejects.toThrow(NotADatabaseError)
    files.openNow('/data/LEASE-000001', 'create').closeNow()
    expect(await verifyOn(files)).toMatchObject({ problems: [{ file: '/data/LEASE-000001' }] })
  })
})

// 0010-I2
describe('verify finds a version that breaks', () => {
  /** What is found once a channel's only pointer is another. */
  async function foundWith(key: number, change: (pointer: Pointer) => readonly Pointer[]): Promise<string[]> {
    const { engine, flusher } = await openOn(disk.clone(), { readOnly: true })
    const { version } = engine
    const pointer = version.pointers.get(key).get(0)
    const comes = change(pointer)
    const goes = { first: pointer.start, last: pointer.start, count: 1 }
    const edit = { kind: 'relocate', changes: [{ key, goes, comes }] } as const
    engine.version = apply(version, edit, version.lsn + 1)
    try {
      const { problems } = await verifyEngine(engine, {})
      return problems.map(({ what }) => what)
    } finally {
      await new Database(engine, flusher).close({ force: true })
    }
  }

  it('nothing, where nothing is changed', async () => {
    expect(await foundWith(A, (pointer) => [pointer])).toEqual([])
  })

  it('invariant 1: a pointer that is not tight', async () => {
    const early = await foundWith(U, (pointer) => [{ ...pointer, start: pointer.start - 1n }])
    expect(early).toEqual([expect.stringMatching(/^invariant 1: a pointer from .* is not tight$/)])
    const late = await foundWith(A, (pointer) => [{ ...pointer, end: pointer.end + 5n }])
    expect(late).toEqual([expect.stringMatching(/^invariant 1: a pointer from .* is not tight$/)])
  })

  it('invariant 2: another number of samples than of timestamps', async () => {
    const found = await foundWith(A, (pointer) => [{ ...pointer, count: pointer.count - 1 }])
    expect(found).toEqual([
      expect.stringMatching(/^invariant 2: 1199 samples from .* beside 1200 timestamps$/),
    ])
  })

  it('invariant 3: timestamps that do not increase', async () => {
    const half = ROWS / 2
    const found = await foundWith(U, (pointer) => [
      { ...pointer, end: timeOf(half - 1) + 1n, count: half, live: 1 },
      // The same samples once more.
      { ...pointer, start: timeOf(half), count: half, live: 1 },
    ])
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(/^invariant 3: .* follows /)]))
  })

  it('invariant 4: a pointer that reaches beyond its extent, or to nothing', async () => {
    const far = await foundWith(A, (pointer) => [{ ...pointer, skip: 100 }])
    expect(far).toEqual([expect.stringMatching(/^invariant 4: a pointer from .* reaches beyond its extent$/)])
    const astray = await foundWith(A, (pointer) => [{ ...pointer, offset: pointer.offset + 8 }])
    expect(astray[0]).toMatch(/^no extent begins here: 1200 samples of "a"/)
    const nowhere = await foundWith(A, (pointer) => [{ ...pointer, segment: pointer.segment + 7 }])
    expect(nowhere[0]).toMatch(/^the segment is missing: 1200 samples of "a"/)
  })

  it('invariant 5: more bytes live than there are', async () => {
    const found = await foundWith(A, (pointer) => [{ ...pointer, live: pointer.live + 100_000 }])
    expect(found).toEqual([expect.stringMatching(/^invariant 5: \d+ bytes are live/)])
  })

  it('invariant 11: another state than the logs tell', async () => {
    const { engine, db } = await openOn(disk.clone())
    const writer = await db.openWriter(['u', 'c'])
    await writer.write({ u: timeOf(ROWS), c: 1 })
    await writer.close()
    expect((await db.verify()).problems).toEqual([])
    const { version } = engine
    const [channel] = Object.values(version.channels)
    engine.version = {
      ...version,
      channels: { ...version.channels, [T]: { ...channel!, metadata: { x: 1 } } },
    }
    const { problems } = await db.verify()
    expect(problems.map(({ what }) => what)).toEqual(['invariant 11: replay gives other channels'])
    engine.version = version
    await db.close()
  })
})
