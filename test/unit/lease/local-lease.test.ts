import { describe, expect, it } from 'vitest'
import { CorruptionError, DatabaseLockedError, LeaseLostError, StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { FENCE, join, leaseName, parseLease, tempName } from '../../../src/fs/layout.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { acquireLease } from '../../../src/lease/local-lease.ts'
import type { LeaseOptions } from '../../../src/lease/local-lease.ts'
import type { Identity, Lease, Liveness } from '../../../src/lease/lease.ts'
import type { OsLock } from '../../../src/lease/os-lock.ts'
import { GatedFileSystem } from '../../support/gated-file-system.ts'

const directory = 'db'

/** A machine: a disk, a clock, and processes that live until they are killed. */
class Machine {
  readonly disk: MemoryFileSystem
  readonly dead = new Set<number>()
  readonly waits: number[] = []
  timeMs = 0
  #pids = 100

  private constructor(disk: MemoryFileSystem) {
    this.disk = disk
  }

  static async start(disk = new MemoryFileSystem()): Promise<Machine> {
    await disk.makeDirectory(directory)
    return new Machine(disk)
  }

  /** A new process that opens. */
  async open(more: Partial<LeaseOptions> = {}): Promise<Lease & { pid: number }> {
    this.#pids += 1
    const pid = this.#pids
    const lease = await acquireLease({
      files: this.disk,
      directory,
      identity: identityOf(pid),
      clock: { now: () => 1_700_000_000_000_000_000n, monotonicMs: () => this.timeMs },
      isAlive: (holder) => this.#isAlive(holder),
      epochsSeen: [],
      wait: (ms) => {
        this.waits.push(ms)
        return Promise.resolve()
      },
      ...more,
    })
    return Object.assign(lease, { pid })
  }

  async leases(): Promise<(number | undefined)[]> {
    return (await this.disk.list(directory))
      .map((name) => parseLease(name))
      .filter((epoch) => epoch !== undefined)
  }

  writeFence(epoch: bigint): void {
    const file = this.disk.openNow(join(directory, FENCE), 'write')
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, epoch, true)
    file.writeNow(bytes, 0)
    file.closeNow()
  }

  #isAlive(holder: Identity): Liveness {
    if (holder.host !== 'here') return 'unknown'
    return this.dead.has(holder.pid) ? 'dead' : 'alive'
  }
}

function readFence({ disk }: Machine): bigint {
  return new DataView(disk.snapshotBytes(join(directory, FENCE)).buffer).getBigUint64(0, true)
}

function identityOf(pid: number, host = 'here'): Identity {
  return { host, bootId: 'boot', pidNamespace: 'pid:[1]', pid, startTime: `${pid}0` }
}

/** The operating system's lock, held by at most one. */
class Lock implements OsLock {
  holder: object | undefined
  note = ''

  tryLock(): ReturnType<OsLock['tryLock']> {
    if (this.holder !== undefined) return { outcome: 'busy', note: this.note }
    const holder = {}
    this.holder = holder
    return {
      outcome: 'held',
      lock: {
        writeNote: (note) => {
          this.note = note
        },
        release: () => {
          if (this.holder === holder) this.holder = undefined
        },
      },
    }
  }
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('the lease', () => {
  it('is epoch 1 in a new folder, and one more with every holder', async () => {
    const machine = await Machine.start()
    const first = await machine.open()
    expect(first.epoch).toBe(1)
    expect(first.directory).toBe(directory)
    await first.release()
    expect((await machine.open()).epoch).toBe(2)
  })

  it('is refused while its holder lives, naming host, process and since when', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    const error = await errorOf(machine.open())
    expect(error).toBeInstanceOf(DatabaseLockedError)
    expect(error).toMatchObject({
      directory,
      pid: holder.pid,
      host: 'here',
      since: '2023-11-14T22:13:20.000Z',
    })
    expect(() => holder.lookNow()).not.toThrow()
  })

  it('of a dead holder is taken over at once', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    machine.dead.add(holder.pid)
    const taker = await machine.open()
    expect(taker.epoch).toBe(2)
    expect(machine.waits).toEqual([])
    expect(await machine.leases()).toEqual([2])
    expect(() => holder.lookNow()).toThrow(LeaseLostError)
    expect(() => taker.lookNow()).not.toThrow()
  })

