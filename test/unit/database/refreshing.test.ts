// A read-only process over a long time: what it keeps, what it forgets, and refreshes that meet each other, errors and a close.

import { describe, expect, it } from 'vitest'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { File, FileSystem } from '../../../src/fs/file-system.ts'
import { createGroup, frameOf, timesFrom, timesOf } from '../../pitfalls/stage.ts'
import { GatedFileSystem } from '../../support/gated-file-system.ts'
import { Processes } from '../../support/processes.ts'
import type { Process } from '../../support/processes.ts'

const READ_ONLY = { readOnly: true } as const
const NAMES = ['time', 'a']

async function commit({ db }: Process, first: number, count: number): Promise<void> {
  const writer = await db.openWriter({ channels: NAMES, start: BigInt(first) })
  await writer.write(frameOf('time', ['a'], timesFrom(first, count)))
  await writer.close()
}

/** Counts the descriptors of segments that a process has open. */
class Counting extends GatedFileSystem {
  readonly open = new Map<File, string>()

  constructor(disk: FileSystem, gate: ConstructorParameters<typeof GatedFileSystem>[1] = () => {}) {
    super(disk, gate)
  }

  override openNow(path: string, mode: Parameters<FileSystem['openNow']>[1]): File {
    const file = super.openNow(path, mode)
    if (!path.includes('/segments/')) return file
    this.open.set(file, path)
    const close = file.closeNow.bind(file)
    file.closeNow = () => {
      this.open.delete(file)
      close()
    }
    return file
  }
}

function unregistered(disk: FileSystem, times = Infinity): FaultyFileSystem {
  return new FaultyFileSystem(disk, [{ kind: 'create', path: /readers/, times, fault: { code: 'EROFS' } }])
}

describe('a reader that always has a snapshot open', () => {
  it.each(['registered', 'unregistered'])(
    'forgets segments that none of its snapshots needs (%s)',
    async (how) => {
      const processes = Processes.ofTest()
      const writer = await processes.open()
      await createGroup(writer.db, 'time', ['a'])
      let files!: Counting
      const wrap = (disk: FileSystem): FileSystem =>
        (files = new Counting(how === 'registered' ? disk : unregistered(disk)))
      const reader = await processes.open(READ_ONLY, { wrap })
      let snapshot = reader.db.snapshot()
      for (let round = 1; round <= 20; round++) {
        await commit(writer, 1000 * round, 20)
        await writer.flusher.flushAll()
        writer.engine.segments.seal(writer.engine.segments.active!)
        await writer.db.delete(NAMES, { end: BigInt(1000 * round) })
        await writer.db.gc({ threshold: 0 })
        await reader.db.refresh()
        // The next is there before the one before it goes.
        const next = reader.db.snapshot()
        expect(await timesOf(next, 'a')).toHaveLength(20)
        await snapshot.close()
        snapshot = next
      }
      await writer.db.gc({ threshold: 0 })
      const there = new Set(processes.segments)
      const gone = [...files.open.values()].filter((path) => !there.has(path))
      const { segments } = await reader.db.stats()
      await snapshot.close()
      expect(there.size).toBeLessThanOrEqual(2)
      // 20 of each are kept, and one more with each round.
      expect([gone.length <= 2, segments.length <= 4]).toEqual([true, true])
    },
  )
})

describe('a refresh whose disk fails', () => {
  it.each([
    ['stat', /segments/],
    ['open', /LEASE/],
    ['read', /LEASE/],
  ] as const)('tells it as a StorageError (%s of %s)', async (kind, path) => {
    const processes = Processes.ofTest()
    const writer = await processes.open()
    await createGroup(writer.db, 'time', ['a'])
    let files!: FaultyFileSystem
    const reader = await processes.open(READ_ONLY, { wrap: (disk) => (files = new FaultyFileSystem(disk)) })
    await commit(writer, 1, 2000)
    files.addRule({ kind, path, times: Infinity, fault: { code: 'EIO' } })
    const error: unknown = await reader.db.refresh().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StorageError)
    files.clearRules()
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toHaveLength(2000)
  })
})

