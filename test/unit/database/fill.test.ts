// Fill ahead of the journal's end: there where strict commits are waited for, nowhere else, and nothing to whoever
// opens, reads or asks how large the log is (0005).

import { describe, expect, it } from 'vitest'
import { present } from '../../../src/assert.ts'
import { CorruptionError } from '../../../src/errors.ts'
import type { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { withoutFill } from '../../../src/journal/fill.ts'
import { openStore } from '../../support/open-store.ts'
import type { Store } from '../../support/open-store.ts'
import { pressureWriter, timesOf, VITALS } from '../../support/vitals.ts'

const FILL = 4096
const setting = { tuning: { fillSize: FILL } }
const options = { channels: VITALS, syncInterval: '1d' } as const

function journalOf(disk: MemoryFileSystem): string {
  return present(
    disk.files().findLast((path) => path.includes('/journal/')),
    'a journal file',
  )
}

/** Bytes of fill in the newest journal file. */
function fillIn({ disk }: Pick<Store, 'disk'>): number {
  const bytes = disk.snapshotBytes(journalOf(disk))
  return bytes.length - withoutFill(bytes).length
}

describe('fill', () => {
  it('is laid where a strict commit was waited for', async () => {
    const store = await openStore({ ...options, durability: 'strict' }, setting)
    const { write } = await pressureWriter(store.db)
    expect(fillIn(store)).toBe(0)
    await write(1)
    expect(fillIn(store)).toBe(FILL)
    await write(2)
    expect(fillIn(store)).toBeLessThan(FILL)
    expect(fillIn(store)).toBeGreaterThan(FILL / 2)
  })

  it.each(['relaxed', 'batched'] as const)(
    'is not laid for commits that are %s, whoever syncs',
    async (durability) => {
      const store = await openStore({ ...options, durability }, setting)
      const { write } = await pressureWriter(store.db)
      await write(1, 2)
      await store.db.sync()
      await write(3)
      await store.db.delete('pressure', { end: 2n })
      expect(fillIn(store)).toBe(0)
    },
  )

  it('counts for nothing in the statistics, and goes with the file when the database is closed', async () => {
    const store = await openStore({ ...options, durability: 'strict' }, setting)
    const { write } = await pressureWriter(store.db)
    await write(1)
    const { log } = await store.db.stats()
    await write(2)
    const grown = (await store.db.stats()).log.bytes - log.bytes
    expect(grown).toBeGreaterThan(0)
    expect(grown).toBeLessThan(200)
    await store.db.close({ force: true })
    expect(store.disk.files().filter((path) => path.includes('/journal/'))).toEqual([])
  })

  it('is no cut to whoever recovers after a kill, nor to a process that reads beside', async () => {
    const store = await openStore({ ...options, durability: 'strict' }, setting)
    const { write } = await pressureWriter(store.db)
    await write(1, 2)
    const reader = await store.openAlso({ readOnly: true })
    expect(await timesOf(reader)).toEqual([1, 2])
    await reader.close()
    const db = await store.kill()
    expect(await timesOf(db)).toEqual([1, 2])
    const { recovery } = await db.stats()
    expect(recovery?.crashed).toBe(true)
    expect(recovery?.cut).toBeUndefined()
  })

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'takes no strict commit with it when the power goes (seed %i)',
    async (seed) => {
      const store = await openStore({ ...options, durability: 'strict' }, { tuning: { fillSize: 512 } })
      const { write } = await pressureWriter(store.db)
      const times = Array.from({ length: 20 }, (_, i) => i + 1)
      for (const time of times) await write(time)
      expect(await timesOf(await store.losePower(seed))).toEqual(times)
    },
  )

  it.each([
    {
      what: 'a flipped bit',
      damage: (disk: MemoryFileSystem, path: string, end: number) => disk.corrupt(path, end - 20, 1),
    },
    {
      what: 'zeroes to beyond its end',
      damage: (disk: MemoryFileSystem, path: string, end: number) => {
        const file = disk.openNow(path, 'write')
        file.writeNow(new Uint8Array(140), end - 40)
        file.closeNow()
      },
    },
  ])('hides no rot of the last record after a kill: $what', async ({ damage }) => {
    const store = await openStore({ ...options, durability: 'strict' }, { ...setting, verify: false })
    const { write } = await pressureWriter(store.db)
    await write(1, 2)
    const path = journalOf(store.disk)
    damage(store.disk, path, withoutFill(store.disk.snapshotBytes(path)).length)
    await expect(store.kill()).rejects.toThrow(CorruptionError)
  })
})
