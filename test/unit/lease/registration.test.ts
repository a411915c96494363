// Registrations of read-only processes: what others read of them, and whose count.

import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import type { Identity, Liveness } from '../../../src/lease/lease.ts'
import type { FileLocks, OsLockAttempt } from '../../../src/lease/os-lock.ts'
import { lookAtReaders } from '../../../src/lease/registered-readers.ts'
import type { ReaderLook } from '../../../src/lease/registered-readers.ts'
import { OwnRegistration, readRegistration } from '../../../src/lease/registration.ts'
import { GatedFileSystem } from '../../support/gated-file-system.ts'

const directory = '/data'
const self: Identity = { host: 'here', bootId: 'boot', pidNamespace: 'pid:[1]', pid: 7, startTime: '70' }
const other: Identity = { ...self, pid: 8, startTime: '80' }
const since = '2025-01-01T00:00:00.000000000Z'

/** Locks of files; one keeps its lock when its temporary name becomes the right one. */
class Locks implements FileLocks {
  readonly held = new Set<string>()

  tryLock(path: string): ReturnType<FileLocks['tryLock']> {
    const name = this.#fileOf(path)
    if (this.held.has(name)) return { outcome: 'busy', note: '' }
    this.held.add(name)
    return { outcome: 'held', lock: { writeNote: () => {}, release: () => this.held.delete(name) } }
  }

  tryLockThere(path: string): ReturnType<FileLocks['tryLock']> {
    return this.tryLock(path)
  }

  isHeld(path: string): boolean {
    return this.held.has(this.#fileOf(path))
  }

  #fileOf(path: string): string {
    return path.replace('.tmp-', '').replace(/-new$/, '')
  }
}

async function register(
  files: MemoryFileSystem,
  identity: Identity = other,
  locks?: FileLocks,
): Promise<OwnRegistration> {
  return OwnRegistration.create({ files, directory, identity, since, locks })
}

function pathOf(own: OwnRegistration): string {
  return `${directory}/${own.name}`
}

async function look(files: MemoryFileSystem, options: Partial<ReaderLook> = {}): Promise<number[]> {
  const found = await lookAtReaders({ files, directory, identity: self, removesDead: true, ...options })
  return found.map(({ pin }) => pin)
}

const as =
  (liveness: Liveness): (() => Liveness) =>
  () =>
    liveness

describe('a registration', () => {
  it('says who registered, since when, and pins everything until its pin is raised', async () => {
    const files = new MemoryFileSystem()
    const own = await register(files)
    expect(readRegistration(files, pathOf(own))).toEqual({
      content: { ...other, since, lock: 'file' },
      pin: 0,
    })
    own.raise(977)
    expect(readRegistration(files, pathOf(own))?.pin).toBe(977)
    own.raise(12)
    expect([own.pin, readRegistration(files, pathOf(own))?.pin]).toEqual([977, 977])
    own.raise(Number.MAX_SAFE_INTEGER - 1)
    expect(readRegistration(files, pathOf(own))?.pin).toBe(Number.MAX_SAFE_INTEGER - 1)
  })

  it('is gone once it is removed, and leaves nothing open', async () => {
    const files = new MemoryFileSystem()
    const own = await register(files)
    expect(await own.isThere()).toBe(true)
    await own.remove()
    expect(readRegistration(files, pathOf(own))).toBeUndefined()
    expect([files.files(), files.openFiles]).toEqual([[], []])
  })

  it('that cannot be removed says that it counts no more, and the next writer removes it', async () => {
    const disk = new MemoryFileSystem()
    const files = new FaultyFileSystem(disk)
    const own = await OwnRegistration.create({ files, directory, identity: other, since })
    files.addRule({ kind: 'remove', fault: { code: 'EIO' } })
    await own.remove()
    expect(disk.files()).toEqual([pathOf(own)])
    expect(await look(disk, { isAlive: as('alive') })).toEqual([])
    expect([disk.files(), disk.openFiles]).toEqual([[], []])
  })

  it('is there whole or not at all, whatever a power loss takes', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const files = new MemoryFileSystem()
      const left: MemoryFileSystem[] = []
      files.observeMutations(({ before }) => left.push(before()))
      const own = await register(files)
      own.raise(5)
      left.push(files.clone())
      for (const disk of left) {
        const after = disk.afterPowerLoss(seed)
        const found = after.files().filter((path) => !path.includes('.tmp-'))
        for (const path of found)
          expect(readRegistration(after, path)?.content).toEqual({ ...other, since, lock: 'file' })
      }
    }
  })

  it('is made anew where a new holder of the lease removes its temporary file', async () => {
    const disk = new MemoryFileSystem()
    let links = 0
    const files = new GatedFileSystem(disk, async (kind, _path, source) => {
      if (kind === 'link' && links++ < 2) await disk.remove(source!)
    })
    const own = await OwnRegistration.create({ files, directory, identity: other, since })
    expect(links).toBe(3)
    expect(await look(disk, { isAlive: as('alive') })).toEqual([0])
    await own.remove()
    expect(disk.openFiles).toEqual([])
  })

  it('is not in the way where it cannot be made: nothing of it stays', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory(`${directory}/readers`)
    files.capacity = files.used
    await expect(register(files)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect([files.files(), files.openFiles]).toEqual([[], []])
  })
})

