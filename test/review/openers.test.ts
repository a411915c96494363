// Faults found by reading: openers that stand still, and closes that fail half-way.

import { describe, expect, it } from 'vitest'
import { LeaseLostError, StorageError } from '../../src/errors.ts'
import { openIn } from '../../src/database/public.ts'
import { systemClock } from '../../src/clock.ts'
import type { Environment } from '../../src/database/environment.ts'
import type { Database } from '../../src/index.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { createGroup, frameOf, numbers, timesFrom, timesOf } from '../pitfalls/stage.ts'

function environmentOf(files: FileSystem, pid: number): Environment {
  return {
    files,
    clock: systemClock,
    identity: { host: 'h', bootId: 'b', pidNamespace: 'n', pid, startTime: String(pid) },
    isAlive: () => 'dead',
    newId: () => new Uint8Array(16).fill(3),
  }
}

async function openAs(files: FileSystem, pid: number): Promise<Database> {
  return openIn(environmentOf(files, pid), '/data')
}

describe('an opener that stands still after its epoch has begun, and is overtaken', () => {
  it('removes nothing of the one that came after it', async () => {
    let arm: RegExp | undefined
    let reached = (): void => {}
    let release = (): void => {}
    const came = new Promise<void>((resolve) => (reached = resolve))
    const gate = new Promise<void>((resolve) => (release = resolve))
    const scheduler = async (label: string): Promise<void> => {
      if (label.startsWith('sync /data/journal/000002')) arm ??= /^list \/data\/manifest/
      else if (arm?.test(label) === true) {
        arm = /^nothing/
        reached()
        await gate
      }
    }
    const disk = new MemoryFileSystem({ scheduler })
    const first = await openAs(disk, 1)
    await createGroup(first, 'time', ['a'])
    await (await first.openWriter(['time', 'a'])).write(frameOf('time', ['a'], timesFrom(1, 10)))
    const second = openAs(disk, 2)
    second.catch(() => {})
    await came
    // Taken for dead: somebody else comes, goes on, and begins files of its own.
    const third = await openAs(disk, 3)
    const writer = await third.openWriter(['time', 'a'])
    await writer.write(frameOf('time', ['a'], timesFrom(11, 1000)))
    await third.sync()
    const files = disk.files()
    release()
    await expect(second).rejects.toThrow(LeaseLostError)
    expect(disk.files()).toEqual(files)
    expect(await timesOf(third, 'a')).toEqual(numbers(1, 1010))
    const fourth = await openAs(disk.afterKill(), 4)
    expect(await timesOf(fourth, 'a')).toEqual(numbers(1, 1010))
    await fourth.close()
  })
})

describe('a close that cannot close a file', () => {
  it('gives the lease back all the same, and says so in an error of the contract', async () => {
    const disk = new MemoryFileSystem()
    const faults = new FaultyFileSystem(disk)
    const db = await openAs(faults, 1)
    await createGroup(db, 'time', ['a'])
    faults.addRule({ kind: 'close', path: /manifest/, fault: { code: 'EIO' } })
    await expect(db.close()).rejects.toThrow(StorageError)
    expect(disk.openFiles).toEqual([])
    const next = await openIn({ ...environmentOf(disk, 2), isAlive: () => 'alive' }, '/data')
    expect(next.channels.list()).toHaveLength(2)
    await next.close()
  })
})
