// What is promised between real processes on a real disk: who holds a database and who is refused, what is
// found after a process has ended, what the system refuses. Nothing waits for time to pass. What a killed
// process loses is kill.test.ts.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { open, openIn } from '../../src/database/public.ts'
import { DatabaseLockedError } from '../../src/errors.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import { othersCanRun } from '../support/other-user.ts'
import { StoreChild } from './store-child.ts'
import type { ChildOptions, Work } from './store-child.ts'

let root: string
let directory: string
let children: Child[] = []

/** A process that uses the database of the test, unless it is told another. */
class Child extends StoreChild {
  constructor(what: Work, options: Partial<ChildOptions> = {}) {
    super(what, { folder: directory, ...options })
    children.push(this)
  }
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rubidium-'))
  directory = join(root, 'store')
})

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()))
  children = []
  rmSync(root, { recursive: true })
})

describe('a killed process', () => {
  it('that never yields loses at most its syncInterval of relaxed commits', async () => {
    const child = new Child('spin', { durability: 'relaxed' })
    const notes: { readonly time: number; readonly atMs: number }[] = []
    for (let line = await child.line(); line !== undefined; line = await child.line()) {
      const [time, atMs] = line.split(' ').map(Number)
      notes.push({ time: time!, atMs: atMs! })
    }
    await child.exited
    expect(notes.length).toBeGreaterThan(5)
    const db = await open(directory)
    const { a } = await db.count('a')
    await db.close()
    const end = notes.at(-1)!.atMs
    const lost = notes.find(({ time }) => time > a!)
    expect(a).toBeGreaterThan(0)
    // The interval, and room for one stall of the machine between two frames.
    if (lost !== undefined) expect(end - lost.atMs).toBeLessThan(100 + longestPause(notes))
  })

  it('is taken over at once; its successor finds what it wrote', async () => {
    for (const withLock of [true, false]) {
      directory = join(root, `store-${withLock}`)
      const holder = new Child('hold', { withLock })
      expect(await holder.line()).toBe('open')
      await expect(open(directory)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: holder.pid })
      await holder.kill()
      const db = await open(directory)
      expect(await db.count('a')).toEqual({ a: 3 })
      expect((await db.stats()).recovery).toMatchObject({ crashed: true })
      await db.close()
    }
  })
})

function longestPause(notes: readonly { readonly atMs: number }[]): number {
  return notes.reduce((most, { atMs }, i) => Math.max(most, atMs - (notes[i - 1]?.atMs ?? 0)), 0) + 5
}

describe('two processes', () => {
  it.each([{ withLock: true }, { withLock: false }])(
    'a second writing open is refused at once, naming pid, host and since (lock: $withLock)',
    async ({ withLock }) => {
      const holder = new Child('hold', { withLock })
      expect(await holder.line()).toBe('open')
      const error: unknown = await open(directory, { lockTimeout: '1h' }).catch((refused: unknown) => refused)
      expect(error).toBeInstanceOf(DatabaseLockedError)
      const { pid, host, since, message } = error as DatabaseLockedError
      expect(pid).toBe(holder.pid)
      expect(host).not.toBe('')
      expect(new Date(since!).toISOString()).toBe(since)
      expect(message).toContain(String(holder.pid))
      const other = new Child('open', { withLock })
      expect(await other.answer()).toMatchObject({ name: 'DatabaseLockedError', code: 'DATABASE_LOCKED' })
    },
  )

  it('a read-only open beside a live writer sees what was committed when it opened', async () => {
    const holder = new Child('hold')
    expect(await holder.line()).toBe('open')
    const db = await open(directory, { readOnly: true })
    expect(await db.count('a')).toEqual({ a: 3 })
    const frame = await db.read(['time', 'a'], {})
    expect([...frame.column('a')]).toEqual([0.5, 1, 1.5])
    await expect(db.openWriter(['time', 'a'])).rejects.toMatchObject({ code: 'READ_ONLY' })
    await db.close()
    expect(holder.process.exitCode).toBeNull()
  })

  it('read-only opens beside a writer that rolls, retires, collects and reopens see a sound prefix each time', async () => {
    const child = new Child('work', { durability: 'batched', seed: 7 })
    await child.answer()
    child.process.stdin.write('1\n')
    const drained = (async () => {
      for (let line = await child.line(); line !== undefined; line = await child.line());
    })()
    let most = 0
    for (let i = 0; i < 12; i++) {
      const db = await open(directory, { readOnly: true })
      const frame = await db.read(['time', 'a'], {})
      const times = frame.column('time') as BigInt64Array
      expect([...frame.column('a')]).toEqual([...times].map((time) => Number(time) * 0.5))
      most = Math.max(most, Number(times.at(-1) ?? 0n))
      await db.close()
    }
    expect(most).toBeGreaterThan(0)
    expect(child.process.exitCode).toBeNull()
    expect(child.errors).toBe('')
    await child.kill()
    await drained
  })
})

