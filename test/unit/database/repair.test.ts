// `repair`: what is salvaged of each kind of damage, unit by unit, what is told of the rest, and what happens to
// the damaged database (nothing) and to a target that is not done with (it never opens). 0009-I1 to I4; test/rot
// does the same to every byte of small stores.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { channel, open, repair, verify } from '../../../src/index.ts'
import type { Database, RepairProgress, RepairReport } from '../../../src/index.ts'
import { openIn } from '../../../src/database/public.ts'
import { repairIn, UNFINISHED } from '../../../src/database/repair/repair.ts'
import type { RepairOptions } from '../../../src/database/repair/repair.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { FILL } from '../../../src/journal/fill.ts'
import { extentLayout } from '../../../src/segment/extent-layout.ts'
import { toISO } from '../../../src/telem/timestamp.ts'
import { Machine } from '../../crash/machine.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const [SOURCE, TARGET] = ['/data/damaged', '/data/repaired']
const LONG = { syncInterval: '20d' } as const

/** A process of its own for each call: those before are dead. */
function machineOn(disk: MemoryFileSystem): Machine {
  return new Machine(disk, 1, nextPid++)
}
let nextPid = 100

async function openOn(disk: MemoryFileSystem, directory: string): Promise<Database> {
  const db = await openIn(machineOn(disk).environment({}), directory, LONG)
  onTestFinished(() => db.close({ force: true }).catch(() => {}))
  return db
}

function repairOn(
  disk: MemoryFileSystem,
  options: RepairOptions = {},
  files: FileSystem = disk,
): Promise<RepairReport> {
  return repairIn({ ...machineOn(disk).environment({ reserveSize: 0 }), files }, SOURCE, TARGET, options)
}

const ROWS = 3000
const STEP = 10n

/** Three channels of `ROWS` rows in one extent each, every `STEP` ns from 0 on; `value` counts, `small` is its last byte. */
async function makeSource(
  fill: (db: Database) => Promise<unknown> = async () => {},
): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem()
  const db = await openOn(disk, SOURCE)
  await db.channels.create([
    { name: 'time', kind: 'index', metadata: { site: 'north' } },
    { name: 'value', kind: 'data', type: 'float64', index: 'time', unit: 'bar' },
    { name: 'small', kind: 'data', type: 'uint8', index: 'time' },
  ])
  const rows = Array.from({ length: ROWS }, (_, i) => i)
  const writer = await db.openWriter(['time', 'value', 'small'])
  await writer.write({
    time: rows.map((i) => BigInt(i) * STEP),
    value: rows.map((i) => i + 0.5),
    small: rows.map((i) => i % 256),
  })
  await writer.close()
  await fill(db)
  await db.close()
  return disk
}

/** Where the extents of a source's first segment begin: of `time`, `value`, `small`. */
const EXTENTS = (() => {
  const time = 64
  const value = time + extentLayout(8, ROWS, true)!.length
  return { time, value, small: value + extentLayout(8, ROWS, false)!.length }
})()

function segmentOf(disk: MemoryFileSystem): string {
  return disk.files().find((path) => path.startsWith(`${SOURCE}/segments/`))!
}

function flip(disk: MemoryFileSystem, offset: number, path = segmentOf(disk)): void {
  disk.corrupt(path, offset, 4)
}