  it('of a holder elsewhere is refused, saying that the operator must decide', async () => {
    const machine = await Machine.start()
    await machine.open({ identity: identityOf(7, 'elsewhere') })
    const error = await errorOf(machine.open())
    expect(error).toMatchObject({ code: 'DATABASE_LOCKED', pid: 7, host: 'elsewhere' })
    expect(String(error)).toMatch(/cannot be known from here.*rubidium unlock.*takeover: true/)
    await machine.disk.remove(join(directory, leaseName(1)))
    expect((await machine.open()).epoch).toBe(2)
  })

  it('in a damaged file is refused, saying so', async () => {
    const machine = await Machine.start()
    await machine.open()
    machine.disk.corrupt(join(directory, leaseName(1)), 2, 0x55)
    const error = await errorOf(machine.open())
    expect(error).toMatchObject({ code: 'DATABASE_LOCKED', pid: undefined })
    expect(String(error)).toContain('LEASE-000001 is damaged')
    expect((error as Error).cause).toBeInstanceOf(CorruptionError)
  })

  it('has an epoch greater than all that names and the fence show', async () => {
    const machine = await Machine.start()
    const seen = await machine.open({ epochsSeen: [4, 9, 2] })
    expect(seen.epoch).toBe(10)
    await seen.release()
    machine.writeFence(41n)
    const fenced = await machine.open({ epochsSeen: [12] })
    expect(fenced.epoch).toBe(42)
  })

  it('is refused where the fence holds no epoch', async () => {
    const machine = await Machine.start()
    await (await machine.open()).release()
    machine.writeFence(2n ** 63n)
    await expect(machine.open()).rejects.toBeInstanceOf(CorruptionError)
    machine.writeFence(2n ** 40n)
    await expect(machine.open()).rejects.toBeInstanceOf(CorruptionError)
  })

  it('leaves the newest lease file, the fence and nothing else behind', async () => {
    const machine = await Machine.start()
    const stale = machine.disk.openNow(join(directory, tempName(leaseName(7), 'old')), 'create')
    stale.closeNow()
    for (let round = 0; round < 3; round++) await (await machine.open()).release()
    expect(await machine.disk.list(directory)).toEqual([FENCE, leaseName(3)])
  })
})

describe('releasing', () => {
  it('is done once, and makes every look fail', async () => {
    const machine = await Machine.start()
    const lease = await machine.open()
    const done = lease.release()
    expect(() => lease.look()).toThrow(LeaseLostError)
    expect(lease.release()).toBe(done)
    await done
    expect(() => lease.lookNow()).toThrow('was given back')
  })

  it('is durable', async () => {
    const machine = await Machine.start()
    await (await machine.open()).release()
    const after = await Machine.start(machine.disk.afterPowerLoss(1))
    expect((await after.open()).epoch).toBe(2)
  })

  it('that fails says so, and the lease stays until the process has ended', async () => {
    const machine = await Machine.start()
    const faulty = new FaultyFileSystem(machine.disk, [])
    const lease = await machine.open({ files: faulty })
    faulty.addRule({ kind: 'write', path: /LEASE/, fault: { code: 'EIO' } })
    await expect(lease.release()).rejects.toBeInstanceOf(StorageError)
    await expect(machine.open()).rejects.toBeInstanceOf(DatabaseLockedError)
    machine.dead.add(lease.pid)
    expect((await machine.open()).epoch).toBe(2)
  })
})

