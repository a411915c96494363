// Read-only processes beside a writer, as users see them: what they show, how they move forward, what is kept for
// them and who sees that. The sequences that break weaker rules are test/pitfalls/readers.

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ClosedError, CorruptionError, NotADatabaseError, SnapshotExpiredError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { channel, open, span } from '../../../src/index.ts'
import { createGroup, frameOf, numbers, timesFrom, timesOf } from '../../pitfalls/stage.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { DIRECTORY, Processes } from '../../support/processes.ts'
import type { Process } from '../../support/processes.ts'

const READ_ONLY = { readOnly: true } as const

/** A writer with samples 1 to 40 in two segments of their own. */
async function writeTwoSegments(processes: Processes): Promise<Process> {
  const writer = await processes.open()
  await createGroup(writer.db, 'time', ['a'])
  await add(writer, 1, 20)
  await add(writer, 21, 20)
  return writer
}

/** Writes samples, flushes them and ends the segment. */
async function add({ db, engine, flusher }: Process, first: number, count: number): Promise<void> {
  const writer = await db.openWriter({ channels: ['time', 'a'], start: BigInt(first) })
  await writer.write(frameOf('time', ['a'], timesFrom(first, count)))
  await writer.close()
  await flusher.flushAll()
  const { active } = engine.segments
  if (active !== undefined) engine.segments.seal(active)
}

async function deleteAndCollect({ db }: Process, start: number, end: number): Promise<void> {
  await db.delete(['time', 'a'], { start: BigInt(start), end: BigInt(end) })
  await db.gc({ threshold: 0 })
}

/** A process that may change nothing: `code` is what it is told. */
function refusing(code: string): (disk: FileSystem) => FileSystem {
  return (disk) => {
    const files = new FaultyFileSystem(disk)
    const kind = ['create', 'write', 'link', 'makeDirectory', 'remove', 'truncate', 'sync'] as const
    files.addRule({ kind: [...kind], times: Infinity, fault: { code } })
    return files
  }
}

