// Openers that race for one folder, their file operations interleaved in every order that fast-check
// finds, with deaths and stand-stills anywhere: of those that live and were not taken over, at most one
// finds its lease in force, and no two ever have the same epoch.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatabaseLockedError, LeaseLostError, StorageError } from '../../src/errors.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { acquireLease } from '../../src/lease/local-lease.ts'
import type { Lease } from '../../src/lease/lease.ts'
import { GatedFileSystem } from '../support/gated-file-system.ts'
import { propertyOptions } from '../support/seeds.ts'

interface Opener {
  readonly pid: number
  readonly takeover: boolean
  readonly rounds: number
  /** Dies after so many operations; what it had begun then never goes on. */
  readonly diesAfter: number | undefined
  readonly releases: boolean
  /** What a listing shows of names that come or go while it is made. */
  readonly listing: 'neither' | 'first' | 'last'
}

const openers = fc.array(
  fc.record({
    takeover: fc.boolean(),
    rounds: fc.integer({ min: 1, max: 3 }),
    diesAfter: fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined }),
    releases: fc.boolean(),
    listing: fc.constantFrom('neither', 'first', 'last'),
  }),
  { minLength: 2, maxLength: 5 },
)

describe('openers that race for a folder', () => {
  it.each([
    { name: 'without takeovers', takeovers: false },
    { name: 'with takeovers', takeovers: true },
  ])('never hold the lease together, $name', async ({ takeovers }) => {
    await fc.assert(
      fc.asyncProperty(openers, fc.scheduler(), async (load, scheduler) => {
        const disk = new MemoryFileSystem()
        await disk.makeDirectory('db')
        const dead = new Set<number>()
        const epochs: number[] = []
        const holding = new Map<number, Lease>()
        const checkHolders = (): void => {
          const inForce = [...holding].filter(([pid, lease]) => !dead.has(pid) && isInForce(lease))
          expect(inForce.length).toBeLessThanOrEqual(1)
          if (!takeovers)
            expect([...holding.keys()].filter((pid) => !dead.has(pid)).length).toBeLessThanOrEqual(1)
        }
        const live = async (opener: Opener): Promise<void> => {
          let operations = 0
          const files = new GatedFileSystem(disk, async (kind, path) => {
            operations += 1
            await scheduler.schedule(Promise.resolve(), `${opener.pid} ${kind} ${path}`)
            if (opener.diesAfter === undefined || operations < opener.diesAfter) return
            dead.add(opener.pid)
            await new Promise(() => undefined)
          })
          const list = files.list.bind(files)
          files.list = async (path) => {
            const first = await list(path)
            const last = await list(path)
            if (opener.listing === 'neither') return first.filter((name) => last.includes(name))
            return opener.listing === 'first' ? first : last
          }
          for (let round = 0; round < opener.rounds; round++) {
            try {
              const lease = await acquireLease({
                files,
                directory: 'db',
                identity: { host: 'a', bootId: 'b', pidNamespace: 'n', pid: opener.pid, startTime: '1' },
                clock: { now: () => 0n, monotonicMs: () => 0 },
                isAlive: (holder) => (dead.has(holder.pid) ? 'dead' : 'alive'),
                epochsSeen: [],
                takeover: takeovers && opener.takeover,
                wait: () => scheduler.schedule(Promise.resolve(), `${opener.pid} waits`),
              })
              epochs.push(lease.epoch)
              holding.set(opener.pid, lease)
              checkHolders()
              await files.stat('db')
              checkHolders()
              if (!opener.releases) return
              holding.delete(opener.pid)
              await lease.release()
            } catch (error) {
              expect([DatabaseLockedError, LeaseLostError]).toContain((error as object).constructor)
            }
          }
        }
        const lives = load.map((opener, position) => live({ ...opener, pid: position + 1 }))
        const failures: unknown[] = []
        for (const life of lives) life.catch((error: unknown) => failures.push(error))
        await scheduler.waitIdle()
        expect(failures).toEqual([])
        expect(new Set(epochs).size).toBe(epochs.length)
        const after = [...holding.keys()]
        for (const pid of after) dead.add(pid)
        for (let pid = 1; pid <= load.length; pid++) dead.add(pid)
        const last = await acquireLease({
          files: disk,
          directory: 'db',
          identity: { host: 'a', bootId: 'b', pidNamespace: 'n', pid: 99, startTime: '1' },
          clock: { now: () => 0n, monotonicMs: () => 0 },
          isAlive: (holder) => (dead.has(holder.pid) ? 'dead' : 'alive'),
          epochsSeen: [],
        })
        for (const epoch of epochs) expect(last.epoch).toBeGreaterThan(epoch)
        expect([...holding.values()].filter((lease) => isInForce(lease))).toEqual([])
      }),
      propertyOptions(200),
    )
  })
})

function isInForce(lease: Lease): boolean {
  try {
    lease.lookNow()
    return true
  } catch (error) {
    if (error instanceof LeaseLostError) return false
    throw new StorageError('a look fails with LeaseLostError only', { cause: error })
  }
}