describe('a look', () => {
  it('covers calls for 50 ms, counted from before it was made', async () => {
    const machine = await Machine.start()
    const lease = await machine.open()
    machine.timeMs = 1000
    lease.look()
    machine.writeFence(2n)
    machine.timeMs = 1050
    expect(() => lease.look()).not.toThrow()
    machine.timeMs = 1050.1
    expect(() => lease.look()).toThrow('the fence shows epoch 2')
  })

  it('is not stretched by a stall while it is made', async () => {
    const machine = await Machine.start()
    let stallMs = 0
    const files = new GatedFileSystem(machine.disk, () => undefined)
    const openNow = files.openNow.bind(files)
    files.openNow = (path, mode) => {
      const file = openNow(path, mode)
      if (!path.includes(FENCE)) return file
      const readNow = file.readNow.bind(file)
      return Object.assign(file, {
        readNow: (target: Uint8Array, offset: number) => {
          const count = readNow(target, offset)
          machine.timeMs += stallMs
          return count
        },
      })
    }
    const lease = await machine.open({ files })
    machine.timeMs = 1000
    stallMs = 200
    lease.look()
    machine.writeFence(2n)
    expect(() => lease.look()).toThrow(LeaseLostError)
  })

  it('that is asked for now reads in any case', async () => {
    const machine = await Machine.start()
    const lease = await machine.open()
    lease.look()
    machine.writeFence(2n)
    expect(() => lease.lookNow()).toThrow(LeaseLostError)
  })

  it('that failed once fails always, even when the fence is set back', async () => {
    const machine = await Machine.start()
    const lease = await machine.open()
    machine.writeFence(2n)
    expect(() => lease.lookNow()).toThrow(LeaseLostError)
    machine.writeFence(1n)
    expect(() => lease.lookNow()).toThrow(LeaseLostError)
    expect(() => lease.look()).toThrow(LeaseLostError)
  })

  it('finds the lease lost where the fence shows an earlier epoch, or none', async () => {
    const machine = await Machine.start()
    const lease = await machine.open({ epochsSeen: [5] })
    machine.writeFence(3n)
    expect(() => lease.lookNow()).toThrow('the fence shows epoch 3')
    machine.dead.add(lease.pid)
    const next = await machine.open()
    machine.disk.openNow(join(directory, FENCE), 'write').truncateNow(3)
    const error = await errorOf(Promise.resolve().then(() => next.lookNow()))
    expect(error).toMatchObject({ code: 'LEASE_LOST', cause: { code: 'CORRUPTION' } })
  })

  it.each(['EIO', 'ENXIO', 'ESTALE'])(
    'that the disk did not answer (%s) is no loss of the lease, and no later one is relied on',
    async (code) => {
      const machine = await Machine.start()
      const files = new FaultyFileSystem(machine.disk, [])
      const lease = await machine.open({ files })
      lease.look()
      files.addRule({ kind: 'read', path: /FENCE/, fault: { code } })
      for (const look of [() => lease.lookNow(), () => lease.look(), () => lease.lookNow()]) {
        const error = await errorOf(Promise.resolve().then(look))
        expect(error).toMatchObject({ code: 'STORAGE', path: 'db/FENCE', cause: { code } })
        expect(error).toHaveProperty('message', expect.stringContaining('Cannot show that the lease of "db"'))
      }
      machine.writeFence(2n)
      expect(() => lease.look()).toThrow(LeaseLostError)
    },
  )
})

describe('a takeover', () => {
  it('takes the lease from a holder that lives, and lets looks that it shared run out', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    const taker = await machine.open({ takeover: true })
    expect(taker.epoch).toBe(2)
    expect(machine.waits).toEqual([100])
    expect(() => holder.lookNow()).toThrow(LeaseLostError)
    await expect(machine.open()).rejects.toMatchObject({ pid: taker.pid })
  })

  it('takes it from a holder whose file is damaged', async () => {
    const machine = await Machine.start()
    await machine.open()
    machine.disk.corrupt(join(directory, leaseName(1)), 2, 0x55)
    expect((await machine.open({ takeover: true })).epoch).toBe(2)
  })

  it('does not take it from one who came after the decision', async () => {
    const machine = await Machine.start()
    await machine.open()
    let rival: Lease | undefined
    const files = new GatedFileSystem(machine.disk, async (kind) => {
      if (kind === 'link' && rival === undefined) rival = await machine.open({ takeover: true })
    })
    await expect(machine.open({ files, takeover: true })).rejects.toBeInstanceOf(DatabaseLockedError)
    expect(() => rival?.lookNow()).not.toThrow()
  })

  it('that is itself taken over while it waits is lost', async () => {
    const machine = await Machine.start()
    await machine.open()
    let rival: Lease | undefined
    const wait = async (): Promise<void> => {
      rival = await machine.open({ takeover: true })
    }
    await expect(machine.open({ takeover: true, wait })).rejects.toBeInstanceOf(LeaseLostError)
    expect(rival?.epoch).toBe(3)
    expect(() => rival?.lookNow()).not.toThrow()
  })
})