describe('a read-only process', () => {
  it('shows what was committed when it opened, until it is told to move forward', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const { db } = await processes.open(READ_ONLY)
    await add(writer, 41, 10)
    await writer.db.delete(['time', 'a'], { start: 1n, end: 6n })
    await writer.db.channels.rename('a', 'b')
    await writer.db.channels.create({ name: 'more', kind: 'index' })
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 40))
    await db.refresh()
    expect(await timesOf(db, 'b')).toEqual(numbers(6, 50))
    expect(db.channels.list().map(({ name }) => name)).toEqual(['time', 'b', 'more'])
    expect(await db.bounds('time')).toEqual({ start: 6n, end: 51n })
    expect(await db.count(['time', 'b', 'more'])).toEqual({ time: 45, b: 45, more: 0 })
    expect((await db.verify()).problems).toEqual([])
  })

  it('keeps what it shows from being given back, until it moves forward or closes', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const reader = await processes.open(READ_ONLY)
    await deleteAndCollect(writer, 1, 21)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 40))
    expect(processes.segments).toHaveLength(2)
    const kept = await writer.db.gc({ threshold: 0 })
    expect(kept.segmentsRemoved).toBe(0)
    expect(kept.skipped[0]?.reason).toContain('read-only process')
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(21, 40))
    expect((await writer.db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
    await deleteAndCollect(writer, 21, 41)
    expect(processes.segments).toHaveLength(1)
    await processes.close(reader)
    await writer.db.gc({ threshold: 0 })
    expect(processes.segments).toHaveLength(0)
  })

  it('keeps what its snapshots and frames show when it moves forward, and gives it up with the last of them', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const reader = await processes.open(READ_ONLY)
    const snapshot = reader.db.snapshot()
    const frames = reader.db.frames('a', {}, { samples: 15, timestamps: true })
    expect((await frames.next()).value?.count('a')).toBe(15)
    await deleteAndCollect(writer, 1, 41)
    await add(writer, 100, 1)
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toEqual([100])
    expect(await timesOf(snapshot, 'a')).toEqual(numbers(1, 40))
    await snapshot.close()
    await writer.db.gc({ threshold: 0 })
    const rest: number[] = []
    for await (const frame of frames) rest.push(...[...frame.timestamps('a')].map(Number))
    expect(rest).toEqual(numbers(16, 40))
    await writer.db.gc({ threshold: 0 })
    expect(processes.segments).toHaveLength(1)
    await reader.db.refresh()
    expect((await reader.db.stats()).segments).toHaveLength(1)
  })

  it('refreshes once for two calls at a time, and not at all after a close', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const reader = await processes.open(READ_ONLY)
    await add(writer, 41, 1)
    await reader.db.refresh()
    const { operations } = processes.disk
    await reader.db.refresh()
    const once = processes.disk.operations - operations
    await Promise.all([reader.db.refresh(), reader.db.refresh()])
    expect(processes.disk.operations - operations).toBe(2 * once)
    const last = reader.db.refresh()
    await reader.db.close()
    await last.catch((error: unknown) => expect(error).toBeInstanceOf(ClosedError))
    await expect(reader.db.refresh()).rejects.toThrow(ClosedError)
    expect(processes.registrations).toEqual([])
  })

  it('reads no log again where nothing has happened, also with fill behind the newest record', async () => {
    for (const durability of ['batched', 'strict'] as const) {
      const processes = Processes.ofTest()
      const writer = await processes.open({ durability })
      await createGroup(writer.db, 'time', ['a'])
      const writing = await writer.db.openWriter(['time', 'a'])
      await writing.write(frameOf('time', ['a'], timesFrom(1, 5)))
      const faults = new FaultyFileSystem(processes.disk)
      const { db } = await processes.open(READ_ONLY, { wrap: () => faults })
      // Of a log: the short look at where it ends takes no size.
      const rule = faults.addRule({ kind: 'size', path: /journal/, times: Infinity, fault: { code: 'EIO' } })
      await db.refresh()
      await writing.write(frameOf('time', ['a'], timesFrom(6, 1)))
      await expect(db.refresh()).rejects.toMatchObject({ code: 'STORAGE' })
      faults.removeRule(rule)
      await db.refresh()
      expect(await timesOf(db, 'a')).toEqual(numbers(1, 6))
    }
  })

  it('has nothing to refresh where it is the one that writes', async () => {
    const processes = Processes.ofTest()
    const { db } = await writeTwoSegments(processes)
    const { operations } = processes.disk
    await db.refresh()
    expect(processes.disk.operations).toBe(operations)
  })

  it('shows what it showed before where a refresh fails, and the newest when it works again', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    let faults: FaultyFileSystem | undefined
    const wrap = (disk: FileSystem): FileSystem => (faults = new FaultyFileSystem(disk))
    const { db } = await processes.open(READ_ONLY, { wrap })
    await add(writer, 41, 1)
    const rule = faults!.addRule({ kind: 'read', path: /journal/, times: Infinity, fault: { code: 'EIO' } })
    await expect(db.refresh()).rejects.toMatchObject({ code: 'STORAGE' })
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 40))
    faults!.removeRule(rule)
    await db.refresh()
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 41))
  })

  it('says so where another database has taken the place of the one that it opened', async () => {
    const directory = join(temporaryDirectory(), 'data')
    await (await open(directory)).close()
    const reader = await open(directory, READ_ONLY)
    rmSync(directory, { recursive: true })
    await (await open(directory)).close()
    await expect(reader.refresh()).rejects.toThrow(NotADatabaseError)
    await expect(reader.refresh()).rejects.toThrow(/open it again/)
    await reader.close()
  })

  it('may be in the process that writes', async () => {
    const directory = temporaryDirectory()
    await using writer = await open(directory, { gc: false })
    await createGroup(writer, 'time', ['a'])
    const writing = await writer.openWriter(['time', 'a'])
    await writing.write(frameOf('time', ['a'], timesFrom(1, 1000)))
    await writing.close()
    const reader = await open(directory, READ_ONLY)
    await writer.delete(['time', 'a'], {})
    await writer.gc({ threshold: 0 })
    expect(await timesOf(reader, 'a')).toEqual(numbers(1, 1000))
    expect((await writer.stats()).readers).toMatchObject([{ pid: process.pid }])
    expect(readdirSync(join(directory, 'segments'))).toHaveLength(1)
    await reader.close()
    expect((await writer.stats()).readers).toEqual([])
    await writer.gc({ threshold: 0 })
    expect(readdirSync(join(directory, 'segments'))).toHaveLength(0)
  })

  it('makes the folder of registrations where it is missing', async () => {
    const directory = temporaryDirectory()
    await (await open(directory)).close()
    rmSync(join(directory, 'readers'), { recursive: true })
    const reader = await open(directory, READ_ONLY)
    expect(readdirSync(join(directory, 'readers'))).toHaveLength(1)
    await reader.close()
    expect(readdirSync(join(directory, 'readers'))).toEqual([])
  })

  it('makes nothing where there is no database', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'segments'))
    await expect(open(directory, READ_ONLY)).rejects.toThrow(NotADatabaseError)
    expect(readdirSync(directory)).toEqual(['segments'])
  })

  it('is refused with words that say what to do', async () => {
    const directory = join(temporaryDirectory(), 'data')
    await expect(open(directory, READ_ONLY)).rejects.toThrow(/open it for writing once/)
    mkdirSync(directory)
    await expect(open(directory, READ_ONLY)).rejects.toThrow(/open it for writing once/)
    await (await open(directory)).close()
    const schema = { ...READ_ONLY, channels: { time: channel.index() } }
    await expect(open(directory, schema)).rejects.toThrow(/"time".*open it for writing to create it/)
    await using db = await open(directory, READ_ONLY)
    await expect(db.delete('time', {})).rejects.toThrow(/open it for writing/)
    await expect(db.sync()).rejects.toThrow(/open it for writing/)
  })

  it('leaves no registration behind where it cannot open', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    await processes.close(writer)
    const [manifest] = processes.disk.files().filter((path) => path.includes('/manifest/'))
    processes.disk.corrupt(manifest!, 80, 0xff)
    await expect(processes.open(READ_ONLY)).rejects.toThrow(CorruptionError)
    expect([processes.registrations, processes.disk.openFiles]).toEqual([[], []])
  })
})

