// Opening beside a holder that goes on meanwhile: what changes between two looks at the folder is not damage.
// Found by stopping holders at every operation and letting them go on at every operation of their successor.

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { Database } from '../../../src/database/database.ts'
import type { Environment } from '../../../src/database/environment.ts'
import { openEngine } from '../../../src/database/opening/open.ts'
import { resolveOptions } from '../../../src/database/options.ts'
import { retireOldest } from '../../../src/database/retire.ts'
import { CorruptionError, DatabaseLockedError } from '../../../src/errors.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { createGroup, frameOf, numbers, timesFrom, timesOf } from '../../pitfalls/stage.ts'
import { GatedFileSystem } from '../../support/gated-file-system.ts'

async function openAs(
  files: FileSystem,
  pid: number,
  takeover = false,
): Promise<Awaited<ReturnType<typeof openEngine>> & { db: Database }> {
  const environment: Environment = {
    files,
    clock: systemClock,
    identity: { host: 'h', bootId: 'b', pidNamespace: 'n', pid, startTime: String(pid) },
    isAlive: () => 'alive',
    wait: () => Promise.resolve(),
    newId: () => new Uint8Array(16).fill(3),
  }
  const opened = await openEngine(environment, '/data', resolveOptions({ takeover }))
  return { ...opened, db: new Database(opened.engine, opened.flusher) }
}

/** A disk as an opener sees it who meets `act` in front of its nth operation that `matches`. */
function meeting(
  disk: MemoryFileSystem,
  matches: (label: string) => boolean,
  nth: number,
  act: () => Promise<unknown>,
): FileSystem {
  let met = 0
  return new GatedFileSystem(disk, async (kind, path) => {
    if (matches(`${kind} ${path}`) && ++met === nth) await act()
  })
}

/** A disk whose asynchronous reads go through `through`. */
function reading(
  disk: MemoryFileSystem,
  through: (path: string, target: Uint8Array, read: () => Promise<number>) => Promise<number>,
): FileSystem {
  const files = new GatedFileSystem(disk, () => {})
  const openNow = files.openNow.bind(files)
  files.openNow = (path, mode) => {
    const file = openNow(path, mode)
    const read = file.read.bind(file)
    return Object.assign(file, {
      read: (target: Uint8Array, offset: number) => through(path, target, () => read(target, offset)),
    })
  }
  return files
}

/** A disk that shows a wrong byte in the journal to the reads that `isTorn`. */
function tearing(disk: MemoryFileSystem, isTorn: () => boolean): FileSystem {
  return reading(disk, async (path, target, read) => {
    const count = await read()
    if (path.startsWith('/data/journal/') && isTorn()) target[200]! ^= 0x55
    return count
  })
}

describe('an opening beside a holder', () => {
  it('that has retired its last journal file between two listings is refused, and meets no damage', async () => {
    for (const folder of ['segments', 'journal', 'manifest']) {
      const disk = new MemoryFileSystem()
      const holder = await openAs(disk, 1)
      await createGroup(holder.db, 'time', ['a'])
      const writer = await holder.db.openWriter(['time', 'a'])
      await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
      await holder.flusher.flushAll()
      const files = meeting(
        disk,
        (label) => label === `list /data/${folder}`,
        1,
        async () => {
          await holder.flusher.flushAll()
          while (await retireOldest(holder.engine));
        },
      )
      await expect(openAs(files, 2)).rejects.toThrow(DatabaseLockedError)
      await holder.db.close({ force: true })
    }
  })

  it('that begins its first segment between two listings is refused, and meets no damage', async () => {
    for (const folder of ['segments', 'journal', 'manifest']) {
      const disk = new MemoryFileSystem()
      await disk.makeDirectory('/data')
      let holder: Awaited<ReturnType<typeof openAs>> | undefined
      const files = meeting(
        disk,
        (label) => label === `list /data/${folder}`,
        1,
        async () => {
          holder = await openAs(disk, 1)
          await createGroup(holder.db, 'time', ['a'])
          const writer = await holder.db.openWriter(['time', 'a'])
          await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
          await holder.flusher.flushAll()
        },
      )
      await expect(openAs(files, 2)).rejects.toThrow(DatabaseLockedError)
      await holder?.db.close({ force: true })
    }
  })
})

describe('a take-over while the old holder goes on', () => {
  it('reads again what it may have been writing to; otherwise damage is damage', async () => {
    for (const takeover of [true, false]) {
      const disk = new MemoryFileSystem()
      const holder = await openAs(disk, 1)
      await createGroup(holder.db, 'time', ['a'])
      const writer = await holder.db.openWriter(['time', 'a'])
      await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
      await holder.db.sync()
      await writer.write(frameOf('time', ['a'], timesFrom(11, 10)))
      if (!takeover) await holder.engine.lease?.release()
      let reads = 0
      const taken = openAs(
        tearing(disk, () => ++reads === 1),
        2,
        takeover,
      )
      if (takeover) expect(await timesOf((await taken).db, 'a')).toEqual(numbers(1, 20))
      else await expect(taken).rejects.toThrow(CorruptionError)
      holder.engine.stopTimers()
    }
  })

  it('reads again what it removes meanwhile, which nobody needs', async () => {
    let reached = (): void => {}
    let goOn = (): void => {}
    const came = new Promise<void>((resolve) => (reached = resolve))
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    const disk = new MemoryFileSystem({
      scheduler: async (label) => {
        if (label !== 'remove /data/journal/000001-000000000001') return
        reached()
        await gate
      },
    })
    const holder = await openAs(disk, 1)
    await createGroup(holder.db, 'time', ['a'])
    const writer = await holder.db.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(1, 10)))
    await holder.flusher.flushAll()
    // It has looked, and stands in front of the removal.
    const retired = retireOldest(holder.engine)
    await came
    // The file goes when the taker has listed it, and reads the manifest.
    const files = reading(disk, async (_path, _target, read) => {
      goOn()
      await retired
      return read()
    })
    const taker = await openAs(files, 2, true)
    expect(disk.files()).not.toContain('/data/journal/000001-000000000001')
    expect(await timesOf(taker.db, 'a')).toEqual(numbers(1, 10))
    expect((await taker.db.verify()).problems).toEqual([])
    await taker.db.close()
  })
})
