// Real processes on a real disk: readers that open, look, keep snapshots and move forward beside a writer that commits,
// deletes, collects, checkpoints, retires, closes, is killed and opened again. What a reader shows is a prefix:
// whole rows without a gap, none missing that was acknowledged before it looked, none that was never written; and it
// finds again what it shows. Nothing waits for time to pass.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { open } from '../../src/index.ts'
import { loadOsLock } from '../../src/lease/os-lock.ts'
import { othersCanRun } from '../support/other-user.ts'
import { propertyOptions } from '../support/seeds.ts'

const script = fileURLToPath(new URL('child-readers.ts', import.meta.url))
const { seed = 1 } = propertyOptions(1)

let directory: string
let children: Child[] = []

interface Rows {
  readonly first: number
  readonly end: number
}

class Child {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  #errors = ''

  constructor(what: 'write' | 'read', of: number, withLock: boolean, end = 1, uid?: number) {
    this.process = spawn(
      process.execPath,
      ['--import', 'tsx', script, what, directory, String(of), String(end)],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, RUBIDIUM_NO_OS_LOCK: withLock ? '' : '1' },
        ...(uid === undefined ? {} : { uid, gid: uid }),
      },
    )
    this.process.stderr.on('data', (data: Buffer) => (this.#errors += data.toString()))
    this.process.stdin.on('error', () => {})
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
    children.push(this)
  }

  /** The next line. @throws Error at the end of them */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error(`process ${this.process.pid} has ended: ${this.#errors}`)
    return value
  }

  /** What it says that there is. */
  async rows(): Promise<Rows> {
    const [mark, first, end] = (await this.line()).split(' ')
    expect(mark).toBe('=')
    return { first: Number(first), end: Number(end) }
  }

  ask(line: string): Promise<Rows> {
    this.process.stdin.write(`${line}\n`)
    return this.rows()
  }

  async end(signal?: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const exited = once(this.process, 'exit')
    if (signal === undefined) this.process.stdin.write('close\n')
    else this.process.kill(signal)
    await exited
  }
}

/** The process that writes, and what it has said. */
class WriterChild {
  acknowledged: Rows
  /** It may have written up to here. */
  announced: number
  readonly child: Child
  /** Ends when the process does. */
  readonly over: Promise<void>
  #waiting: { readonly until: number; readonly resolve: () => void } | undefined

  private constructor(child: Child, rows: Rows) {
    this.child = child
    this.acknowledged = rows
    this.announced = rows.end
    this.over = this.#listen()
  }

  static async start(of: number, withLock: boolean, end: number): Promise<WriterChild> {
    const child = new Child('write', of, withLock, end)
    return new WriterChild(child, await child.rows())
  }

  /** Resolves when it has acknowledged so many rows more. */
  async go(count: number): Promise<void> {
    const until = this.acknowledged.end + count
    await Promise.race([new Promise<void>((resolve) => (this.#waiting = { until, resolve })), this.over])
  }

  async #listen(): Promise<void> {
    for (;;) {
      let line: string
      try {
        line = await this.child.line()
      } catch {
        return
      }
      const [mark, value] = line.split(' ')
      if (mark === '>') this.announced = Number(value)
      if (mark === '<') this.acknowledged = { ...this.acknowledged, end: Number(value) }
      if (mark === '-') this.acknowledged = { ...this.acknowledged, first: Number(value) }
      if (this.#waiting !== undefined && this.acknowledged.end >= this.#waiting.until) this.#waiting.resolve()
    }
  }
}

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'rubidium-')), 'store')
})

afterEach(async () => {
  await Promise.all(children.map((child) => child.end('SIGKILL')))
  children = []
  rmSync(join(directory, '..'), { recursive: true })
})

const canLock = (await loadOsLock()) !== undefined

describe.each([true, false])("with the operating system's locks: %s", (withLock) => {
  it.skipIf(withLock && !canLock)(
    'readers see a prefix whatever the writer does, when it is killed and when the next one opens',
    async () => {
      const random = new SeededRandom(seed)
      let writer = await WriterChild.start(seed, withLock, 1)
      await writer.go(100)
      const readers = [new Child('read', 0, withLock), new Child('read', 0, withLock)]
      const shown = await Promise.all(readers.map((reader) => reader.rows()))
      for (let life = 1; life <= (withLock ? 2 : 1); life++) {
        for (let round = 0; round < (withLock ? 6 : 3); round++) {
          await writer.go(200)
          for (const [i, reader] of readers.entries()) {
            const least = writer.acknowledged
            const word = (['refresh', 'refresh', 'hold', 'drop', 'look'] as const)[random.below(5)]!
            const rows = await reader.ask(word)
            if (word !== 'refresh') expect(rows).toEqual(shown[i])
            else {
              expect(rows.end).toBeGreaterThanOrEqual(least.end)
              expect(rows.first).toBeGreaterThanOrEqual(least.first)
            }
            shown[i] = rows
          }
        }
        const { acknowledged } = writer
        await writer.child.end('SIGKILL')
        await writer.over
        for (const [i, reader] of readers.entries()) {
          expect(await reader.ask('look')).toEqual(shown[i])
          shown[i] = await reader.ask('refresh')
          expect(shown[i].end).toBeGreaterThanOrEqual(acknowledged.end)
          expect(shown[i].end).toBeLessThanOrEqual(writer.announced)
        }
        writer = await WriterChild.start(seed + life, withLock, acknowledged.end)
        expect(writer.acknowledged.end).toBeGreaterThanOrEqual(acknowledged.end)
      }
      await writer.child.end('SIGKILL')
      // One says goodbye, the other does not: neither leaves anything that counts.
      await readers[0]!.end()
      await readers[1]!.end('SIGKILL')
      expect(readdirSync(join(directory, 'readers'))).toHaveLength(1)
      await using db = await open(directory, { gc: false })
      expect((await db.stats()).readers).toEqual([])
      await db.delete(['time', 'a', 'b'], {})
      await db.gc({ threshold: 0 })
      await db.gc({ threshold: 0 })
      expect(readdirSync(join(directory, 'readers'))).toEqual([])
      expect(readdirSync(join(directory, 'segments'))).toEqual([])
      expect((await db.verify()).problems).toEqual([])
    },
  )
})

describe('a folder that may not be written', () => {
  const isRoot = process.getuid?.() === 0

  it.skipIf(process.platform === 'win32' || !othersCanRun)(
    'is opened, and read, and nothing in it changes',
    async () => {
      const writer = await WriterChild.start(seed, false, 1)
      await writer.go(100)
      await writer.child.end('SIGKILL')
      await writer.over
      chmodSync(join(directory, '..'), 0o755)
      chmodSync(join(directory, 'readers'), 0o555)
      const before = readdirSync(directory, { recursive: true })
      // As another user, where this one may do anything.
      const reader = new Child('read', 0, false, 1, isRoot ? 65_534 : undefined)
      const { end } = await reader.rows()
      expect(end).toBeGreaterThanOrEqual(writer.acknowledged.end)
      expect(await reader.ask('refresh')).toMatchObject({ end })
      expect(readdirSync(directory, { recursive: true })).toEqual(before)
      await reader.end()
      chmodSync(join(directory, 'readers'), 0o755)
    },
  )
})
