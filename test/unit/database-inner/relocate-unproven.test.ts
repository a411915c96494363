// Recovery moves what only unproven records name, of all channels by one record: its cost is that of its extents, and
// not of each of them times all channels.

import { expect, it, vi } from 'vitest'
import { Settling } from '../../../src/database/extent-batch.ts'
import { Stage } from '../../pitfalls/stage.ts'

it('what a record of many channels names is added up once, after a kill behind a flush', async () => {
  const stage = new Stage()
  const { db, engine } = await stage.open()
  const names = Array.from({ length: 40 }, (_, i) => `c${i}`)
  await db.channels.create([
    { name: 't', kind: 'index' },
    ...names.map((name) => ({ name, kind: 'data', type: 'int8', index: 't' }) as const),
  ])
  await db.sync()
  const writer = await db.openWriter({ channels: ['t', ...names], durability: 'relaxed' })
  await writer.write({ t: 1n, ...Object.fromEntries(names.map((name, i) => [name, i])) })
  await engine.flushTails()
  stage.die()
  const named = vi.spyOn(Settling.prototype, 'name')
  const again = await stage.open()
  expect(named.mock.calls.length).toBe(41)
  named.mockRestore()
  expect((await again.db.read(names)).count('c39')).toBe(1)
  expect((await again.db.verify()).problems).toEqual([])
})