describe('a registration that is damaged', () => {
  it('pins everything, at every byte of it', async () => {
    const files = new MemoryFileSystem()
    const own = await register(files)
    own.raise(977)
    const { length } = files.snapshotBytes(pathOf(own))
    for (let at = 0; at < length; at++) {
      const damaged = files.clone()
      damaged.corrupt(pathOf(own), at, 0x10)
      expect(readRegistration(damaged, pathOf(own))?.pin, `byte ${at}`).toBe(0)
    }
  })

  it('pins everything where only a part of a new pin was written, and its process lives', async () => {
    const files = new MemoryFileSystem()
    const own = await register(files)
    own.raise(1111)
    const before = files.snapshotBytes(pathOf(own))
    own.raise(9999)
    const after = files.snapshotBytes(pathOf(own))
    for (let cut = 1; cut < after.length; cut++) {
      const torn = new Uint8Array([...after.subarray(0, cut), ...before.subarray(cut)])
      const disk = new MemoryFileSystem()
      await disk.makeDirectory(`${directory}/readers`)
      const file = disk.openNow(pathOf(own), 'create')
      file.writeNow(torn, 0)
      file.closeNow()
      expect([0, 1111, 9999]).toContain((await look(disk, { isAlive: as('alive') }))[0])
      // Who it is stands apart from the pin: its death can be known all the same.
      expect(await look(disk, { isAlive: as('dead') })).toEqual([])
    }
  })

  it('counts, and stays, where nobody can tell whose it is', async () => {
    const files = new MemoryFileSystem()
    const own = await register(files)
    files.corrupt(pathOf(own), 3, 0xff)
    expect(await look(files, { isAlive: as('dead') })).toEqual([0])
    expect(files.files()).toEqual([pathOf(own)])
  })
})