describe('an open database', () => {
  it('alone does not keep its process alive; what was acknowledged is there', async () => {
    for (const durability of ['batched', 'relaxed'] as const) {
      directory = join(root, `idle-${durability}`)
      const child = new Child('idle', { durability })
      expect(await child.exited).toEqual([0, null])
      expect(child.errors).toBe('')
      const db = await open(directory)
      expect(await db.count('a')).toEqual({ a: 3 })
      await db.close()
    }
  })
})

describe('what the system refuses', () => {
  // As the superuser everything may be read: then a child asks as another user.
  const isRoot = process.getuid?.() === 0
  const nobody = 65_534

  /** Opens as somebody who is bound by permissions. */
  async function openUnprivileged(
    what: 'open' | 'read',
  ): Promise<{ name?: string; code?: string; message?: string }> {
    if (isRoot) return new Child(what, { uid: nobody }).answer()
    return open(directory, { readOnly: what === 'read' }).then(
      async (db) => {
        await db.close()
        return {}
      },
      (error: Error & { code?: string }) => error,
    )
  }

  async function prepare(): Promise<void> {
    const db = await open(directory)
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 'time' },
    ])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write({ time: [1n, 2n, 3n], a: [0.5, 1, 1.5] })
    await writer.close()
    await db.close()
    if (isRoot) chmodSync(root, 0o755)
  }

  async function mend(): Promise<void> {
    const db = await open(directory)
    expect(await db.count('a')).toEqual({ a: 3 })
    expect((await db.verify()).problems).toEqual([])
    await db.close()
  }

  it.skipIf(process.platform === 'win32' || !othersCanRun)(
    'a folder without permission is a StorageError, and nothing is lost',
    async () => {
      await prepare()
      chmodSync(directory, 0o000)
      const refused = await openUnprivileged('open')
      expect(refused).toMatchObject({ name: 'StorageError', code: 'STORAGE' })
      expect(refused.message).toContain(directory)
      chmodSync(directory, 0o755)
      await mend()
    },
  )

  it.skipIf(process.platform === 'win32' || !othersCanRun)(
    'a file that cannot be read is a StorageError that names it',
    async () => {
      await prepare()
      if (isRoot) {
        for (const folder of ['', 'manifest', 'journal', 'segments', 'readers'])
          chmodSync(join(directory, folder), 0o777)
      }
      const [name] = readdirSync(join(directory, 'manifest'))
      const path = join(directory, 'manifest', name!)
      chmodSync(path, 0o000)
      const refused = await openUnprivileged('read')
      expect(refused).toMatchObject({ name: 'StorageError', code: 'STORAGE' })
      expect(refused.message).toContain(name)
      chmodSync(path, 0o644)
      await mend()
    },
  )

  it.runIf(process.platform === 'linux')(
    'a place where no folder can be made is a StorageError',
    async () => {
      await expect(open('/proc/rubidium')).rejects.toMatchObject({ name: 'StorageError', code: 'STORAGE' })
      await expect(open('/proc/rubidium/deeper/still')).rejects.toMatchObject({ code: 'STORAGE' })
    },
  )

  it('a full disk is a StorageError: nothing is lost, and the database is usable afterwards', async () => {
    const environment = await systemEnvironment()
    const files = new FaultyFileSystem(environment.files)
    mkdirSync(directory)
    const start = (options: OpenOptions = {}): Promise<Database> =>
      openIn({ ...environment, files }, directory, options)
    const db = await start()
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 'time' },
    ])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write({ time: [1n, 2n, 3n], a: [0.5, 1, 1.5] })
    const full = files.addRule({ kind: ['write', 'create'], times: Infinity, fault: { code: 'ENOSPC' } })
    const large = BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(100 + i))
    await expect(writer.write({ time: 4n, a: 2 })).rejects.toMatchObject({
      code: 'STORAGE',
      cause: { code: 'ENOSPC' },
    })
    await expect(writer.write({ time: large, a: new Float64Array(1000) })).rejects.toMatchObject({
      code: 'STORAGE',
    })
    await expect(db.channels.create({ name: 'more', kind: 'index' })).rejects.toMatchObject({
      code: 'STORAGE',
    })
    await expect(db.delete('a', {})).rejects.toMatchObject({ code: 'STORAGE' })
    expect(await db.count('a')).toEqual({ a: 3 })
    expect(db.channels.find('more')).toBeUndefined()
    files.removeRule(full)
    expect(await writer.write({ time: 4n, a: 2 })).toBe(true)
    await db.close({ force: true })
    const again = await start()
    expect(await again.count('a')).toEqual({ a: 4 })
    expect((await again.verify()).problems).toEqual([])
    await again.close()
  })
})
