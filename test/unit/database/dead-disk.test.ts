// A disk that answers no question any more: whatever is asked of the database says so as the contract has it,
// and `verify`, which never throws for damage, reports it.

import { expect, it } from 'vitest'
import { StorageError } from '../../../src/errors.ts'
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