describe('a takeover that was broken off', () => {
  /** Takes over and dies at an operation that the gate names; what it had begun then never goes on. */
  async function dieTakingOver(machine: Machine, at: (kind: string, path: string) => boolean): Promise<void> {
    const pid = 900
    let died = (): void => {}
    const death = new Promise<void>((resolve) => (died = resolve))
    const stop = (): Promise<void> => {
      machine.dead.add(pid)
      died()
      return new Promise(() => undefined)
    }
    const files = new GatedFileSystem(machine.disk, (kind, path) => (at(kind, path) ? stop() : undefined))
    const wait = (): Promise<void> => (at('wait', '') ? stop() : Promise.resolve())
    void machine.open({ files, takeover: true, identity: identityOf(pid), wait })
    await death
  }

  it('before its fence took nothing: the holder goes on, and others are refused', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    await dieTakingOver(machine, (kind) => kind === 'syncDirectory')
    expect(await machine.leases()).toEqual([1, 2])
    await expect(machine.open()).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: holder.pid })
    expect(() => holder.lookNow()).not.toThrow()
    await holder.release()
    expect((await machine.open()).epoch).toBe(3)
  })

  it('before looks ran out leaves the waiting to the next opener', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    await dieTakingOver(machine, (kind) => kind === 'wait')
    // Its last look may cover it still: what it writes now is acknowledged.
    expect(() => holder.look()).not.toThrow()
    expect(machine.waits).toEqual([])
    const next = await machine.open()
    expect(next.epoch).toBe(3)
    expect(machine.waits).toEqual([100])
    expect(await machine.leases()).toEqual([3])
    expect(() => holder.lookNow()).toThrow(LeaseLostError)
  })

  it('afterwards leaves nothing to wait for', async () => {
    const machine = await Machine.start()
    await machine.open()
    const taker = await machine.open({ takeover: true })
    machine.dead.add(taker.pid)
    machine.waits.length = 0
    expect((await machine.open()).epoch).toBe(3)
    expect(machine.waits).toEqual([])
  })

  it('and a name that somebody removed are waited for: its holder may still run', async () => {
    const machine = await Machine.start()
    const holder = await machine.open()
    await machine.disk.remove(join(directory, leaseName(1)))
    const next = await machine.open()
    expect(next.epoch).toBe(2)
    expect(machine.waits).toEqual([100])
    expect(() => holder.lookNow()).toThrow(LeaseLostError)
  })
})

describe('an opener that stood still and was overtaken', () => {
  it('removes nothing that the later holder has under construction', async () => {
    const machine = await Machine.start()
    await (await machine.open()).release()
    let later: Lease | undefined
    const mark = join(directory, tempName('CLEAN-000003', 'close'))
    const files = new GatedFileSystem(machine.disk, async (kind) => {
      const isLast = kind === 'list' && machine.disk.files().includes(`/${join(directory, leaseName(2))}`)
      if (!isLast || later !== undefined || readFence(machine) !== 2n) return
      listings += 1
      if (listings < 2) return
      later = await machine.open({ takeover: true })
      machine.disk.openNow(mark, 'create').closeNow()
    })
    let listings = 0
    await expect(machine.open({ files })).rejects.toBeInstanceOf(LeaseLostError)
    expect(machine.disk.files()).toContain(`/${mark}`)
    expect(() => later?.lookNow()).not.toThrow()
  })
})

