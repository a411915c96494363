// Gaps that a review of read-only processes found, each by its name: registrations when the log is shorter than it
// was, and when the file system does not answer.

import { expect, it } from 'vitest'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { createGroup, frameOf, numbers, timesFrom, timesOf } from '../pitfalls/stage.ts'
import { DIRECTORY, Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'

const READ_ONLY = { readOnly: true } as const
const NAMES = ['time', 'a']

async function begin(): Promise<{ processes: Processes; writer: Process }> {
  const processes = Processes.ofTest()
  const writer = await processes.open()
  await createGroup(writer.db, 'time', ['a'])
  await add(writer, 1, 20)
  return { processes, writer }
}

/** Writes samples into a segment of their own. */
async function add(writer: Process, first: number, count: number): Promise<void> {
  await commit(writer, first, count)
  await writer.flusher.flushAll()
  const { segments } = writer.engine
  if (segments.active !== undefined) segments.seal(segments.active)
}

async function commit({ db }: Process, first: number, count: number): Promise<void> {
  const writer = await db.openWriter({ channels: NAMES, start: BigInt(first) })
  await writer.write(frameOf('time', ['a'], timesFrom(first, count)))
  await writer.close()
}

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
