// Gaps that a review of read-only processes looked for, each by its name: registrations when the log is shorter than it
// was, and when the file system does not answer; states that are of no one instant; damage where nobody writes.

import { expect, it } from 'vitest'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { add, begin, commit, NAMES, READ_ONLY } from '../pitfalls/beside.ts'
import { numbers, timesOf } from '../pitfalls/stage.ts'
import { retireOldest } from '../../src/database/retire.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import { DIRECTORY } from '../support/processes.ts'

/** The newest journal file ends here. */
function journalEnd(disk: MemoryFileSystem): { path: string; size: number } {
  const path = disk
    .files()
    .filter((name) => name.startsWith(`${DIRECTORY}/journal/`))
    .at(-1)!
  const file = disk.openNow(path, 'read')
  try {
    return { path, size: file.sizeNow() }
  } finally {
    file.closeNow()
  }
}

it('what the newest state needs is kept for a reader that had seen more than its disk kept', async () => {
  const { processes, writer } = await begin()
  await writer.db.sync()
  const { path, size } = journalEnd(processes.disk)
  for (let i = 0; i < 30; i++) await commit(writer, 101 + i, 1)
  const reader = await processes.open(READ_ONLY)
  // The disk's host loses power, the reader's does not: records beyond the mark are gone.
  processes.abandon(writer)
  const file = processes.disk.openNow(path, 'write')
  file.truncateNow(size)
  file.closeNow()
  const next = await processes.open()
  await add(next, 201, 20)
  await reader.db.refresh()
  const shown = [...numbers(1, 20), ...numbers(201, 220)]
  expect(await timesOf(reader.db, 'a')).toEqual(shown)
  await next.db.delete(NAMES, {})
  await next.db.gc({ threshold: 0 })
  expect(await timesOf(reader.db, 'a')).toEqual(shown)
})

it('a registration is not given up where nobody can tell whether it is there, and no other can be made', async () => {
  const { processes, writer } = await begin()
  let faults: FaultyFileSystem | undefined
  const wrap = (disk: MemoryFileSystem): FaultyFileSystem => (faults = new FaultyFileSystem(disk))
  const reader = await processes.open(READ_ONLY, { wrap: (disk) => wrap(disk as MemoryFileSystem) })
  const snapshot = reader.db.snapshot()
  await add(writer, 21, 20)
  faults!.addRule({ kind: ['stat', 'create'], path: /readers/, times: Infinity, fault: { code: 'EIO' } })
  await reader.db.refresh()
  await writer.db.delete(NAMES, {})
  await writer.db.gc({ threshold: 0 })
  expect(await timesOf(snapshot, 'a')).toEqual(numbers(1, 20))
  expect(await timesOf(reader.db, 'a')).toEqual(numbers(1, 40))
})

it('what was archived while a reader looked is not read without what was flushed behind it', async () => {
  const { processes, writer: first } = await begin()
  processes.abandon(first)
  let goOn = (): void => {}
  let came = (): void => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const reached = new Promise<void>((resolve) => (came = resolve))
  // Its checkpoint is whole, and its journal has not begun.
  const stopped = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, async (kind, path) => {
      if (kind !== 'syncDirectory' || !path.endsWith('/manifest')) return
      came()
      await gate
    })
  const opening = processes.open({}, { wrap: stopped })
  await reached
  let looks = 0
  const between = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, async (kind, path) => {
      // The first look is whether there is a database at all.
      if (kind !== 'list' || !path.endsWith('/manifest') || ++looks !== 2) return
      goOn()
      const writer = await opening
      await commit(writer, 21, 5)
      await writer.db.channels.create([{ name: 'late', kind: 'data', type: 'int32', index: 'time' }])
      writer.engine.journal!.roll()
      await writer.flusher.flushAll()
      expect(await retireOldest(writer.engine)).toBe(true)
    })
  const reader = await processes.open(READ_ONLY, { wrap: between })
  const isLate = reader.db.channels.find('late') !== undefined
  expect([isLate, await timesOf(reader.db, 'a')]).toEqual([true, numbers(1, 25)])
})