describe('a read-only process that may write nothing', () => {
  it.each(['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'EIO'])(
    'opens, and reads on while its descriptors keep the bytes (%s)',
    async (code) => {
      const processes = Processes.ofTest()
      const writer = await writeTwoSegments(processes)
      const reader = await processes.open(READ_ONLY, { wrap: refusing(code) })
      await deleteAndCollect(writer, 1, 41)
      expect([processes.registrations, processes.segments]).toEqual([[], []])
      expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 40))
      await reader.db.refresh()
      expect(await timesOf(reader.db, 'a')).toEqual([])
      await reader.db.close()
      expect(processes.disk.openFiles.filter((path) => path.includes('segments'))).toEqual([])
    },
  )

  it('is told that bytes were given back, and mends it by moving forward', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const { db } = await processes.open(READ_ONLY, { wrap: refusing('EROFS') })
    const snapshot = db.snapshot()
    // As holes, or a file system that lets open files go.
    const [first] = processes.segments
    for (let at = 64; at < processes.disk.snapshotBytes(first!).length; at++)
      processes.disk.corrupt(first!, at, () => 0)
    await deleteAndCollect(writer, 1, 21)
    for (const read of [
      () => db.read('a'),
      () => db.latest('a', 30),
      () => db.count('a', { start: 5n }),
      () => db.hasData('a', { start: 5n, end: 6n }),
      () => db.frames('a').next(),
      () => snapshot.read('a'),
      () => snapshot.frames('a').next(),
    ]) {
      await expect(read()).rejects.toThrow(SnapshotExpiredError)
      await expect(read()).rejects.toThrow(/refresh\(\)/)
    }
    await snapshot.close()
    await db.refresh()
    expect(await timesOf(db, 'a')).toEqual(numbers(21, 40))
  })

  it('takes damage for damage where the bytes are still needed', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const { db } = await processes.open(READ_ONLY, { wrap: refusing('EROFS') })
    const [first] = processes.segments
    processes.disk.corrupt(first!, 64 + 64 + 3, 0xff)
    await expect(db.read('time')).rejects.toThrow(CorruptionError)
    processes.disk.corrupt(first!, 64 + 64 + 3, 0xff)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 40))
    await processes.close(writer)
  })

  it('registers when it moves forward, once it may', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const faults = new FaultyFileSystem(processes.disk)
    const rule = faults.addRule({ kind: 'create', times: Infinity, fault: { code: 'EROFS' } })
    const { db } = await processes.open(READ_ONLY, { wrap: () => faults })
    expect(processes.registrations).toEqual([])
    faults.removeRule(rule)
    await db.refresh()
    expect(processes.registrations).toHaveLength(1)
    await deleteAndCollect(writer, 1, 41)
    expect(processes.segments).toHaveLength(2)
  })

  it('registers anew when it moves forward, where its registration was removed', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const { db } = await processes.open(READ_ONLY)
    const [registration] = processes.registrations
    await processes.disk.remove(registration!)
    await deleteAndCollect(writer, 1, 21)
    await expect(db.read('a')).rejects.toThrow(SnapshotExpiredError)
    await db.refresh()
    expect(processes.registrations).not.toContain(registration)
    expect(processes.registrations).toHaveLength(1)
    await deleteAndCollect(writer, 21, 41)
    expect(await timesOf(db, 'a')).toEqual(numbers(21, 40))
  })
})

