// Taking the lease from a holder that is alive, or seems to be: one that was stopped in front of any of its
// file operations and goes on later (a simulated disk), processes that are stopped under load, a database of
// this very process; and copies of a folder, whose leases mean nothing to the original.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Database, Writer } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import type { Durability, OpenOptions } from '../../src/database/options.ts'
import { open, openIn } from '../../src/database/public.ts'
import { LeaseLostError } from '../../src/errors.ts'
import { loadOsLock } from '../../src/lease/os-lock.ts'
import { propertyOptions } from '../support/seeds.ts'
import { FrozenProcess } from './frozen-process.ts'
import { round, WORKS } from './frozen-rounds.ts'
import type { Wakes } from './frozen-rounds.ts'
import { overtake } from './overtaking.ts'
import { StoreChild } from './store-child.ts'

const osLock = await loadOsLock()
const paths = [
  { how: 'with the lock of the operating system', withLock: true },
  { how: 'by lease files alone', withLock: false },
]
let root: string
let directory: string
let children: StoreChild[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rubidium-'))
  directory = join(root, 'store')
})

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()))
  children = []
  rmSync(root, { recursive: true })
})

async function openHere(withLock: boolean, options: OpenOptions = {}, folder = directory): Promise<Database> {
  const environment = await systemEnvironment()
  return openIn({ ...environment, lock: withLock ? osLock : undefined }, folder, options)
}

async function prepare(db: Database): Promise<Writer> {
  await db.channels.create([
    { name: 'time', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 'time' },
  ])
  const writer = await db.openWriter(['time', 'a'])
  await writer.write({ time: [1n, 2n, 3n], a: [0.5, 1, 1.5] })
  return writer
}

describe('a holder that is stopped, taken over, and goes on', () => {
  let holder: FrozenProcess

  beforeAll(() => {
    holder = new FrozenProcess()
  })

  afterAll(async () => {
    await holder.end()
  })

  const cases: [string, Durability][] = [
    ...WORKS.map((work): [string, Durability] => [work, 'batched']),
    ['commits', 'strict'],
    ['commits', 'relaxed'],
    ['delete', 'strict'],
  ]

  // 0001-I8, 0005-I6, 0005-I8
  it.each(cases)(
    'changes nothing that others see, wherever it stood still (%s, %s)',
    async (work, durability) => {
      for (let n = 1; ; n++) {
        const wakes: Wakes = n % 4 === 0 ? 'closed' : n % 4 === 2 ? 'open' : 5 + ((n * 7) % 25)
        const job = { work, durability, withLock: n % 3 === 0 }
        const { stoppedAt, problems } = await round(holder, job, n, wakes)
        expect(problems, `operation ${n}, ${stoppedAt ?? 'none'}, waking ${wakes}`).toEqual([])
        if (stoppedAt !== undefined) continue
        expect(n).toBeGreaterThan(20)
        return
      }
    },
    120_000,
  )
})

describe('processes that are stopped under load, taken over, and go on', () => {
  it.each([
    { durability: 'batched', withLock: osLock !== undefined },
    { durability: 'strict', withLock: false },
    { durability: 'relaxed', withLock: osLock !== undefined },
  ] as const)(
    'lose nothing that was acknowledged, and are told ($durability)',
    async ({ durability, withLock }) => {
      const { numRuns, seed = Date.now() % 1_000_000 } = propertyOptions(3)
      const tally = { takeovers: 0, acknowledged: 0, afterwards: 0 }
      await overtake(directory, { durability, withLock, rounds: numRuns, seed }, children, tally)
      expect(tally.takeovers).toBe(numRuns)
      expect(tally.acknowledged).toBeGreaterThan(0)
    },
    600_000,
  )
})