it('a close waits for a refresh that is under way, which says so, and nothing is left', async () => {
  const { processes, writer } = await begin()
  let isArmed = false
  let closing: Promise<void> | undefined
  const wrap = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, (kind, path) => {
      if (!isArmed || kind !== 'stat' || !path.includes('/segments/')) return
      isArmed = false
      closing = reader.db.close({ force: true })
    })
  const reader = await processes.open(READ_ONLY, { wrap })
  await add(writer, 21, 20)
  await writer.db.sync()
  isArmed = true
  await expect(reader.db.refresh()).rejects.toMatchObject({ code: 'CLOSED' })
  await closing
  await processes.close(writer)
  expect([processes.registrations, processes.disk.openFiles]).toEqual([[], []])
})

for (const code of ['EIO', 'ENOSPC']) {
  it(`whatever fails with ${code}, once or for ever: nothing stays open, and what is shown stays whole`, async () => {
    for (const times of [1, Infinity]) {
      let nth = 1
      for (let struck = true; struck; nth++) {
        const { processes, writer } = await begin()
        let faults: FaultyFileSystem | undefined
        const wrap = (disk: FileSystem): FileSystem => (faults = new FaultyFileSystem(disk, [rule]))
        const rule = { nth, times, fault: { code } }
        const reader = await processes.open(READ_ONLY, { wrap }).catch(() => undefined)
        await add(writer, 21, 20)
        await reader?.db.refresh().catch(() => {})
        const snapshot = reader?.db.snapshot()
        struck = faults!.struck(rule) > 0
        faults!.clearRules()
        const seen = reader === undefined ? [] : await timesOf(reader.db, 'a')
        await reader?.db.refresh()
        await writer.db.delete(NAMES, {})
        await writer.db.gc({ threshold: 0 })
        if (snapshot !== undefined) expect(await timesOf(snapshot, 'a'), `${nth}`).toEqual(seen)
        await reader?.db.close({ force: true })
        await writer.db.gc({ threshold: 0 })
        // The next holder removes temporary files.
        const left = processes.registrations.filter((path) => !path.includes('.tmp-'))
        expect([left, processes.segments], `${nth}`).toEqual([[], []])
        await processes.close(writer)
        expect(processes.disk.openFiles, `${nth}`).toEqual([])
      }
      expect(nth).toBeGreaterThan(50)
    }
  })
}

it('damage where nobody writes is told after a second look, not after twenty', async () => {
  const { processes, writer } = await begin()
  processes.abandon(writer)
  const { path } = journalEnd(processes.disk)
  processes.disk.corrupt(path, 100, 0xff)
  let looks = 0
  const wrap = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, (kind, listed) => {
      if (kind === 'list' && listed.endsWith('/journal')) looks++
    })
  await expect(processes.open(READ_ONLY, { wrap })).rejects.toMatchObject({ code: 'CORRUPTION' })
  // The first is whether there is a database at all.
  expect(looks).toBe(3)
})

it('a segment that is missing keeps nobody from opening, where nothing can be written either', async () => {
  const { processes, writer } = await begin()
  await add(writer, 21, 20)
  await processes.close(writer)
  await processes.disk.remove(processes.segments[0]!)
  const rule = { kind: 'create', path: /readers/, times: Infinity, fault: { code: 'EROFS' } } as const
  const wrap = (disk: FileSystem): FileSystem => new FaultyFileSystem(disk, [rule])
  const reader = await processes.open(READ_ONLY, { wrap })
  await expect(timesOf(reader.db, 'a')).rejects.toMatchObject({ code: 'CORRUPTION' })
  expect((await reader.db.read('a', { start: 21n, end: 41n })).column('a')).toHaveLength(20)
  await processes.close(reader)
})
