// A holder that was overtaken and relies on a look that is long over writes one more record, when its successor has read
// the log: a record that is nothing to anyone. Called by test/pitfalls/readers and test/proof/readers.

import type { FileSystem } from '../../src/fs/file-system.ts'
import { createGroup, frameOf, timesFrom, timesOf } from '../pitfalls/stage.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import { Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'

/**
 * Times that a reader sees right after that record, and once the successor has begun; then those that that one has.
 * @param readsOn the reader opens before, and moves forward when the record is there
 */
export async function seeStaleRecord(readsOn: boolean = false): Promise<number[][]> {
  const processes = new Processes()
  const stale = await processes.open()
  await createGroup(stale.db, 'time', ['a'])
  const commit = async (first: number, count: number): Promise<void> => {
    const writer = await stale.db.openWriter({ channels: ['time', 'a'], start: BigInt(first) })
    await writer.write(frameOf('time', ['a'], timesFrom(first, count)))
    await writer.close()
  }
  await commit(1, 20)
  await stale.db.sync()
  // The mark travels in a record.
  await commit(21, 1)
  await stale.db.sync()
  await commit(22, 1)
  let reader: Process | undefined = readsOn ? await processes.open({ readOnly: true }) : undefined
  const seen: number[][] = []
  const wrap = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, async (kind, path) => {
      // What follows the loading of the log. The clock stands still, so that the old look covers the write.
      if (kind !== 'makeDirectory' || !path.endsWith('/manifest')) return
      await commit(90, 1)
      if (reader === undefined) reader = await processes.open({ readOnly: true })
      else await reader.db.refresh()
      seen.push(await timesOf(reader.db, 'a'))
    })
  const wait = (): Promise<void> => Promise.resolve()
  const taker = await processes.open({ takeover: true }, { wrap, environment: { wait } })
  await reader!.db.refresh()
  seen.push(await timesOf(reader!.db, 'a'), await timesOf(taker.db, 'a'))
  processes.abandon(stale)
  await processes.end()
  return seen
}

/**
 * Times that a reader sees, and those that the log holds, when the newest record that the reader has read was cut back,
 * since its append had failed when all of it was written, and others were appended.
 */
export async function seeReplacedRecord(): Promise<number[][]> {
  const [first, second] = [await withReader(), await withReader()]
  await first.commit(30)
  await first.reader.db.refresh()
  await second.commit(60)
  await second.commit(70)
  const bytes = second.processes.disk.snapshotBytes(second.path)
  const file = first.processes.disk.openNow(first.path, 'write')
  file.truncateNow(0)
  file.writeNow(bytes, 0)
  file.closeNow()
  await first.reader.db.refresh()
  const fresh = await first.processes.open({ readOnly: true })
  return [await timesOf(first.reader.db, 'a'), await timesOf(fresh.db, 'a')]
}

/** A writer with a few samples in its log, and a reader that has read them; always with the same bytes. */
async function withReader(): Promise<{
  readonly processes: Processes
  readonly reader: Process
  /** Of the log. */
  readonly path: string
  readonly commit: (first: number) => Promise<void>
}> {
  const processes = new Processes()
  const { db, engine } = await processes.open()
  await createGroup(db, 'time', ['a'])
  const commit = async (first: number): Promise<void> => {
    const writer = await db.openWriter({ channels: ['time', 'a'], start: BigInt(first) })
    await writer.write(frameOf('time', ['a'], timesFrom(first, 3)))
    await writer.close()
  }
  await commit(1)
  const reader = await processes.open({ readOnly: true })
  return { processes, reader, path: engine.journal!.files.at(-1)!.path, commit }
}
