// A process on a simulated disk that another thread owns: every file operation, synchronous or not, waits for
// that thread's answer, so that it can be stopped in front of any of them, event loop and all. Does one job
// after the other and reports what was acknowledged. Started by frozen-process.ts.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Database } from '../../src/database/database.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Environment } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { RubidiumError } from '../../src/errors.ts'
import type { File, FileStat, FileSystem, OpenMode } from '../../src/fs/file-system.ts'
import type { Writer } from '../../src/index.ts'
import type { Answer, Effect, Job, JobReport, Message, Request, WorkerSetup } from './frozen-protocol.ts'
import { TUNING } from './frozen-protocol.ts'

const { answered, clock, lock, port } = workerData as WorkerSetup
const PID = 1

let asked = 0

function ask(request: Request): Exclude<Answer['outcome'], { code: string }>['value'] {
  const id = ++asked
  Atomics.store(answered, 0, 0)
  port.postMessage({ id, request })
  for (;;) {
    Atomics.wait(answered, 0, 0)
    const received: { message: Answer } | undefined = receiveMessageOnPort(port)
    // The bell may ring before the message is there.
    if (received === undefined) continue
    const { outcome } = received.message
    if (received.message.id !== id) throw new Error(`answer ${received.message.id} to request ${id}`)
    if ('code' in outcome) throw Object.assign(new Error(outcome.message), { code: outcome.code })
    return outcome.value
  }
}

class RemoteFile implements File {
  readonly path: string
  readonly #file: number

  constructor(path: string, file: number) {
    this.path = path
    this.#file = file
  }