describe.each(paths)('taking over in one process, $how', ({ withLock }) => {
  it.skipIf(withLock && osLock === undefined)(
    'tells the old holder at its next call, which reads on',
    async () => {
      const old = await openHere(withLock)
      const writer = await prepare(old)
      await expect(openHere(withLock)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: process.pid })
      const taker = await openHere(withLock, { takeover: true })
      await expect(writer.write({ time: 4n, a: 2 })).rejects.toThrow(LeaseLostError)
      await expect(old.delete('a', {})).rejects.toThrow(LeaseLostError)
      await expect(old.gc()).rejects.toThrow(LeaseLostError)
      await expect(old.sync()).rejects.toThrow(LeaseLostError)
      await expect(old.channels.rename('a', 'b')).rejects.toThrow(LeaseLostError)
      expect(await old.count('a')).toEqual({ a: 3 })
      const next = await taker.openWriter(['time', 'a'])
      await next.write({ time: 10n, a: 5 })
      expect(await taker.count('a')).toEqual({ a: 4 })
      await expect(openHere(withLock)).rejects.toMatchObject({ code: 'DATABASE_LOCKED' })
      await taker.close({ force: true })
      // The old holder is still there, and with it what it has of the operating system's lock.
      const third = await openHere(withLock)
      expect(await third.count('a')).toEqual({ a: 4 })
      await old.close({ force: true }).catch(() => {})
      expect(await (await third.openWriter(['time', 'a'])).write({ time: 11n, a: 5.5 })).toBe(true)
      expect((await third.verify()).problems).toEqual([])
      await third.close({ force: true })
    },
  )

  it.skipIf(withLock && osLock === undefined)(
    'is told by a close, if that is the next call, and nothing is lost',
    async () => {
      const old = await openHere(withLock)
      await prepare(old)
      const taker = await openHere(withLock, { takeover: true })
      await expect(old.close({ force: true })).rejects.toThrow(LeaseLostError)
      expect(await taker.count('a')).toEqual({ a: 3 })
      await taker.close()
    },
  )

  it.skipIf(withLock && osLock === undefined)('takes what nobody holds like any opening', async () => {
    const first = await openHere(withLock, { takeover: true })
    await prepare(first)
    await first.close({ force: true })
    const second = await openHere(withLock, { takeover: true })
    expect(await second.count('a')).toEqual({ a: 3 })
    await second.close()
  })
})

describe.each(paths)('a copied folder, $how', ({ withLock }) => {
  const skips = withLock && osLock === undefined

  /** Opens both; what one of them writes is nothing to the other. */
  async function useBoth(original: Database, copy: Database): Promise<void> {
    await (await original.openWriter(['time', 'a'])).write({ time: 100n, a: 50 })
    await (await copy.openWriter(['time', 'a'])).write({ time: [200n, 201n], a: [100, 100.5] })
    expect(await original.count('a')).toEqual({ a: 4 })
    expect(await copy.count('a')).toEqual({ a: 5 })
    for (const db of [original, copy]) {
      expect((await db.verify()).problems).toEqual([])
      await db.close({ force: true })
    }
  }

  it.skipIf(skips)('of a closed database opens beside its original', async () => {
    const db = await openHere(withLock)
    await prepare(db)
    await db.close({ force: true })
    cpSync(directory, join(root, 'copy'), { recursive: true })
    await useBoth(await openHere(withLock), await openHere(withLock, {}, join(root, 'copy')))
  })

  it.skipIf(skips)('of a killed one does, too', async () => {
    const child = new StoreChild('hold', { folder: directory, withLock })
    children.push(child)
    expect(await child.line()).toBe('open')
    await child.kill()
    cpSync(directory, join(root, 'copy'), { recursive: true })
    await useBoth(
      await reduced(await openHere(withLock)),
      await reduced(await openHere(withLock, {}, join(root, 'copy'))),
    )
  })

  it.skipIf(skips)('of one that is open is held by its holder, until it is taken over', async () => {
    const original = await openHere(withLock)
    const writer = await prepare(original)
    await writer.close()
    cpSync(directory, join(root, 'copy'), { recursive: true })
    await expect(openHere(withLock, {}, join(root, 'copy'))).rejects.toMatchObject({
      code: 'DATABASE_LOCKED',
      pid: process.pid,
    })
    await useBoth(original, await openHere(withLock, { takeover: true }, join(root, 'copy')))
  })

  /** Without the channel that only the child has. */
  async function reduced(db: Database): Promise<Database> {
    await db.channels.remove('b')
    return db
  }
})

describe('a database that is open elsewhere', () => {
  it('is taken from a process that does nothing, which hears of it when it ends', async () => {
    const child = new StoreChild('hold', { folder: directory })
    children.push(child)
    expect(await child.line()).toBe('open')
    child.process.kill('SIGSTOP')
    await expect(open(directory)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: child.pid })
    const taker = await open(directory, { takeover: true })
    expect(await taker.count('a')).toEqual({ a: 3 })
    await taker.close()
    // Beside the process that stands still and has the operating system's lock: by the lease files.
    await (await open(directory)).close()
    child.process.kill('SIGCONT')
    child.process.stdin.end()
    await child.exited
    const last = await open(directory)
    expect(await last.count('a')).toEqual({ a: 3 })
    await last.close()
  })
})
