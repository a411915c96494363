// A holder that was overtaken and relies on a look that is long over writes one more record, when its successor has read
// the log: a record that is nothing to anyone. Called by test/pitfalls/readers and test/proof/readers.

import type { FileSystem } from '../../src/fs/file-system.ts'
import { createGroup, frameOf, timesFrom, timesOf } from '../pitfalls/stage.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import { Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'

/** Times that a reader sees right after that record, and once the successor has begun; then those that that one has. */
export async function seeStaleRecord(): Promise<number[][]> {
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
  let reader: Process | undefined
  const seen: number[][] = []
  const wrap = (disk: FileSystem): FileSystem =>
    new GatedFileSystem(disk, async (kind, path) => {
      // What follows the loading of the log. The clock stands still, so that the old look covers the write.
      if (kind !== 'makeDirectory' || !path.endsWith('/manifest')) return
      await commit(90, 1)
      reader = await processes.open({ readOnly: true })
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