describe('several openers', () => {
  it('do not both win: who links the epoch first has it', async () => {
    const machine = await Machine.start()
    machine.dead.add((await machine.open()).pid)
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => machine.open()))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(DatabaseLockedError)
    }
  })

  it('with an old listing do not win an epoch that was there before', async () => {
    // Dead 3; C lists and stands still; A takes 4 and closes; B takes 5 and removes 4; C links 4 again.
    const machine = await Machine.start()
    machine.dead.add((await machine.open({ epochsSeen: [2] })).pid)
    let later: Lease | undefined
    let linked = 0
    const files = new GatedFileSystem(machine.disk, async (kind, path, source = '') => {
      if (kind === 'list' && later !== undefined) linked += (await machine.leases()).includes(4) ? 1 : 0
      if (kind !== 'link' || later !== undefined) return
      expect(path).toBe(join(directory, leaseName(4)))
      // C stood still just before it wrote its temporary file, so that A and B did not sweep it away.
      const bytes = machine.disk.snapshotBytes(source)
      await (await machine.open()).release()
      later = await machine.open()
      expect(await machine.leases()).toEqual([5])
      const file = machine.disk.openNow(source, 'create')
      file.writeNow(bytes, 0)
      file.closeNow()
    })
    await expect(machine.open({ files })).rejects.toBeInstanceOf(DatabaseLockedError)
    expect(linked).toBeGreaterThan(0)
    expect(await machine.leases()).toEqual([5])
    expect(() => later?.lookNow()).not.toThrow()
  })

  it('find their temporary file removed by a new holder and look again', async () => {
    const machine = await Machine.start()
    let rival: (Lease & { pid: number }) | undefined
    const files = new GatedFileSystem(machine.disk, async (kind) => {
      if (kind === 'link' && rival === undefined) rival = await machine.open({ epochsSeen: [8] })
    })
    await expect(machine.open({ files })).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: 102 })
    expect(rival?.pid).toBe(102)
  })

  it('whose listing missed the name that came and the one that went judge the new holder', async () => {
    const machine = await Machine.start()
    machine.dead.add((await machine.open()).pid)
    let rival: (Lease & { pid: number }) | undefined
    let links = 0
    const files = new GatedFileSystem(machine.disk, (kind) => {
      if (kind === 'link') links++
    })
    const list = files.list.bind(files)
    files.list = async (path) => {
      if (rival !== undefined) return list(path)
      rival = await machine.open()
      return [FENCE]
    }
    const error = await errorOf(machine.open({ files }))
    expect(error).toMatchObject({ code: 'DATABASE_LOCKED', pid: rival?.pid })
    expect(links).toBe(0)
    expect(() => rival?.lookNow()).not.toThrow()
  })

  it('with another idea of the next epoch do not pass one by who won meanwhile', async () => {
    const machine = await Machine.start()
    machine.dead.add((await machine.open()).pid)
    let rival: (Lease & { pid: number }) | undefined
    const files = new GatedFileSystem(machine.disk, async (kind, _path, source = '') => {
      if (kind !== 'link' || rival !== undefined) return
      const bytes = machine.disk.snapshotBytes(source)
      rival = await machine.open()
      const file = machine.disk.openNow(source, 'create')
      file.writeNow(bytes, 0)
      file.closeNow()
    })
    const error = await errorOf(machine.open({ files, epochsSeen: [8] }))
    expect(error).toMatchObject({ code: 'DATABASE_LOCKED', pid: rival?.pid })
    expect(rival?.epoch).toBe(2)
    expect(await machine.leases()).toEqual([2])
    await expect(machine.open()).rejects.toMatchObject({ pid: rival?.pid })
    expect(() => rival?.lookNow()).not.toThrow()
  })

  it('do not set the fence back', async () => {
    // A links 2 and stands still; B takes over, links 3 and overwrites the fence; A goes on.
    const machine = await Machine.start()
    machine.dead.add((await machine.open()).pid)
    let later: Lease | undefined
    let listings = 0
    const files = new GatedFileSystem(machine.disk, async (kind) => {
      if (kind === 'list') listings++
      // Behind the listing that follows the link, before the fence.
      if (kind === 'list' && listings === 2) later = await machine.open({ takeover: true })
    })
    await expect(machine.open({ files })).rejects.toMatchObject({ code: 'DATABASE_LOCKED' })
    expect(later?.epoch).toBe(3)
    expect(() => later?.lookNow()).not.toThrow()
    expect(await machine.leases()).toEqual([3])
  })

  // The fence set back: A looks at it, and stands still before its write; B links 3, puts it in force and works.
  it.each([{ closes: false }, { closes: true }])(
    'that set the fence back give up, and whoever came meanwhile relies on it no more (closed: $closes)',
    async ({ closes }) => {
      const machine = await Machine.start()
      machine.dead.add((await machine.open()).pid)
      let later: Lease | undefined
      const files = new GatedFileSystem(machine.disk, () => undefined)
      const openNow = files.openNow.bind(files)
      files.openNow = (path, mode) => {
        const file = openNow(path, mode)
        if (!path.endsWith(FENCE)) return file
        let stalled: Uint8Array | undefined
        return Object.assign(file, {
          readNow: (target: Uint8Array, offset: number) =>
            machine.disk.openNow(path, 'read').readNow(target, offset),
          writeNow: (source: Uint8Array) => {
            stalled = source.slice()
            return source.length
          },
          sync: async () => {
            if (stalled === undefined) return
            later = await machine.open({ takeover: true })
            later.lookNow()
            if (closes) await later.release()
            expect(readFence(machine)).toBe(3n)
            machine.writeFence(new DataView(stalled.buffer).getBigUint64(0, true))
          },
        })
      }
      await expect(machine.open({ files })).rejects.toMatchObject({ code: 'DATABASE_LOCKED' })
      expect(later?.epoch).toBe(3)
      expect(readFence(machine)).toBe(2n)
      expect(() => later?.lookNow()).toThrow(LeaseLostError)
      expect(await machine.leases()).toEqual([3])
      await later?.release()
      const next = await machine.open()
      expect([next.epoch, readFence(machine)]).toEqual([4, 4n])
      expect(() => next.lookNow()).not.toThrow()
    },
  )

  it('do not write over a fence that shows a later epoch, whatever the listing said', async () => {
    const machine = await Machine.start()
    await (await machine.open()).release()
    const files = new GatedFileSystem(machine.disk, (kind, path) => {
      if (kind === 'link' && path.endsWith(leaseName(2))) machine.writeFence(9n)
    })
    await expect(machine.open({ files })).rejects.toBeInstanceOf(DatabaseLockedError)
    expect((await machine.open()).epoch).toBe(10)
  })

  it('give up where a later epoch shows after the fence was overwritten', async () => {
    const machine = await Machine.start()
    await (await machine.open()).release()
    let listings = 0
    const files = new GatedFileSystem(machine.disk, (kind) => {
      if (kind === 'list') listings++
      if (kind !== 'list' || listings !== 3) return
      const file = machine.disk.openNow(join(directory, leaseName(3)), 'create')
      file.closeNow()
    })
    await expect(machine.open({ files })).rejects.toBeInstanceOf(DatabaseLockedError)
    expect(await machine.leases()).toEqual([1, 3])
  })
})

