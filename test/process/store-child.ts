// Processes that use a database of their own accord (child-store.ts) as the test that watches them sees them:
// lines that say what they are about to do and what was acknowledged, and the history that they make together.
// Called by durability.test.ts, overtaking.ts.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import type { Durability } from '../../src/database/options.ts'

const script = fileURLToPath(new URL('child-store.ts', import.meta.url))

/** What a child is to do: child-store.ts says what each means. */
export type Work = 'work' | 'take' | 'hold' | 'idle' | 'spin' | 'open' | 'read'

export interface ChildOptions {
  readonly folder: string
  readonly durability?: Durability
  readonly seed?: number
  readonly withLock?: boolean
  readonly uid?: number
}

/** A process that uses the database, and its lines. */
export class StoreChild {
  readonly pid: number
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly lines: AsyncIterator<string>
  readonly exited: Promise<unknown[]>
  errors = ''

  constructor(what: Work, options: ChildOptions) {
    const { durability = 'batched', seed = 0, withLock = true, uid, folder } = options
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

/** What a child did, in its order: writes of [first, first + count) and deletes of [start, end). */
export type Step = { readonly kind: 'w' | 'd'; readonly from: number; readonly to: number }

/** The step that a line announces; undefined for other lines. */
export function stepOf(line: string): Step | undefined {
  const [mark, kind, from, to] = line.split(' ')
  if (mark !== '>') return undefined
  const end = kind === 'w' ? Number(from) + Number(to) : Number(to)
  return { kind: kind as 'w' | 'd', from: Number(from), to: end }
}

/** What a child has found when it opened. */
export interface Found {
  readonly count: number
  readonly sum: number
  readonly newest: number
  readonly problems: readonly unknown[]
}

/** The times that are there. */
export class Oracle {
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
