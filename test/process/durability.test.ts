// The promises of durability between real processes on a real disk: children are killed in the middle of
// what they do, and the next one says what it found. Nothing waits for time to pass; a kill comes when the
// child has said so many lines.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import type { Durability, OpenOptions } from '../../src/database/options.ts'
import { open, openIn } from '../../src/database/public.ts'
import { DatabaseLockedError } from '../../src/errors.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { propertyOptions } from '../support/seeds.ts'

const script = fileURLToPath(new URL('child-store.ts', import.meta.url))
let root: string
let directory: string
let children: Child[] = []

type Work = 'work' | 'hold' | 'idle' | 'spin' | 'open' | 'read'

interface ChildOptions {
  readonly durability?: Durability
  readonly seed?: number
  readonly withLock?: boolean
  readonly uid?: number
  readonly folder?: string
}

/** A process that uses the database, and its lines. */
class Child {
  readonly pid: number
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly lines: AsyncIterator<string>
  readonly exited: Promise<unknown[]>
  errors = ''

  constructor(what: Work, options: ChildOptions = {}) {
    const { durability = 'batched', seed = 0, withLock = true, uid, folder = directory } = options
    const args = ['--import', 'tsx', script, what, folder, durability, String(seed)]
    this.process = spawn(process.execPath, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, RUBIDIUM_NO_OS_LOCK: withLock ? '' : '1' },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    this.pid = this.process.pid ?? 0
    this.process.stderr.on('data', (data: Buffer) => (this.errors += data.toString()))
    this.process.stdin.on('error', () => {})
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
    this.exited = once(this.process, 'exit')
    children.push(this)
  }

  /** The next line; undefined at the end. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.lines.next()
    return done === true ? undefined : value
  }

  /** The first line that is JSON. */
  async answer<T>(): Promise<T> {
    for (;;) {
      const line = await this.line()
      if (line === undefined) throw new Error(`process ${this.pid} ended without an answer: ${this.errors}`)
      if (line.startsWith('{')) return JSON.parse(line) as T
    }
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    this.process.kill('SIGKILL')
    await this.exited
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

/** What a child did, in its order: writes of [first, first + count) and deletes of [start, end). */
type Step = { readonly kind: 'w' | 'd'; readonly from: number; readonly to: number }

interface Found {
  readonly count: number
  readonly sum: number
  readonly newest: number
  readonly problems: readonly unknown[]
}

/** The times that are there. */
class Oracle {
  times: BigInt64Array = new BigInt64Array(0)

  /** The state that was found must be the one after `steps` and `least` or more of those that follow. */
  settle(steps: readonly Step[], least: number, found: Found): void {
    for (let done = 0; done <= steps.length; done++) {
      if (done > 0) this.#apply(steps[done - 1]!)
      if (done >= least && this.#is(found)) return
    }
    throw new Error(
      `${found.count} samples up to ${found.newest} are the state after none of steps ${least} to ${steps.length}: ` +
        JSON.stringify(steps.slice(Math.max(0, least - 3))),
    )
  }

  #apply({ kind, from, to }: Step): void {
    if (kind === 'w') {
      const times = new BigInt64Array(this.times.length + to - from)
      times.set(this.times)
      for (let i = from; i < to; i++) times[this.times.length + i - from] = BigInt(i)
      this.times = times
    } else this.times = this.times.filter((time) => time < from || time >= to)
  }

  #is({ count, sum }: Found): boolean {
    if (count !== this.times.length) return false
    return crc32(new Uint8Array(this.times.buffer, this.times.byteOffset, this.times.byteLength)) === sum
  }
}

/** When a child is killed: after so many lines, or when it says that a phase begins. */
type Fate = { readonly lines: number } | { readonly phase: string; readonly turns: number }

function fateOf(random: SeededRandom): Fate {
  const phases = ['gc', 'close', 'open']
  const choice = random.below(8)
  const phase = phases[choice]
  return phase === undefined
    ? { lines: 3 + random.below(600) }
    : { phase: `phase ${phase}`, turns: random.below(40) }
}

/**
 * Reads a child's lines until its fate comes, kills it, and takes the lines that are left. `handedOver`: how many
 * steps the operating system had in any case, by the last delete or close that was acknowledged.
 */
async function follow(
  child: Child,
  fate: Fate,
): Promise<{ steps: Step[]; acknowledged: number; handedOver: number }> {
  const steps: Step[] = []
  let acknowledged = 0
  let handedOver = 0
  let lines = 0
  for (let line = await child.line(); line !== undefined; line = await child.line()) {
    const [mark, kind, from, to] = line.split(' ')
    if (mark === '>') {
      const end = kind === 'w' ? Number(from) + Number(to) : Number(to)
      steps.push({ kind: kind as 'w' | 'd', from: Number(from), to: end })
    } else if (mark === '<') {
      acknowledged++
      if (steps[acknowledged - 1]?.kind === 'd') handedOver = acknowledged
    } else if (line === 'phase open') handedOver = acknowledged
    lines++
    if ('phase' in fate ? line === fate.phase : lines === fate.lines) {
      if ('phase' in fate) for (let left = fate.turns; left > 0; left--) await turn()
      child.process.kill('SIGKILL')
    }
  }
  expect(child.errors).toBe('')
  return { steps, acknowledged, handedOver }
}

/** Kills child after child in one folder; each must find what the durability promised of the one before. */
async function killAfterKill(
  durability: Durability,
  withLock: boolean,
  runs: number,
  seed: number,
): Promise<number> {
  const random = new SeededRandom(seed)
  const folder = join(root, durability)
  const oracle = new Oracle()
  let steps: readonly Step[] = []
  let least = 0
  let newest = 0
  let acknowledged = 0
  for (let run = 0; run <= runs; run++) {
    const child = new Child('work', { folder, durability, seed: random.below(1 << 30), withLock })
    const found = await child.answer<Found>()
    const where = `${durability}, seed ${seed}, run ${run}`
    expect(found.problems, where).toEqual([])
    try {
      oracle.settle(steps, least, found)
    } catch (error) {
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
    }
    if (run === runs) break
    newest = Math.max(newest, found.newest)
    const fate = fateOf(random)
    child.process.stdin.write(`${newest + 1}\n`)
    const happened = await follow(child, fate)
    ;({ steps } = happened)
    acknowledged += happened.acknowledged
    least = durability === 'relaxed' ? happened.handedOver : happened.acknowledged
    newest = steps.reduce((most, { kind, to }) => (kind === 'w' ? Math.max(most, to) : most), newest)
  }
  return acknowledged
}

describe('a killed process', () => {
  // 0001-I7
  it('loses no more than its durability says, and is taken over at once, kill after kill', async () => {
    const { numRuns, seed = Date.now() % 1_000_000 } = propertyOptions(10)
    const acknowledged = await Promise.all([
      killAfterKill('batched', true, numRuns, seed),
      killAfterKill('strict', false, numRuns, seed + 1),
      killAfterKill('relaxed', true, numRuns, seed + 2),
    ])
    for (const count of acknowledged) expect(count).toBeGreaterThan(10)
  }, 600_000)

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

  it.skipIf(process.platform === 'win32')(
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

  it.skipIf(process.platform === 'win32')(
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