describe('with the lock of the operating system', () => {
  it('a second opener is refused at once, named by the note in the lock', async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    const holder = await machine.open({ lock })
    const before = machine.disk.mutations
    await expect(machine.open({ lock })).rejects.toMatchObject({ pid: holder.pid, host: 'here' })
    expect(machine.disk.mutations).toBe(before)
  })

  it('a holder elsewhere in this machine that had it and has it no more is dead', async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    const isAlive = (): Liveness => 'unknown'
    await machine.open({ lock })
    lock.holder = undefined
    await expect(machine.open({ isAlive })).rejects.toMatchObject({ code: 'DATABASE_LOCKED' })
    expect((await machine.open({ lock, isAlive })).epoch).toBe(2)
  })

  it('a holder that runs is not taken for dead because the file LOCK was replaced', async () => {
    const machine = await Machine.start()
    const holder = await machine.open({ lock: new Lock() })
    await expect(machine.open({ lock: new Lock() })).rejects.toMatchObject({ pid: holder.pid })
  })

  it('a holder without it, or on another host, is judged by its process', async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    const holder = await machine.open()
    await expect(machine.open({ lock })).rejects.toMatchObject({ pid: holder.pid })
    expect(lock.holder).toBeUndefined()
    await holder.release()
    await machine.open({ lock, identity: identityOf(7, 'elsewhere') })
    lock.holder = undefined
    await expect(machine.open({ lock })).rejects.toThrow('cannot be known from here')
  })

  it('the lock is given up by a release, and when the lease cannot be taken', async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    const faulty = new FaultyFileSystem(machine.disk, [])
    faulty.addRule({ kind: 'link', fault: { code: 'EIO' } })
    await expect(machine.open({ lock, files: faulty })).rejects.toBeInstanceOf(StorageError)
    expect(lock.holder).toBeUndefined()
    const lease = await machine.open({ lock })
    expect(lock.holder).toBeDefined()
    await lease.release()
    expect(lock.holder).toBeUndefined()
  })

  it('a takeover goes on without it, and is what later openers are told of', async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    await machine.open({ lock })
    const taker = await machine.open({ lock, takeover: true })
    await expect(machine.open({ lock })).rejects.toMatchObject({ pid: taker.pid })
  })

  it("one that was overtaken and still has it stands in nobody else's way", async () => {
    const machine = await Machine.start()
    const lock = new Lock()
    const holder = await machine.open({ lock })
    const taker = await machine.open({ lock, takeover: true })
    await taker.release()
    // Closed, then dead, then by force again: always without the lock.
    const second = await machine.open({ lock })
    expect(second.epoch).toBe(3)
    await expect(machine.open({ lock })).rejects.toMatchObject({ pid: second.pid })
    machine.dead.add(second.pid)
    const third = await machine.open({ lock })
    await machine.open({ lock, takeover: true })
    expect(() => third.lookNow()).toThrow(LeaseLostError)
    expect(() => holder.lookNow()).toThrow(LeaseLostError)
    // It gives up the lock in the end; who holds the lease without it goes on.
    await holder.release()
    expect(lock.holder).toBeUndefined()
    await expect(machine.open({ lock })).rejects.toBeInstanceOf(DatabaseLockedError)
    expect(lock.holder).toBeUndefined()
  })

  it('a file system without locks leaves the decision to the lease files', async () => {
    const machine = await Machine.start()
    const lock: OsLock = { tryLock: () => ({ outcome: 'unsupported' }) }
    const holder = await machine.open({ lock })
    await expect(machine.open({ lock })).rejects.toMatchObject({ pid: holder.pid })
    machine.dead.add(holder.pid)
    expect((await machine.open({ lock })).epoch).toBe(2)
  })
})

