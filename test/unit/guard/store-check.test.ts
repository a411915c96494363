// The order check on an assembled database: that tests watch every call of the public interface (0004-I6), shown by
// faults that are planted, and that calls which fail or run inside others leave no guard behind.

import { afterEach, describe, expect, it, vi } from 'vitest'
import { Engine } from '../../../src/database/engine.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { HeldGuards, unguarded } from '../../../src/guard/held.ts'
import type { Held } from '../../../src/guard/held.ts'
import type { Database } from '../../../src/index.ts'
import { assertGuards, guardCheck } from '../../support/guard-check.ts'
import { openStore } from '../../support/open-store.ts'
import type { StoreSetting } from '../../support/open-store.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

async function openFilled(setting: StoreSetting = {}): Promise<Database> {
  const { db } = await openStore({}, setting)
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(['time', 'a'])
  const time = BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i))
  await writer.write({ time, a: new Float64Array(1000) })
  await writer.close()
  return db
}

describe('the order check on a database', () => {
  it('reports an acquisition that an inner function makes beside the chain (planted)', async () => {
    const db = await openFilled()
    // oxlint-disable-next-line typescript/unbound-method -- called with the engine it was called on
    const publish = Engine.prototype.publishEdit
    vi.spyOn(Engine.prototype, 'publishEdit').mockImplementation(function (this: Engine, edit) {
      const beside = { rank: 'catalog', mode: 'shared', purpose: 'planted' } as const
      this.guards.tryAcquire(unguarded, beside)?.release()
      return publish.call(this, edit)
    })
    await db.delete('a', { start: 0n, end: 10n })
    expect(() => assertGuards()).toThrow(
      /Database\.delete: catalog was asked for beside index 1 \(exclusive, "delete"\), which Database\.delete holds/,
    )
    expect(guardCheck.violations).toEqual([])
  })

  it('reports a guard that an operation forgets to give back (planted)', async () => {
    const db = await openFilled()
    const forgotten: Held[] = []
    vi.spyOn(HeldGuards.prototype, Symbol.dispose).mockImplementationOnce(function (this: Held) {
      forgotten.push(this)
    })
    await db.delete('a', { start: 0n, end: 10n })
    expect(() => assertGuards()).toThrow(
      'Database.delete: ended with index 1 (exclusive, "delete") still held',
    )
    expect(forgotten).toHaveLength(1)
    for (const held of forgotten) held.release()
  })

  it('finds nothing where one operation calls another between its steps', async () => {
    const db = await openFilled()
    const deleted: Promise<unknown>[] = []
    await db.delete('a', { start: 0n, end: 10n })
    await db.gc({
      threshold: 0,
      onProgress: () => deleted.push(db.delete('a', { start: 20n, end: 30n })),
    })
    expect(deleted.length).toBeGreaterThan(0)
    await Promise.all(deleted)
    expect(guardCheck.violations).toEqual([])
  })

  it('finds nothing where operations fail: whatever was held is given back on every path out', async () => {
    let files: FaultyFileSystem | undefined
    const db = await openFilled({
      wrap: (disk) => (files ??= new FaultyFileSystem(disk)),
      tuning: { inlineLimit: 256 },
    })
    const calls = [
      () => db.delete('a', { start: 0n, end: 10n }),
      () => db.channels.create({ name: 'b', kind: 'index' }),
      () => db.channels.rename('a', 'c'),
      () => db.channels.update('a', { unit: 'bar' }),
      () => db.channels.remove(['a']),
      () => db.gc({ threshold: 0 }),
    ]
    for (const call of calls) {
      const rule = files!.addRule({ kind: 'write', times: Infinity, fault: { code: 'ENOSPC' } })
      await call().catch(() => {})
      const abort = AbortSignal.abort(new Error('gone'))
      await expect(db.delete('time', {}, { signal: abort })).rejects.toThrow('gone')
      files!.removeRule(rule)
      expect(guardCheck.violations).toEqual([])
    }
    // It is taken exclusively by a close: it would wait for whoever forgot it.
    await db.close()
    expect(guardCheck.violations).toEqual([])
  })
})