describe('reports', () => {
  it('name who is registered, since when, and what is kept for each', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    processes.elapsedMs = 1000
    const old = await processes.open(READ_ONLY)
    await deleteAndCollect(writer, 1, 21)
    processes.elapsedMs = 5000
    const young = await processes.open(READ_ONLY)
    processes.elapsedMs = 91_500
    const { readers, segments } = await writer.db.stats()
    const dead = segments.reduce((sum, segment) => sum + segment.dead, 0)
    expect(dead).toBeGreaterThan(300)
    expect(readers.toSorted((a, b) => a.pid - b.pid)).toMatchObject([
      { pid: old.pid, host: 'here', since: '1970-01-01T00:00:01.000000000Z', age: '90.5s', bytes: dead },
      { pid: young.pid, host: 'here', since: '1970-01-01T00:00:05.000000000Z', age: '86.5s', bytes: 0 },
    ])
    for (const { age, file } of readers) {
      expect(span(age)).toBeGreaterThan(86_000_000_000n)
      expect(processes.registrations).toContain(`${DIRECTORY}/${file}`)
    }
    expect(JSON.parse(JSON.stringify(readers))).toEqual(readers)
  })

  it('are given by read-only processes as well, which know their own registration', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const old = await processes.open(READ_ONLY)
    await deleteAndCollect(writer, 1, 21)
    const young = await processes.open(READ_ONLY)
    const { readers, log, recovery } = await young.db.stats()
    expect(readers.toSorted((a, b) => a.pid - b.pid)).toMatchObject([
      { pid: old.pid, bytes: expect.any(Number) as number },
      { pid: young.pid, bytes: 0, own: true },
    ])
    expect(readers.find(({ pid }) => pid === old.pid)?.bytes).toBeGreaterThan(300)
    expect(log.bytes).toBeGreaterThan(300)
    // Whether the process that writes will close well is not known yet.
    expect(recovery).toBeUndefined()
  })

  it('tell of the last close, where nobody writes', async () => {
    const processes = Processes.ofTest()
    const first = await writeTwoSegments(processes)
    await processes.close(first)
    const second = await processes.open()
    const whileOpen = await processes.open(READ_ONLY)
    expect((await whileOpen.db.stats()).recovery).toBeUndefined()
    await add(second, 41, 1)
    await processes.close(second)
    await whileOpen.db.refresh()
    expect((await whileOpen.db.stats()).recovery).toMatchObject({ crashed: false })
    const third = await processes.open()
    await add(third, 42, 1)
    processes.abandon(third)
    await whileOpen.db.refresh()
    expect((await whileOpen.db.stats()).recovery).toMatchObject({ crashed: true })
  })

  it('show a registration that nobody can read', async () => {
    const processes = Processes.ofTest()
    const writer = await writeTwoSegments(processes)
    const reader = await processes.open(READ_ONLY)
    processes.disk.corrupt(processes.registrations[0]!, 4, 0xff)
    await deleteAndCollect(writer, 1, 41)
    const { readers, segments } = await writer.db.stats()
    const dead = segments.reduce((sum, segment) => sum + segment.dead, 0)
    const file = processes.registrations[0]!.slice(DIRECTORY.length + 1)
    expect(readers).toEqual([{ pid: 0, host: '', since: '', age: '', bytes: dead, file }])
    await processes.close(reader)
    await writer.db.gc({ threshold: 0 })
    expect(processes.segments).toEqual([])
  })
})