describe('a look at registrations', () => {
  it('finds none where there is no folder, and takes no other file for one', async () => {
    const files = new MemoryFileSystem()
    expect(await look(files)).toEqual([])
    await files.makeDirectory(`${directory}/readers`)
    files.openNow(`${directory}/readers/notes.txt`, 'create').closeNow()
    files.openNow(`${directory}/readers/.tmp-8-${'0'.repeat(32)}-new`, 'create').closeNow()
    expect(await look(files)).toEqual([])
    expect(files.files()).toHaveLength(2)
  })

  it('removes what dead processes have left, and nothing else', async () => {
    const files = new MemoryFileSystem()
    const [dead, alive] = [await register(files, other), await register(files, { ...other, pid: 9 })]
    alive.raise(4)
    const isAlive = ({ pid }: Identity): Liveness => (pid === 9 ? 'alive' : 'dead')
    expect(await look(files, { isAlive, removesDead: false })).toEqual([4])
    expect(files.files()).toHaveLength(2)
    expect(await look(files, { isAlive })).toEqual([4])
    expect(files.files()).toEqual([pathOf(alive)])
    expect(await dead.isThere()).toBe(false)
  })

  it('believes in no death on another host, in another process-id namespace, or where it is not known', async () => {
    const free = { exists: false }
    const cases: { identity: Identity; counts: boolean }[] = [
      { identity: { ...other, host: 'there' }, counts: true },
      { identity: { ...other, host: 'there', bootId: 'another' }, counts: true },
      { identity: { ...other, pidNamespace: 'pid:[2]' }, counts: true },
      { identity: other, counts: false },
      { identity: { ...other, bootId: 'another' }, counts: false },
      { identity: { ...other, bootId: 'another', pidNamespace: 'pid:[2]' }, counts: false },
    ]
    const { isAlive } = await import('../../../src/lease/identity.ts')
    for (const { identity, counts } of cases) {
      const files = new MemoryFileSystem()
      await register(files, identity)
      const judged = await look(files, { isAlive: (holder, own) => isAlive(holder, own, () => free) })
      expect(judged, JSON.stringify(identity)).toEqual(counts ? [0] : [])
    }
  })

  it('tells a process id that is used again by its start time', async () => {
    const files = new MemoryFileSystem()
    await register(files)
    const { isAlive } = await import('../../../src/lease/identity.ts')
    const again = { exists: true, startTime: '9000' }
    expect(await look(files, { isAlive: (holder, own) => isAlive(holder, own, () => again) })).toEqual([])
  })

  it('counts registrations of its own process, whatever is said of it', async () => {
    const files = new MemoryFileSystem()
    await register(files, self)
    expect(await look(files, { isAlive: as('dead') })).toEqual([0])
  })
})

describe("the operating system's lock on a registration", () => {
  it('proves a death across process-id namespaces, and a life whatever process ids say', async () => {
    const files = new MemoryFileSystem()
    const locks = new Locks()
    const own = await register(files, { ...other, pidNamespace: 'pid:[2]' }, locks)
    expect(readRegistration(files, pathOf(own))?.content?.lock).toBe('os')
    expect(await look(files, { locks, isAlive: as('unknown') })).toEqual([0])
    expect(await look(files, { locks, isAlive: as('dead') })).toEqual([0])
    locks.held.clear()
    // Seen to run: then somebody has replaced its file.
    expect(await look(files, { locks, isAlive: as('alive') })).toEqual([0])
    expect(await look(files, { locks, isAlive: as('unknown') })).toEqual([])
  })

  it('says nothing of other hosts, of registrations without it, or where it cannot be asked', async () => {
    const locks = new Locks()
    const tryLock = (): OsLockAttempt => ({ outcome: 'unsupported' })
    const unsupported: FileLocks = { tryLock, tryLockThere: tryLock, isHeld: () => undefined }
    for (const [identity, made, asked] of [
      [{ ...other, host: 'there' }, locks, locks],
      [other, unsupported, locks],
      [other, locks, unsupported],
      [other, locks, undefined],
    ] as const) {
      const files = new MemoryFileSystem()
      await register(files, identity, made)
      locks.held.clear()
      expect(await look(files, { locks: asked, isAlive: as('unknown') })).toEqual([0])
    }
  })

  it('is of the file that was written, and of no other that has come in its place', async () => {
    const disk = new MemoryFileSystem()
    let removals = 0
    class Removing extends Locks {
      override tryLockThere(path: string): OsLockAttempt {
        // A new holder of the lease, between two steps.
        if (removals++ === 0) {
          void disk.remove(path)
          throw Object.assign(new Error('it is gone'), { code: 'ENOENT' })
        }
        return super.tryLockThere(path)
      }
    }
    const own = await register(disk, other, new Removing())
    expect(disk.files()).toEqual([pathOf(own)])
    expect(readRegistration(disk, pathOf(own))?.content).toMatchObject({ ...other, lock: 'os' })
  })

  it('is given back with the registration', async () => {
    const locks = new Locks()
    const own = await register(new MemoryFileSystem(), other, locks)
    expect(locks.held.size).toBe(1)
    await own.remove()
    expect(locks.held.size).toBe(0)
  })
})
