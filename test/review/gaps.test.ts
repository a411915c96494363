// Faults found by reading: what a power loss gives back.

import { expect, it } from 'vitest'
import { createGroup, frameOf, numbers, Stage, timesFrom, timesOf } from '../pitfalls/stage.ts'

it('a retired journal file whose removal a power loss took back, beside a later one that is gone, is no gap', async () => {
  const stage = new Stage({}, { journalFileSize: 1024, journalLimit: 1_000_000 })
  const { db, engine, flusher } = await stage.open()
  await createGroup(db, 'time', ['a'])
  const writer = await db.openWriter(['time', 'a'])
  for (let i = 0; i < 12; i++) await writer.write(frameOf('time', ['a'], timesFrom(1 + i * 20, 20)))
  await db.sync()
  await flusher.flushAll()
  await writer.write(frameOf('time', ['a'], timesFrom(241, 5)))
  await db.sync()
  const { retireOldest } = await import('../../src/database/retire.ts')
  const [first, second] = engine.journal!.files
  const kept = stage.disk.snapshotBytes(first!.path)
  await retireOldest(engine)
  await retireOldest(engine)
  await db.sync()
  expect(engine.journal!.files).not.toContain(second)
  stage.goDark(1)
  // The removal of the first one is lost, that of the second is not.
  const back = stage.disk.openNow(first!.path, 'create')
  back.writeNow(kept, 0)
  back.syncNow()
  await stage.disk.syncDirectory('/data/journal')
  const next = await stage.open()
  expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 245))
})