  readNow(target: Uint8Array, offset: number): number {
    const bytes = ask({ op: 'read', file: this.#file, length: target.length, offset }) as Uint8Array
    target.set(bytes)
    return bytes.length
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    await Promise.resolve()
    return this.readNow(target, offset)
  }

  writeNow(source: Uint8Array, offset: number): number {
    return ask({ op: 'write', file: this.#file, bytes: source.slice(), offset }) as number
  }

  async write(source: Uint8Array, offset: number): Promise<number> {
    await Promise.resolve()
    return this.writeNow(source, offset)
  }

  truncateNow(size: number): void {
    ask({ op: 'truncate', file: this.#file, size })
  }

  async punch(offset: number, length: number): Promise<void> {
    await Promise.resolve()
    ask({ op: 'punch', file: this.#file, offset, length })
  }

  sizeNow(): number {
    return ask({ op: 'size', file: this.#file }) as number
  }

  async sync(): Promise<void> {
    await Promise.resolve()
    this.syncNow()
  }

  syncNow(): void {
    ask({ op: 'sync', file: this.#file })
  }

  closeNow(): void {
    ask({ op: 'close', file: this.#file })
  }
}

const files: FileSystem = {
  openNow: (path: string, mode: OpenMode) => new RemoteFile(path, ask({ op: 'open', path, mode }) as number),
  list: async (path) => (await turn(), ask({ op: 'list', path }) as string[]),
  stat: async (path) => (await turn(), ask({ op: 'stat', path }) as FileStat | undefined),
  realPath: async (path) => (await turn(), ask({ op: 'realPath', path }) as string),
  makeDirectory: async (path) => (await turn(), void ask({ op: 'makeDirectory', path })),
  link: async (existing, path) => (await turn(), void ask({ op: 'link', existing, path })),
  remove: async (path) => (await turn(), void ask({ op: 'remove', path })),
  removeDirectory: async (path) => (await turn(), void ask({ op: 'removeDirectory', path })),
  syncDirectory: async (path) => (await turn(), void ask({ op: 'syncDirectory', path })),
  syncDirectoryNow: (path) => void ask({ op: 'syncDirectory', path }),
}

async function turn(): Promise<void> {
  await Promise.resolve()
}

function environment(withLock: boolean): Environment {
  return {
    files,
    clock: { now: () => BigInt(Math.round(clock[0]! * 1e6)), monotonicMs: () => clock[0]! },
    identity: { host: 'h', bootId: 'b', pidNamespace: 'n', pid: PID, startTime: '1' },
    isAlive: () => 'alive',
    newId: () => new Uint8Array(16).fill(7),
    tuning: TUNING,
    lock: withLock ? { tryLock: () => tryLock() } : undefined,
  }
}

function tryLock(): ReturnType<NonNullable<Environment['lock']>['tryLock']> {
  if (Atomics.compareExchange(lock, 0, 0, PID) !== 0) return { outcome: 'busy', note: '' }
  const release = (): void => void Atomics.compareExchange(lock, 0, PID, 0)
  return { outcome: 'held', lock: { writeNote: () => {}, release } }
}

/** Does things one after the other until one is refused, and remembers what was acknowledged. */
class Session {
  readonly db: Database
  readonly engine: Engine
  readonly flusher: Flusher
  readonly #job: Job
  readonly #done: Effect[] = []
  #tried: Effect | undefined
  #code: string | undefined
  #writer: Writer | undefined

  private constructor(engine: Engine, flusher: Flusher, job: Job) {
    this.engine = engine
    this.flusher = flusher
    this.#job = job
    this.db = new Database(engine, flusher)
  }

  static async open(job: Job): Promise<Session> {
    const options = resolveOptions({ durability: job.durability, syncInterval: '1h' })
    const { engine, flusher } = await openEngine(environment(job.withLock), '/data', options)
    return new Session(engine, flusher, job)
  }

  async step(effect: Effect, act: () => Promise<unknown>): Promise<void> {
    if (this.#code !== undefined) return
    try {
      await act()
      this.#done.push(effect)
    } catch (error) {
      this.#tried = effect
      this.#code = codeOf(error)
    }
  }

  create(name: string, index?: string): Promise<void> {
    const definition =
      index === undefined
        ? ({ name, kind: 'index' } as const)
        : ({ name, kind: 'data', type: 'float64', index } as const)
    return this.step({ kind: 'create', name }, () => this.db.channels.create(definition))
  }

  write(first: number, count: number): Promise<void> {
    const durable = this.#job.durability !== 'relaxed'
    return this.step({ kind: 'write', first, count, durable }, async () => {
      this.#writer ??= await this.db.openWriter(['time', 'a'])
      await this.#writer.write(frame(first, count))
    })
  }

  delete(start: number, end: number): Promise<void> {
    const range = { start: BigInt(start), end: BigInt(end) }
    return this.step({ kind: 'delete', start, end }, () => this.db.delete(['time', 'a'], range))
  }

  upkeep(act: () => Promise<unknown>): Promise<void> {
    return this.step({ kind: 'upkeep' }, act)
  }

  sync(): Promise<void> {
    return this.step({ kind: 'sync' }, () => this.db.sync())
  }

  /** How each call goes now, if the process was overtaken, and then the close. */
  async end(isClosed: boolean): Promise<JobReport> {
    const after: Record<string, string> = {}
    const call = async (name: string, act: () => Promise<unknown>): Promise<void> => {
      after[name] = await act().then(() => 'ok', codeOf)
    }
    if (!isClosed && ask({ op: 'isOvertaken' }) === 1) {
      await call('count', () => this.db.count('a'))
      await call('read', () => this.db.read('a'))
      await call('write', async () => {
        this.#writer ??= await this.db.openWriter(['time', 'a'])
        await this.#writer.write(frame(90_000, 1))
      })
      if (this.#writer !== undefined) await call('commit', () => this.#writer!.commit())
      await call('delete', () => this.db.delete(['time', 'a'], {}))
      await call('gc', () => this.db.gc({ threshold: 0 }))
      await call('create', () => this.db.channels.create({ name: 'late', kind: 'index' }))
      await call('openWriter', () => this.db.openWriter(['time', 'a']))
      await call('sync', () => this.db.sync())
      await this.flusher.flushAll().catch(() => {})
    }
    await call('close', () => this.db.close({ force: true }))
    return { done: this.#done, tried: this.#tried, code: this.#code, after }
  }
}

function codeOf(error: unknown): string {
  return error instanceof RubidiumError ? error.code : String((error as Error).stack)
}

function frame(first: number, count: number): { time: BigInt64Array; a: Float64Array } {
  const time = BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i))
  return { time, a: Float64Array.from(time, (each) => Number(each) * 0.5) }
}

const works: Record<string, (session: Session) => Promise<void>> = {
  async commits(session) {
    await session.write(1001, 3)
    await session.write(1004, 1)
    await session.write(1005, 200)
    if (session.engine.options.durability === 'relaxed') await session.sync()
    await session.write(1205, 2)
  },
  async flush(session) {
    await session.write(1001, 10)
    await session.upkeep(() => session.flusher.flushAll())
    await session.write(1011, 3)
  },
  async retire(session) {
    await session.write(1001, 40)
    await session.write(1041, 40)
    await session.upkeep(() => session.flusher.flushAll())
    for (let i = 0; i < 3; i++) await session.upkeep(() => retireOldest(session.engine))
    await session.write(1081, 3)
  },
  async checkpoint(session) {
    await session.upkeep(() => checkpointNow(session.engine))
    await session.write(1001, 3)
    await session.upkeep(() => session.flusher.flushAll())
    await session.upkeep(() => checkpointNow(session.engine))
    await session.write(1004, 3)
  },
  async delete(session) {
    await session.delete(10, 20)
    await session.delete(60, 2000)
    await session.write(3000, 2)
  },
  async drop(session) {
    await session.delete(0, 2000)
    await session.upkeep(() => session.db.gc({ threshold: 0 }))
    await session.write(3000, 2)
  },
  async rewrite(session) {
    await session.delete(10, 20)
    await session.upkeep(() => session.db.gc({ threshold: 0 }))
    await session.write(3000, 2)
  },
  async holes(session) {
    for (let first = 1001; first < 1513; first += 128) await session.write(first, 128)
    await session.upkeep(() => session.flusher.flushAll())
    await session.delete(1001, 1385)
    await session.upkeep(() => session.db.gc({ threshold: 0.2 }))
    await session.write(3000, 2)
  },
  async channels(session) {
    await session.create('more')
    await session.create('data', 'more')
    await session.step({ kind: 'remove', name: 'data' }, () => session.db.channels.remove('data'))
  },
  async close(session) {
    await session.write(1001, 3)
    await session.step({ kind: 'sync' }, () => session.db.close({ force: true }))
  },
}

async function run(job: Job): Promise<void> {
  const session = await Session.open(job)
  await session.create('time')
  await session.create('a', 'time')
  await session.write(1, 50)
  await session.upkeep(() => session.flusher.flushAll())
  await session.write(51, 50)
  await session.sync()
  say({ ready: true })
  await works[job.work]!(session)
  say({ report: await session.end(job.work === 'close') })
}

function say(message: Message): void {
  port.postMessage(message)
}

parentPort!.on('message', (job: Job) => {
  run(job).catch((error: unknown) => say({ failure: String((error as Error).stack) }))
})