async function removeLogs(disk: MemoryFileSystem): Promise<void> {
  for (const path of disk.files())
    if (path.startsWith(SOURCE) && /\/(manifest|journal)\//.test(path)) await disk.remove(path)
}

async function readAll(
  db: Database,
): Promise<Record<string, { times: bigint[]; values: unknown[]; domains: number[] }>> {
  const all: Record<string, { times: bigint[]; values: unknown[]; domains: number[] }> = {}
  for (const { name } of db.channels.list()) {
    const frame = await db.read(name, {}, { timestamps: true })
    all[name] = {
      times: [...frame.timestamps(name)],
      values: [...frame.column(name)],
      domains: frame.series(name).map(({ length }) => length),
    }
  }
  return all
}

/** All of a database on a disk: opened, verified, read. */
async function look(disk: MemoryFileSystem, directory: string): Promise<Awaited<ReturnType<typeof readAll>>> {
  const db = await openOn(disk, directory)
  expect((await db.verify()).problems).toEqual([])
  const all = await readAll(db)
  await db.close()
  return all
}

describe('a database that is whole', () => {
  it('is copied with its channels, domains, partial deletes and values', async () => {
    const disk = await makeSource(async (db) => {
      await db.delete('value', { start: 100n, end: 200n })
      await db.delete(['time', 'value', 'small'], { start: 20_000n, end: 21_000n })
      const writer = await db.openWriter(['time', 'value', 'small'])
      await writer.write({ time: [40_000n, 40_007n], value: [Number.NaN, -0], small: [1, 255] })
      await writer.close()
      await db.channels.rename('small', '__proto__')
    })
    const before = await look(disk.clone(), SOURCE)
    const definitions = (await openOn(disk.clone(), SOURCE)).channels.list()
    const report = await repairOn(disk)
    expect(report).toMatchObject({
      complete: true,
      source: 'opened',
      mayHoldDeleted: false,
      lost: [],
      untold: [],
    })
    expect(await look(disk, TARGET)).toEqual(before)
    expect((await openOn(disk, TARGET)).channels.list()).toEqual(definitions)
  })

  it('gives a target that can be written to', async () => {
    const disk = await makeSource()
    await repairOn(disk)
    const db = await openOn(disk, TARGET)
    const writer = await db.openWriter(['time', 'value', 'small'])
    await writer.write({ time: 50_000n, value: 1, small: 2 })
    await writer.close()
    await db.delete(['time', 'value', 'small'], { end: 20_000n })
    await db.gc({ threshold: 0 })
    expect(await db.count('value')).toEqual({ value: ROWS - 2000 + 1 })
    expect((await db.verify()).problems).toEqual([])
  })

  it('may be empty', async () => {
    const disk = new MemoryFileSystem()
    await (await openOn(disk, SOURCE)).close()
    expect(await repairOn(disk)).toMatchObject({ complete: true, channels: [] })
    expect(await look(disk, TARGET)).toEqual({})
  })
})

describe('damaged samples', () => {
  it('of a data channel cost the unit of 128 that they lie in, and are told to the nanosecond', async () => {
    const disk = await makeSource()
    flip(disk, EXTENTS.value + 64 + 8 * 300)
    const report = await repairOn(disk)
    expect(report.lost).toEqual([
      {
        channel: 'value',
        start: toISO(256n * STEP),
        end: toISO(383n * STEP + 1n),
        samples: 128,
        what: expect.stringMatching(/checksum/) as unknown,
        file: segmentOf(disk),
        offset: EXTENTS.value + 64 + 8 * 256,
      },
    ])
    expect(report).toMatchObject({ complete: false, source: 'opened', mayHoldDeleted: false })
    const { time, value, small } = await look(disk, TARGET)
    expect([time!.times.length, value!.times.length, small!.times.length]).toEqual([ROWS, ROWS - 128, ROWS])
    expect(value!.values).toEqual(time!.times.map((_, i) => i + 0.5).filter((_, i) => i < 256 || i >= 384))
    expect([time!.domains, value!.domains]).toEqual([[ROWS], [256, ROWS - 384]])
  })

  it('that are timestamps cost the samples beside them too', async () => {
    const disk = await makeSource()
    flip(disk, EXTENTS.time + 64 + 8 * 130)
    const report = await repairOn(disk)
    expect(report.lost.map(({ channel: name, start, end, samples }) => [name, start, end, samples])).toEqual(
      ['time', 'value', 'small'].map((name) => [name, toISO(127n * STEP + 1n), toISO(256n * STEP), 128]),
    )
    const { time, small } = await look(disk, TARGET)
    expect(time!.domains).toEqual([128, ROWS - 256])
    expect(small!.times).toEqual(time!.times)
    expect(small!.values).toEqual(small!.times.map((at) => Number(at / STEP) % 256))
  })

  it('that lie side by side are told as one range', async () => {
    const disk = await makeSource()
    for (const unit of [2, 3, 4]) flip(disk, EXTENTS.value + 64 + 8 * 128 * unit)
    const { lost } = await repairOn(disk)
    expect(lost.map(({ start, end, samples }) => [start, end, samples])).toEqual([
      [toISO(256n * STEP), toISO(639n * STEP + 1n), 384],
    ])
  })

  it('at the end of an extent cost what is left there', async () => {
    const disk = await makeSource()
    flip(disk, EXTENTS.small + 64 + ROWS - 1)
    expect((await repairOn(disk)).lost).toMatchObject([
      { channel: 'small', samples: ROWS % 128, end: toISO(BigInt(ROWS - 1) * STEP + 1n) },
    ])
  })
})

describe('damage beside the samples costs none', () => {
  const { tableOffset, checksumsAt, columnsAt } = extentLayout(8, ROWS, false)!
  it.each([
    ['the header of the segment', 20],
    ['the header of an extent', EXTENTS.value + 24],
    ['the table of an extent', EXTENTS.value + tableOffset + 20],
    ['the statistics of an extent', EXTENTS.value + columnsAt + 3],
    ['the timestamps in a table', EXTENTS.time + extentLayout(8, ROWS, true)!.columnsAt + 8],
  ])('%s', async (_, offset) => {
    const disk = await makeSource()
    const before = await look(disk.clone(), SOURCE)
    flip(disk, offset)
    const report = await repairOn(disk)
    expect(report.lost).toEqual([])
    expect(await look(disk, TARGET)).toEqual(before)
  })

  it('but for the unit of a checksum that is damaged itself', async () => {
    const disk = await makeSource()
    flip(disk, EXTENTS.value + checksumsAt + 4 * 3)
    expect((await repairOn(disk)).lost).toMatchObject([
      { channel: 'value', samples: 128, start: toISO(384n * STEP) },
    ])
  })
})

describe('a segment', () => {
  it('that is missing costs what lay in it', async () => {
    const disk = await makeSource()
    await disk.remove(segmentOf(disk))
    const { lost } = await repairOn(disk)
    expect(lost.map(({ channel: name, samples }) => [name, samples])).toEqual([
      ['time', ROWS],
      ['value', ROWS],
      ['small', ROWS],
    ])
    expect(lost[0]!.what).toMatch(/missing/)
  })

  it('that is cut short costs what cannot be checked any more', async () => {
    const disk = await makeSource()
    const file = disk.openNow(segmentOf(disk), 'write')
    file.truncateNow(EXTENTS.small + 100)
    file.closeNow()
    const { lost } = await repairOn(disk)
    expect(lost).toMatchObject([{ channel: 'small', samples: ROWS }])
    expect((await look(disk, TARGET))['value']!.times).toHaveLength(ROWS)
  })

  it('of which the disk refuses to read some costs only that', async () => {
    const disk = await makeSource()
    const path = segmentOf(disk)
    const bad = EXTENTS.value + 64 + 8 * 900
    const files = refusing(disk, path, bad, bad + 512)
    const { lost } = await repairOn(disk, {}, files)
    expect(lost).toMatchObject([{ channel: 'value', samples: 128, start: toISO(896n * STEP) }])
  })
})

/** A disk that refuses to read some bytes of a file. */
function refusing(disk: MemoryFileSystem, path: string, from: number, to: number): FileSystem {
  const copy = Object.create(disk) as MemoryFileSystem
  copy.openNow = (name, mode) => {
    const file = disk.openNow(name, mode)
    if (name !== path) return file
    const readNow = file.readNow.bind(file)
    file.readNow = (target: Uint8Array, offset: number) => {
      if (offset < to && offset + target.length > from)
        throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
      return readNow(target, offset)
    }
    return file
  }
  for (const name of [
    'list',
    'stat',
    'realPath',
    'makeDirectory',
    'link',
    'remove',
    'removeDirectory',
    'syncDirectory',
  ] as const)
    copy[name] = disk[name].bind(disk) as never
  copy.syncDirectoryNow = disk.syncDirectoryNow.bind(disk)
  return copy
}

describe('without any log', () => {
  it('channels are rebuilt from what samples say of themselves, and deleted ones may be back', async () => {
    const disk = await makeSource(async (db) => {
      await db.delete('value', { start: 100n, end: 200n })
    })
    await removeLogs(disk)
    const report = await repairOn(disk)
    expect(report).toMatchObject({ complete: false, source: 'segments', mayHoldDeleted: true, lost: [] })
    expect(report.channels.map(({ channel: name, samples }) => [name, samples])).toEqual([
      ['channel-1', ROWS],
      ['channel-2', ROWS],
      ['channel-3', ROWS],
    ])
    expect(report.channels[1]!.guessed).toMatch(/name.*lost/)
    const all = await look(disk, TARGET)
    expect(all['channel-2']!.values).toEqual(all['channel-1']!.times.map((_, i) => i + 0.5))
    const db = await openOn(disk, TARGET)
    expect(db.channels.get('channel-3')).toMatchObject({ kind: 'data', type: 'uint8', index: 'channel-1' })
  })

  it('of samples that were written anew the newest are taken', async () => {
    const disk = await makeSource(async (db) => {
      await db.delete(['time', 'value', 'small'], { start: 1000n, end: 2000n })
      const writer = await db.openWriter(['time', 'value', 'small'])
      const rows = Array.from({ length: 90 }, (_, i) => i)
      await writer.write({
        time: rows.map((i) => 1001n + STEP * BigInt(i)),
        value: rows.map((i) => -1 - i),
        small: rows,
      })
      await writer.close()
    })
    await removeLogs(disk)
    await repairOn(disk)
    const { 'channel-1': time, 'channel-2': value } = await look(disk, TARGET)
    const at = (when: bigint): unknown => value!.values[time!.times.indexOf(when)]
    expect([at(990n), at(1001n), at(1021n), at(2000n)]).toEqual([99.5, -1, -3, 200.5])
    expect(time!.times).toEqual(value!.times)
  })

  it('a data channel finds the index channel that it was written beside', async () => {
    const disk = await makeSource(async (db) => {
      await db.channels.create([
        { name: 'other', kind: 'index' },
        { name: 'more', kind: 'data', type: 'int32', index: 'other' },
      ])
      const writer = await db.openWriter(['other', 'more'])
      await writer.write({ other: [5n, 6n, 7n], more: [1, 2, 3] })
      await writer.close()
    })
    await removeLogs(disk)
    await repairOn(disk)
    const db = await openOn(disk, TARGET)
    expect(db.channels.list().map(({ index }) => index)).toEqual([
      undefined,
      'channel-1',
      'channel-1',
      undefined,
      'channel-4',
    ])
  })
})

describe('a damaged log', () => {
  /** Ten commits of a row each, from a time on. */
  async function writeTen(disk: MemoryFileSystem, first: bigint): ReturnType<typeof openOn> {
    const db = await openOn(disk, SOURCE)
    await db.channels.create([
      { name: 't', kind: 'index' },
      { name: 'x', kind: 'data', type: 'int32', index: 't' },
    ])
    const writer = await db.openWriter(['t', 'x'])
    for (let i = 0; i < 10; i++) await writer.write({ t: first + BigInt(i), x: i })
    return db
  }

  /** Ten commits of a row each, after a crash; where the row of a commit lies in the journal. */
  async function tenCommits(): Promise<{
    disk: MemoryFileSystem
    journal: string
    rowAt: (row: bigint) => number
  }> {
    const disk = new MemoryFileSystem()
    await writeTen(disk, 0x1111n)
    const crashed = disk.afterKill()
    const journal = crashed.files().find((path) => path.includes('/journal/'))!
    const bytes = Buffer.from(crashed.snapshotBytes(journal))
    const rowAt = (row: bigint): number =>
      bytes.indexOf(Buffer.from(BigInt64Array.of(row + 0x1111n).buffer), 64)
    return { disk: crashed, journal, rowAt }
  }

  it('names the very records that are lost, and does not doubt what follows the last one', async () => {
    const { disk, journal, rowAt } = await tenCommits()
    const { untold: before } = await repairOn(disk.clone())
    expect(before).toEqual([])
    const later = 'known only as far as later ones say'
    const whats = async (damaged: MemoryFileSystem): Promise<string[]> => {
      const { untold } = await repairOn(damaged)
      expect(untold[0]!.what).toMatch(/^\d+ bytes of the log are damaged/)
      return untold.slice(1).map(({ what }) => what)
    }
    const one = disk.clone()
    flip(one, rowAt(3n), journal)
    const told = await whats(one)
    const lsn = Number(/\d+/.exec(told[0]!)![0])
    expect(told).toEqual([`record ${lsn} is lost: what it did is ${later}`])
    const several = disk.clone()
    for (const row of [3n, 4n, 5n]) flip(several, rowAt(row), journal)
    expect(await whats(several)).toEqual([`records ${lsn} to ${lsn + 2} are lost: what they did is ${later}`])
  })

  it('cannot tell what followed where the last record is damaged', async () => {
    const { disk, journal, rowAt } = await tenCommits()
    // Not torn, but changed: an opening of the same boot does not cut it.
    flip(disk, rowAt(9n), journal)
    const { untold } = await repairOn(disk)
    expect(untold.at(-1)!.what).toMatch(/^what happened after record \d+ cannot be told$/)
    expect(untold.map(({ what }) => what).join()).not.toMatch(/(is|are) lost/)
  })

  it('knows the end of a manifest that was closed, whatever of its checkpoint is damaged', async () => {
    const disk = await makeSource()
    const manifest = disk.files().find((path) => path.includes('/manifest/'))!
    flip(disk, 64 + 100, manifest)
    const { untold } = await repairOn(disk)
    const whats = untold.map(({ what }) => what).join('; ')
    expect(whats).toMatch(/part of the checkpoint at record \d+ is lost/)
    expect(whats).not.toMatch(/what happened after|records before/)
  })

  it('costs the record that is damaged, and not those that follow it', async () => {
    const disk = new MemoryFileSystem()
    const db = await writeTen(disk, 0n)
    await db.delete(['t', 'x'], { start: 7n, end: 8n })
    const crashed = disk.afterKill()
    const journal = crashed.files().find((path) => path.includes('/journal/'))!
    const bytes = crashed.snapshotBytes(journal)
    // The third of the commits that follow the one with the shape: the value 3 in its row.
    const at = Buffer.from(bytes).indexOf(Buffer.from(BigInt64Array.of(3n).buffer), 64 + 300)
    flip(crashed, at, journal)
    const report = await repairOn(crashed)
    expect(report).toMatchObject({ source: 'logs', mayHoldDeleted: true, complete: false })
    expect(
      report.untold.some(({ file, offset }) => file === journal && offset! <= at && at - offset! < 128),
    ).toBe(true)
    const { t, x } = await look(crashed, TARGET)
    expect(t!.times).toEqual([0n, 1n, 2n, 4n, 5n, 6n, 8n, 9n])
    expect(x!.values).toEqual([0, 1, 2, 4, 5, 6, 8, 9])
    expect(t!.domains).toEqual([3, 3, 2])
  })

  it('that lost its checkpoint still names channels and deletes that other records tell', async () => {
    const disk = await makeSource(async (db) => {
      await db.delete('value', { start: 100n, end: 200n })
    })
    const manifest = disk.files().find((path) => path.startsWith(`${SOURCE}/manifest/`))!
    const { length } = disk.snapshotBytes(manifest)
    flip(disk, length - 30, manifest)
    const report = await repairOn(disk)
    expect(report).toMatchObject({ source: 'logs', mayHoldDeleted: true })
    expect(report.channels.map(({ channel: name }) => name)).toEqual(['time', 'value', 'small'])
  })

  it('of a newer format is refused', async () => {
    const disk = await makeSource()
    const manifest = disk.files().find((path) => path.startsWith(`${SOURCE}/manifest/`))!
    const header = disk.snapshotBytes(manifest).slice(0, 64)
    new DataView(header.buffer).setUint32(8, 99, true)
    const { crc32 } = await import('node:zlib')
    new DataView(header.buffer).setUint32(60, crc32(header.subarray(0, 60)), true)
    const file = disk.openNow(manifest, 'write')
    file.writeNow(header, 0)
    file.closeNow()
    await expect(repairOn(disk)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION', file: manifest })
  })
})

describe('a young database, of one journal file only', () => {
  const journalOf = (disk: MemoryFileSystem): string =>
    disk.files().find((path) => path.startsWith(`${SOURCE}/journal/`))!

  /** Killed with rows in its journal; neither a manifest nor a segment is there. */
  async function makeYoung(): Promise<MemoryFileSystem> {
    const disk = new MemoryFileSystem()
    const db = await openOn(disk, SOURCE)
    await db.channels.create([{ name: 'time', kind: 'index' }])
    const writer = await db.openWriter(['time'])
    for (let i = 0; i < 3; i++) await writer.write({ time: [BigInt(i)] })
    const killed = disk.afterKill()
    expect(killed.files().filter((path) => /\/(manifest|segments)\//.test(path))).toEqual([])
    return killed
  }

  it.each([
    ['the database', 24],
    ['the kind of file', 12],
    ['the epoch', 33],
    ['the checksum', 61],
  ])('whose header has a damaged byte in %s loses nothing of what follows it', async (_, offset) => {
    const disk = await makeYoung()
    flip(disk, offset, journalOf(disk))
    const report = await repairOn(disk)
    expect(report).toMatchObject({ complete: false, lost: [] })
    expect(report.untold.map(({ file }) => file)).toContain(journalOf(disk))
    expect((await look(disk, TARGET))['time']!.values).toEqual([0n, 1n, 2n])
  })

  it('whose header is gone is told by what a lease says', async () => {
    const young = await makeYoung()
    const journal = journalOf(young)
    const id = Buffer.from(young.snapshotBytes(journal).subarray(16, 32)).toString('hex')
    const disk = young.clone()
    const lease = disk.openNow(`${SOURCE}/LEASE-000001`, 'write')
    const bytes = new Uint8Array(lease.sizeNow())
    lease.readNow(bytes, 0)
    const said = JSON.parse(new TextDecoder().decode(bytes)) as object
    const { state, ...rest } = { state: '', ...said }
    lease.truncateNow(0)
    lease.writeNow(new TextEncoder().encode(`${JSON.stringify({ ...rest, database: id, state })}\n`), 0)
    lease.closeNow()
    for (let at = 0; at < 64; at++) disk.corrupt(journal, at, () => 0)
    await repairOn(disk)
    expect((await look(disk, TARGET))['time']!.values).toEqual([0n, 1n, 2n])
  })

  it('of which nothing tells whose it is cannot be repaired', async () => {
    const disk = await makeYoung()
    for (let at = 0; at < 64; at++) disk.corrupt(journalOf(disk), at, () => 0)
    await expect(repairOn(disk)).rejects.toThrow(/no file of the database says whose it is/)
  })

  it('whose journal ends torn, as a crash leaves it, has lost nothing', async () => {
    const disk = await makeYoung()
    const journal = disk.openNow(journalOf(disk), 'write')
    const bytes = disk.snapshotBytes(journalOf(disk))
    const end = bytes.findLastIndex((byte) => byte !== FILL) + 1
    journal.truncateNow(end - 5)
    journal.closeNow()
    const report = await repairOn(disk)
    expect(report).toMatchObject({ complete: true, source: 'opened', lost: [], untold: [] })
    expect(report.notes).toMatchObject([
      { what: expect.stringMatching(/ends torn, as a crash leaves it/), file: journalOf(disk) },
    ])
    expect((await look(disk, TARGET))['time']!.values).toEqual([0n, 1n])
  })
})

describe('the target', () => {
  it.each([
    ['the damaged database itself', SOURCE],
    ['a folder of it', `${SOURCE}/new`],
    ['a folder that it lies in', '/data'],
    ['no path', ''],
  ])('must not be %s', async (_, target) => {
    const disk = await makeSource()
    const repairing = repairIn(machineOn(disk).environment({}), SOURCE, target)
    await expect(repairing).rejects.toMatchObject({ code: 'VALIDATION' })
  })

  it.each([
    ['into it', 'link/out'],
    ['into it, through folders that are missing', 'link/a/b'],
    ['into it, and up out of a folder of it', 'inner/../out'],
    ['into it, from a folder that is missing', 'missing/../link/out'],
    ['to a folder that one of its own is a link to', 'elsewhere/out'],
  ])('must not lie in the damaged database through a link %s', async (_, target) => {
    const folder = temporaryDirectory()
    const directory = join(folder, 'damaged')
    const db = await open(directory, { channels: { t: channel.index() } })
    await db.close()
    mkdirSync(join(folder, 'elsewhere'))
    rmSync(join(directory, 'segments'), { recursive: true, force: true })
    symlinkSync(join(folder, 'elsewhere'), join(directory, 'segments'))
    symlinkSync(directory, join(folder, 'link'))
    symlinkSync(join(directory, 'journal'), join(folder, 'inner'))
    const namesIn = (): string[] => (readdirSync(folder, { recursive: true }) as string[]).sort()
    const before = namesIn()
    // Not joined: that would take `..` away.
    await expect(repair(directory, `${folder}/${target}`)).rejects.toThrow(/must lie apart/)
    await expect(repair(join(folder, 'link'), join(directory, 'out'))).rejects.toThrow(/must lie apart/)
    expect(namesIn()).toEqual(before)
  })

  it('may be reached through a link to somewhere else', async () => {
    const folder = temporaryDirectory()
    const directory = join(folder, 'damaged')
    const db = await open(directory, { channels: { t: channel.index() } })
    await db.close()
    mkdirSync(join(folder, 'damaged-not'))
    symlinkSync(join(folder, 'damaged-not'), join(folder, 'link'))
    const target = join(folder, 'link/out')
    expect(await repair(directory, target)).toMatchObject({ complete: true, target })
    expect((await verify(join(folder, 'damaged-not/out'))).problems).toEqual([])
  })

  it('must be empty, and may be there', async () => {
    const disk = await makeSource()
    await disk.makeDirectory(TARGET)
    disk.openNow(`${TARGET}/notes.txt`, 'create').closeNow()
    await expect(repairOn(disk)).rejects.toThrow(/notes\.txt/)
    await disk.remove(`${TARGET}/notes.txt`)
    expect(await repairOn(disk)).toMatchObject({ complete: true })
    await expect(repairOn(disk)).rejects.toMatchObject({ code: 'VALIDATION' })
  })

  it('holds nothing of a repair that was aborted, or whose progress threw', async () => {
    const disk = await makeSource()
    const aborting = new AbortController()
    const reason = new Error('enough')
    const onProgress = ({ step }: RepairProgress): void => {
      if (step === 'copying') aborting.abort(reason)
    }
    await expect(repairOn(disk, { signal: aborting.signal, onProgress })).rejects.toBe(reason)
    expect(await disk.stat(TARGET)).toBeUndefined()
    const throwing = (): void => {
      throw reason
    }
    await expect(repairOn(disk, { onProgress: throwing })).rejects.toBe(reason)
    expect(await disk.stat(TARGET)).toBeUndefined()
  })

  it('says how far it is', async () => {
    const disk = await makeSource()
    const steps: RepairProgress[] = []
    await repairOn(disk, { onProgress: (progress) => steps.push(progress) })
    expect([...new Set(steps.map(({ step }) => step))]).toEqual(['reading', 'copying', 'verifying'])
    const copying = steps.filter(({ step }) => step === 'copying')
    expect(copying.at(-1)).toEqual({ step: 'copying', done: 3 * ROWS, total: 3 * ROWS })
    expect(copying.every(({ done }, i) => i === 0 || done > copying[i - 1]!.done)).toBe(true)
  })

  it('never opens before it is whole, whenever the process is killed or power is lost (0009-I4)', async () => {
    const disk = await makeSource()
    const faults = new FaultyFileSystem(disk)
    const lefts: MemoryFileSystem[] = []
    let count = 0
    faults.observer = (_, path) => {
      // While it is built nothing else is there: a few of those instants are enough.
      const isMoving = disk.files().some(isOutside)
      if (path.startsWith(TARGET) && (isMoving || count++ % 20 === 0))
        lefts.push(disk.afterKill(), disk.afterPowerLoss(0))
    }
    const isOutside = (path: string): boolean =>
      path.startsWith(TARGET) && !path.startsWith(`${TARGET}/${UNFINISHED}/`)
    await repairOn(disk, {}, faults)
    const outcomes = new Set<unknown>()
    for (const left of lefts) outcomes.add(await countAt(left))
    expect([...outcomes].filter((outcome) => outcome !== ROWS)).toEqual(['NOT_A_DATABASE', 'CORRUPTION'])
    expect(await countAt(disk.afterPowerLoss(0))).toBe(ROWS)
  })
})

/** Timestamps of the database at the target, or why it does not open. */
async function countAt(disk: MemoryFileSystem): Promise<unknown> {
  try {
    const options = { ...LONG, createIfMissing: false }
    const db = await openIn(machineOn(disk).environment({}), TARGET, options)
    const { time } = await db.count('time')
    await db.close()
    return time
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('the damaged database', () => {
  it('is not repaired while a process has it open for writing', async () => {
    const disk = await makeSource()
    const environment = machineOn(disk).environment({})
    const db = await openIn(environment, SOURCE, LONG)
    const repairing = repairIn({ ...environment }, SOURCE, TARGET)
    await expect(repairing).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: environment.identity.pid })
    await db.close()
    expect(await repairIn(environment, SOURCE, TARGET)).toMatchObject({ complete: true })
  })

  it('that is none is refused', async () => {
    const disk = new MemoryFileSystem()
    await expect(repairOn(disk)).rejects.toMatchObject({ code: 'NOT_A_DATABASE' })
    await disk.makeDirectory(SOURCE)
    await expect(repairOn(disk)).rejects.toMatchObject({ code: 'NOT_A_DATABASE' })
    expect(await disk.stat(TARGET)).toBeUndefined()
  })

  it('keeps every byte and every date, on a real disk', async () => {
    const folder = temporaryDirectory()
    const [directory, target] = [join(folder, 'a'), join(folder, 'b')]
    const db = await open(directory, {
      gc: false,
      channels: { t: channel.index(), x: channel.float32({ index: 't' }) },
    })
    const writer = await db.openWriter(['t', 'x'])
    const rows = Array.from({ length: 5000 }, (_, i) => i)
    await writer.write({ t: rows.map(BigInt), x: rows })
    await writer.close()
    await db.close()
    const [segment] = readdirSync(join(directory, 'segments'))
    const path = join(directory, 'segments', segment!)
    const bytes = readFileSync(path)
    bytes[1000]! ^= 1
    writeFileSync(path, bytes)
    const facts = (): unknown[] =>
      (readdirSync(directory, { recursive: true }) as string[]).sort().map((name) => {
        const path = join(directory, name)
        const stat = statSync(path)
        return [name, stat.mtimeMs, stat.isFile() ? readFileSync(path).toString('base64') : '']
      })
    const before = facts()
    const report = await repair(directory, target)
    expect(facts()).toEqual(before)
    expect(report.lost.map(({ samples }) => samples)).toEqual([128, 128])
    expect((await verify(target)).problems).toEqual([])
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })
})