describe('crashes while the lease is taken', () => {
  /** Opens and closes a folder on a disk that dies at some operation; whether it got that far. */
  async function takeThenDie(die: (disk: MemoryFileSystem) => void): Promise<[MemoryFileSystem, boolean]> {
    const machine = await Machine.start()
    await machine.disk.syncDirectory('')
    await (await machine.open()).release()
    die(machine.disk)
    const error = await errorOf(machine.open().then((lease) => lease.release()))
    return [machine.disk, error !== undefined]
  }

  it('by a kill or a power loss at any operation leave a folder that opens with a greater epoch', async () => {
    let reached = true
    let n = 0
    while (reached) {
      n += 1
      for (const seed of [1, 2, 3]) {
        const [killed, wasKilled] = await takeThenDie((disk) => disk.killAt(n, seed))
        const [lost] = await takeThenDie((disk) => disk.cutPowerAt(n, seed))
        reached = wasKilled
        for (const disk of [killed.afterKill(), lost.afterPowerLoss(seed)]) {
          const after = await Machine.start(disk)
          after.dead.add(102)
          const lease = await after.open({ identity: identityOf(200) })
          expect(lease.epoch).toBeGreaterThanOrEqual(2)
          expect(() => lease.lookNow()).not.toThrow()
          await lease.release()
        }
      }
    }
    expect(n).toBeGreaterThan(8)
  })

  it('that a failing disk causes give back what was linked', async () => {
    for (const kind of ['sync', 'syncDirectory', 'link', 'write', 'list'] as const) {
      for (let nth = 1; nth <= 4; nth++) {
        const machine = await Machine.start()
        await (await machine.open()).release()
        const faulty = new FaultyFileSystem(machine.disk, [{ kind, nth, fault: { code: 'EIO' } }])
        const first = await errorOf(machine.open({ files: faulty }))
        if (first === undefined) continue
        expect(first).toBeInstanceOf(StorageError)
        expect((await machine.open()).epoch).toBeGreaterThanOrEqual(2)
      }
    }
  })
})
