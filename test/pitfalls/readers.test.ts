// The sequences in which read-only processes break an engine whose rules are a little weaker (0005-I9, 0005-I10),
// each by its name. What happens at every other instant is test/race/readers.

import { describe, expect, it } from 'vitest'
import { checkpointNow } from '../../src/database/retire.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { leaseName } from '../../src/fs/layout.ts'
import { seeStaleRecord } from '../race/reader-stale.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import { DIRECTORY } from '../support/processes.ts'
import type { Process, Processes } from '../support/processes.ts'
import { add, begin, commit, NAMES, READ_ONLY } from './beside.ts'
import { numbers, timesOf } from './stage.ts'

async function deleteAll({ db }: Process): Promise<void> {
  await db.delete(NAMES, {})
}

/** A disk as a process sees it whose operations that match meet `act`, once. */
function meeting(pattern: RegExp, act: () => Promise<unknown>): (disk: FileSystem) => FileSystem {
  let isOver = false
  return (disk) =>
    new GatedFileSystem(disk, async (kind, path) => {
      if (isOver || !pattern.test(`${kind} ${path}`)) return
      isOver = true
      await act()
    })
}

describe('the reader registers too late', () => {
  it('what is collected between its registration and its first look is not in what it loads', async () => {
    const { processes, writer } = await begin()
    let removed = -1
    let isRegistered = false
    const wrap = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, async (kind, path) => {
        isRegistered ||= kind === 'link'
        if (!isRegistered || kind !== 'list' || !path.endsWith('/journal') || removed >= 0) return
        await deleteAll(writer)
        removed = (await writer.db.gc({ threshold: 0 })).segmentsRemoved
      })
    const reader = await processes.open(READ_ONLY, { wrap })
    // Pin 0 keeps everything.
    expect([removed, processes.segments.length]).toEqual([0, 1])
    const shown = await timesOf(reader.db, 'a')
    await writer.db.gc({ threshold: 0 })
    expect(await timesOf(reader.db, 'a')).toEqual(shown)
  })

  it('what is collected when it has read the log, and shows nothing yet, is kept for it', async () => {
    const { processes, writer } = await begin()
    let looked = 0
    const files = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, async (kind, path) => {
        if (kind !== 'stat' || !path.includes('/segments/') || looked++ > 0) return
        await deleteAll(writer)
        await writer.db.gc({ threshold: 0 })
      })
    const reader = await processes.open(READ_ONLY, { wrap: files })
    expect(looked).toBe(1)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 20))
  })

  it('what the collector is about to remove, having looked before it registered, it does not need', async () => {
    const { processes, writer } = await begin()
    let reader: Process | undefined
    await processes.close(writer)
    const again = await processes.open(
      {},
      {
        // It has looked at registrations, and stands in front of the removal.
        wrap: meeting(/^remove .data.segments/, async () => {
          reader = await processes.open(READ_ONLY)
        }),
      },
    )
    await add(again, 21, 20)
    await again.db.delete(NAMES, { start: 1n, end: 21n })
    expect((await again.db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
    expect(await timesOf(reader!.db, 'a')).toEqual(numbers(21, 40))
  })
})

describe('the reader moves on', () => {
  it('bytes installed after its first state, and freed after its second, stay', async () => {
    const { processes, writer } = await begin()
    const reader = await processes.open(READ_ONLY)
    await add(writer, 21, 20)
    await reader.db.refresh()
    await writer.db.delete(NAMES, { start: 21n, end: 41n })
    await writer.db.gc({ threshold: 0 })
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 40))
  })

  it('what is freed while it loads stays as long as its old state shows', async () => {
    const { processes, writer } = await begin()
    let isArmed = false
    const wrap = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, async (kind, path) => {
        if (!isArmed || kind !== 'stat' || !path.includes('/segments/')) return
        isArmed = false
        await deleteAll(writer)
        await writer.db.gc({ threshold: 0 })
      })
    const reader = await processes.open(READ_ONLY, { wrap })
    const snapshot = reader.db.snapshot()
    await add(writer, 21, 20)
    isArmed = true
    await reader.db.refresh()
    expect(isArmed).toBe(false)
    await writer.db.gc({ threshold: 0 })
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 40))
    expect(await timesOf(snapshot, 'a')).toEqual(numbers(1, 20))
  })
})

describe('the writer dies', () => {
  it('and the next one keeps what a registered reader sees, of segments that its log does not name any more', async () => {
    const { processes, writer } = await begin()
    const reader = await processes.open(READ_ONLY)
    await deleteAll(writer)
    const dropped = writer.engine.segments.all().map(({ id }) => id)
    writer.engine.publishEdit({ kind: 'drop', segments: dropped })
    await writer.db.sync()
    processes.abandon(writer)
    const next = await processes.open()
    expect(next.engine.version.segments.size).toBe(0)
    expect(processes.segments).toHaveLength(1)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 20))
    expect((await next.db.gc({ threshold: 0 })).segmentsRemoved).toBe(0)
    expect((await next.db.stats()).readers).toMatchObject([{ pid: reader.pid }])
    expect((await next.db.stats()).readers[0]?.bytes).toBeGreaterThan(300)
    await reader.db.refresh()
    expect((await next.db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
    expect(processes.segments).toEqual([])
  })

  it('and the next one keeps what was dead when it opened, not knowing since when', async () => {
    const { processes, writer } = await begin()
    const reader = await processes.open(READ_ONLY)
    await deleteAll(writer)
    processes.abandon(writer)
    const next = await processes.open()
    await next.db.gc({ threshold: 0 })
    await next.db.gc({ threshold: 0 })
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 20))
  })

  it('and what a dead reader has kept goes with its registration', async () => {
    const { processes, writer } = await begin()
    const reader = await processes.open(READ_ONLY)
    await deleteAll(writer)
    await writer.db.gc({ threshold: 0 })
    processes.abandon(reader)
    expect((await writer.db.stats()).readers).toEqual([])
    expect((await writer.db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
    expect(processes.registrations).toEqual([])
  })
})

