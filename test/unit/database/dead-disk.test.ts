// A disk that answers no question any more: whatever is asked of the database says so as the contract has it,
// and `verify`, which never throws for damage, reports it. Where it does not even say who holds the lease, nothing
// is acknowledged any more, and nobody is told that another process took it.

import { expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { LeaseLostError, StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { OperationKind } from '../../../src/fs/operation-kind.ts'
import { openStore } from '../../support/open-store.ts'

const QUESTIONS: readonly OperationKind[] = ['open', 'read', 'size', 'list', 'stat']

it.each(QUESTIONS)('verify reports a disk on which every %s fails, and throws nothing', async (kind) => {
  let faults: FaultyFileSystem | undefined
  const store = await openStore(
    {},
    { wrap: (disk) => (faults ??= new FaultyFileSystem(disk)), verify: false },
  )
  await store.db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 'time' },
  ])
  await using writer = await store.db.openWriter(['time', 'a'])
  const time = BigInt64Array.from({ length: 2000 }, (_, i) => BigInt(i))
  await writer.write({ time, a: new Float64Array(2000) })
  const rule = faults!.addRule({ kind, times: Infinity, fault: { code: 'EIO' } })
  const { ok, problems } = await store.db.verify()
  expect(ok).toBe(problems.length === 0)
  expect(faults!.struck(rule) > 0).toBe(!ok)
  const opened = await store.openAlso({ readOnly: true }).catch((error: unknown) => error)
  expect(opened).toBeInstanceOf(StorageError)
  faults!.clearRules()
  expect((await store.db.verify()).problems).toEqual([])
})

it('a fence that the disk does not show is a StorageError: nothing is acknowledged, reads go on', async () => {
  let faults: FaultyFileSystem | undefined
  let nowMs = 0
  const clock = { ...systemClock, monotonicMs: () => nowMs }
  const store = await openStore(
    {},
    { wrap: (disk) => (faults ??= new FaultyFileSystem(disk)), clock, verify: false },
  )
  await store.db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await store.db.openWriter({ channels: ['time', 'a'], autoCommit: false })
  await writer.write({ time: 1n, a: 1 })
  await writer.commit()
  await writer.write({ time: 2n, a: 2 })
  nowMs += 1000
  const rule = faults!.addRule({ kind: 'read', path: /FENCE/, fault: { code: 'EIO' } })
  const first: unknown = await writer.commit().catch((error: unknown) => error)
  expect(first).toBeInstanceOf(StorageError)
  expect(first).toMatchObject({ path: '/data/FENCE', cause: { code: 'EIO' } })
  expect(faults!.struck(rule)).toBe(1)
  // The disk answers again; what was refused stays refused, with the first failure, until it is opened again.
  nowMs += 1000
  for (const call of [
    () => writer.write({ time: 3n, a: 3 }),
    () => store.db.delete('a', {}),
    () => store.db.channels.create({ name: 'more', kind: 'index' }),
    () => store.db.gc(),
    () => store.db.sync(),
  ]) {
    expect(await call().catch((error: unknown) => error)).toBe(first)
  }
  expect([...(await store.db.read('a')).column('a')]).toEqual([1])
  const db = await store.kill()
  expect(await db.count('a')).toEqual({ a: 1 })
})

it('a process that was overtaken is told so also where the fence could not be read before', async () => {
  let faults: FaultyFileSystem | undefined
  const store = await openStore(
    {},
    { wrap: (disk) => (faults ??= new FaultyFileSystem(disk)), verify: false },
  )
  const old = store.db
  faults!.addRule({ kind: 'read', path: /FENCE/, fault: { code: 'EIO' } })
  expect((await old.verify()).problems).toEqual([])
  await expect(old.gc()).rejects.toThrow(StorageError)
  await store.openAlso({ takeover: true })
  await expect(old.gc()).rejects.toThrow(LeaseLostError)
})