describe('a reader that can register again', () => {
  it('does not keep every descriptor', async () => {
    const processes = Processes.ofTest()
    const writer = await processes.open()
    await createGroup(writer.db, 'time', ['a'])
    let files!: Counting
    let faulty!: FaultyFileSystem
    const reader = await processes.open(READ_ONLY, {
      wrap: (disk) => (files = new Counting((faulty = unregistered(disk)))),
    })
    expect(processes.registrations).toEqual([])
    faulty.clearRules()
    await reader.db.refresh()
    expect(processes.registrations).toHaveLength(1)
    for (let n = 1; n <= 140; n++) {
      await commit(writer, 1000 * n, 5)
      await writer.flusher.flushAll()
      writer.engine.segments.seal(writer.engine.segments.active!)
    }
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toHaveLength(700)
    expect(files.open.size).toBeLessThanOrEqual(128)
  })
})

describe('a close while a refresh is under way', () => {
  it('leaves nothing open, whatever it meets', async () => {
    for (const mode of ['on', 'anew', 'again', 'twice']) {
      for (let at = 1; at < 40; at++) {
        const processes = new Processes()
        const writer = await processes.open()
        await createGroup(writer.db, 'time', ['a'])
        await commit(writer, 1, 20)
        let n = Infinity
        let closing: Promise<void> | undefined
        let files!: Counting
        const gate = (): void => {
          if (--n === 0) closing = reader.db.close({ force: true })
        }
        const reader: Process = await processes.open(READ_ONLY, {
          wrap: (disk) => (files = new Counting(disk, gate)),
        })
        await commit(writer, 100, 2000)
        await writer.flusher.flushAll()
        if (mode === 'again') for (const path of processes.registrations) await processes.disk.remove(path)
        if (mode === 'anew') {
          await commit(writer, 10_000, 3)
          writer.engine.journal!.roll()
          await writer.db.close()
          await processes.open()
        }
        n = at
        const other = mode === 'twice' ? reader.db.refresh().catch(() => {}) : undefined
        const error: unknown = await reader.db.refresh().then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        if (closing === undefined) closing = reader.db.close()
        await closing
        await other
        if (error !== undefined) expect(error).toMatchObject({ code: 'CLOSED' })
        expect([mode, at, processes.registrations, files.open.size]).toEqual([mode, at, [], 0])
        await processes.end()
      }
    }
  })
})

describe('a refresh that is asked for while another is under way', () => {
  it('shows what was acknowledged before it was asked for', async () => {
    const processes = Processes.ofTest()
    const writer = await processes.open()
    await createGroup(writer.db, 'time', ['a'])
    await commit(writer, 1, 5)
    let isArmed = false
    let reached!: () => void
    const isReached = new Promise<void>((resolve) => (reached = resolve))
    let go!: () => void
    const mayGo = new Promise<void>((resolve) => (go = resolve))
    // Behind the reading of the log.
    const gate = async (kind: string, path: string): Promise<void> => {
      if (!isArmed || kind !== 'stat' || !path.includes('UNSYNCED')) return
      isArmed = false
      reached()
      await mayGo
    }
    const reader = await processes.open(READ_ONLY, { wrap: (disk) => new GatedFileSystem(disk, gate) })
    await commit(writer, 100, 5)
    isArmed = true
    const first = reader.db.refresh()
    await isReached
    await commit(writer, 200, 5)
    const second = reader.db.refresh()
    go()
    await second
    expect(await timesOf(reader.db, 'a')).toHaveLength(15)
    await first
  })
})

describe('collections beside a reader that is always one step behind', () => {
  it('give back what it needs no more', async () => {
    const processes = Processes.ofTest()
    const writer = await processes.open()
    await createGroup(writer.db, 'time', ['a'])
    const rows = await writer.db.openWriter({ channels: NAMES, start: 0n })
    const reader = await processes.open(READ_ONLY)
    for (let round = 1; round <= 120; round++) {
      await rows.write(frameOf('time', ['a'], timesFrom(round * 10_000, 4000)))
      await writer.flusher.flushAll()
      await writer.db.delete(NAMES, { end: BigInt(round * 10_000 - 30_000) })
      await writer.db.gc({ threshold: 0 })
      await reader.db.refresh()
    }
    const { segments } = await writer.db.stats()
    // 64,000 bytes were written, and died, in each round.
    expect(segments.reduce((dead, segment) => dead + segment.dead, 0)).toBeLessThan(2_500_000)
    await rows.close()
  })
})