describe('a forgotten reader', () => {
  it('blocks no commit, delete, flush, checkpoint or close, and shows with what is kept for it', async () => {
    const { processes, writer: first } = await begin()
    await processes.close(first)
    let looks = 0
    const wrap = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, (kind, path) => {
        if (kind === 'list' && path.endsWith('/readers')) looks++
      })
    const writer = await processes.open({}, { wrap })
    const reader = await processes.open(READ_ONLY)
    processes.elapsedMs += 3_600_000
    // Those of its opening.
    expect(looks).toBeGreaterThan(0)
    looks = 0
    for (let round = 1; round < 10; round++) {
      await add(writer, 100 * round, 20)
      await writer.db.delete(NAMES, { start: BigInt(100 * round - 100), end: BigInt(100 * round) })
    }
    await checkpointNow(writer.engine)
    expect(looks).toBe(0)
    const { readers, segments } = await writer.db.stats()
    const dead = segments.reduce((sum, segment) => sum + segment.dead, 0)
    expect(readers).toMatchObject([{ pid: reader.pid, age: '3600s', bytes: dead }])
    expect(dead).toBeGreaterThan(1000)
    await processes.close(writer)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 20))
  })
})

describe('the reader that waits for ever', () => {
  /** A taker that has raised the fence and read the log, and stands still there. */
  async function takeOver(processes: Processes): Promise<{ goOn: () => void; taken: Promise<Process> }> {
    let came = (): void => {}
    let goOn = (): void => {}
    const reached = new Promise<void>((resolve) => (came = resolve))
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    const wrap = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, async (kind, path) => {
        // What follows the loading of the log.
        if (kind !== 'makeDirectory' || !path.endsWith('/manifest')) return
        came()
        await gate
      })
    const taken = processes.open({ takeover: true }, { wrap })
    await reached
    return { goOn, taken }
  }

  it('for a taker that is alive shows what that one has read for certain, and all of it once it has begun', async () => {
    const { processes, writer } = await begin()
    await writer.db.sync()
    await commit(writer, 21, 5)
    await writer.db.sync()
    await commit(writer, 26, 5)
    const { goOn, taken } = await takeOver(processes)
    const reader = await processes.open(READ_ONLY)
    // The mark in the newest record vouches for the commit before it.
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 25))
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 25))
    goOn()
    await taken
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 30))
    processes.abandon(writer)
  })

  it('shows what it showed before, where that is more', async () => {
    const { processes, writer } = await begin()
    await commit(writer, 21, 5)
    const reader = await processes.open(READ_ONLY)
    const { goOn, taken } = await takeOver(processes)
    await reader.db.refresh()
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 25))
    goOn()
    await taken
    processes.abandon(writer)
  })

  it('for a taker that has died shows everything, and does not wait', async () => {
    const { processes, writer } = await begin()
    await commit(writer, 21, 5)
    const { taken } = await takeOver(processes)
    void taken.catch(() => {})
    let waited = 0
    const wait = (): Promise<void> => {
      waited++
      return Promise.resolve()
    }
    const isAlive = (): 'dead' => 'dead'
    const reader = await processes.open(READ_ONLY, { environment: { wait, isAlive } })
    expect([await timesOf(reader.db, 'a'), waited]).toEqual([numbers(1, 25), 0])
    processes.abandon(writer)
  })

  it('shows what bytes that were given back prove, where nothing that is proven says it', async () => {
    const { processes, writer } = await begin()
    await writer.db.delete(NAMES, { start: 1n, end: 11n })
    // It is rewritten, dropped and removed, and no mark in the log says so yet.
    await writer.db.gc({ threshold: 0 })
    expect(processes.segments).toHaveLength(1)
    const { goOn, taken } = await takeOver(processes)
    const reader = await processes.open(READ_ONLY)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(11, 20))
    goOn()
    await taken
    processes.abandon(writer)
  })
})

describe("the reader believes a stale holder's record", () => {
  it('that was written when its successor had read the log: nobody ever sees it', async () => {
    const [before, after, successor] = await seeStaleRecord()
    // The first look shows what is proven for certain.
    expect(before).toEqual(numbers(1, 21))
    expect([after, successor]).toEqual([numbers(1, 22), numbers(1, 22)])
  })

  it('also where it is open already, and reads on', async () => {
    expect(await seeStaleRecord(true)).toEqual([numbers(1, 22), numbers(1, 22), numbers(1, 22)])
  })

  it('is not kept from believing by a lease that was given back, or whose holder is dead', async () => {
    const { processes, writer } = await begin()
    await commit(writer, 21, 5)
    processes.abandon(writer)
    const wrap = meeting(/^makeDirectory .data.manifest/, () => Promise.reject(new Error('it ends here')))
    await expect(processes.open({}, { wrap })).rejects.toThrow('it ends here')
    expect(processes.disk.files()).toContain(`${DIRECTORY}/${leaseName(2)}`)
    const reader = await processes.open(READ_ONLY)
    expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 25))
  })
})
