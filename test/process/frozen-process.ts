// The other end of a process on a simulated disk: owns the disk, answers the process's file operations, and
// stops it in front of the one that a test names, until the test lets it go on. Called by takeover tests.

import { MessageChannel, Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { File } from '../../src/fs/file-system.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { Answer, Job, JobReport, Message, Request, WorkerSetup } from './frozen-protocol.ts'

const script = new URL('child-frozen.ts', import.meta.url)

/** A process that does a job on a disk of the caller's. One job at a time. */
export class FrozenProcess {
  /** The machine's clock, in milliseconds: stands still unless somebody moves it. */
  readonly clock: Float64Array = new Float64Array(new SharedArrayBuffer(8))
  /** Who has the operating system's lock; 0: nobody. */
  readonly lock: Int32Array = new Int32Array(new SharedArrayBuffer(4))
  /** What the process is told when it asks. */
  isOvertaken = false
  readonly #answered = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker
  readonly #port: MessagePort
  #disk: MemoryFileSystem | undefined
  #files = new Map<number, File>()
  #opened = 0
  #isReady = false
  #operations = 0
  #stopAt = 0
  #stop = (_at: string): void => {}
  #goOn: Promise<void> = Promise.resolve()
  #report = (_report: JobReport): void => {}
  #fail = (_error: Error): void => {}

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const setup: WorkerSetup = { answered: this.#answered, clock: this.clock, lock: this.lock, port: port2 }
    // A worker does not inherit the loader of its parent.
    const code = `import('tsx/esm/api').then((api) => (api.register(), import(${JSON.stringify(script.href)})))`
    this.#worker = new Worker(code, { eval: true, workerData: setup, transferList: [port2], execArgv: [] })
    this.#worker.on('error', (error) => this.#fail(error))
    port1.on('message', (message: Message) => void this.#take(message))
  }

  /**
   * Starts a job. `stopped` resolves with the operation that it was stopped in front of, or with undefined where it
   * came to its end before that.
   * @param stopAt number of the operation, counted from 1 after the preparation
   */
  start(
    disk: MemoryFileSystem,
    job: Job,
    stopAt: number,
  ): { readonly stopped: Promise<string | undefined>; readonly report: Promise<JobReport>; goOn(): void } {
    this.#disk = disk
    this.#files = new Map()
    this.#isReady = false
    this.isOvertaken = false
    this.#operations = 0
    this.#stopAt = stopAt
    let goOn = (): void => {}
    this.#goOn = new Promise((resolve) => (goOn = resolve))
    const report = new Promise<JobReport>((resolve, reject) => {
      this.#report = resolve
      this.#fail = reject
    })
    const stopped = new Promise<string | undefined>((resolve, reject) => {
      this.#stop = resolve
      report.then(() => resolve(undefined), reject)
    })
    this.#worker.postMessage(job)
    return { stopped, report, goOn }
  }

  async end(): Promise<void> {
    this.#port.close()
    await this.#worker.terminate()
  }

  async #take(message: Message): Promise<void> {
    if ('ready' in message) this.#isReady = true
    else if ('report' in message) this.#report(message.report)
    else if ('failure' in message) this.#fail(new Error(message.failure))
    else {
      const { id, request } = message
      if (request.op !== 'isOvertaken' && this.#isReady && ++this.#operations === this.#stopAt) {
        this.#stop(`${request.op} ${this.#pathOf(request)}`)
        await this.#goOn
      }
      const answer: Answer = { id, outcome: await this.#answer(request) }
      this.#port.postMessage(answer)
      Atomics.store(this.#answered, 0, 1)
      Atomics.notify(this.#answered, 0)
    }
  }

  #pathOf(request: Request): string {
    if (request.op === 'isOvertaken') return ''
    return 'path' in request ? request.path : this.#file(request.file).path
  }

  async #answer(request: Request): Promise<Answer['outcome']> {
    try {
      return { value: await this.#perform(request) }
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      return { code: code ?? 'EUNKNOWN', message }
    }
  }

  async #perform(request: Request): Promise<Exclude<Answer['outcome'], { code: string }>['value']> {
    const disk = this.#disk!
    switch (request.op) {
      case 'open': {
        this.#files.set(++this.#opened, disk.openNow(request.path, request.mode))
        return this.#opened
      }
      case 'list':
        return disk.list(request.path)
      case 'stat':
        return disk.stat(request.path)
      case 'realPath':
        return disk.realPath(request.path)
      case 'makeDirectory':
      case 'remove':
      case 'removeDirectory':
      case 'syncDirectory':
        await disk[request.op](request.path)
        return undefined
      case 'link':
        await disk.link(request.existing, request.path)
        return undefined
      case 'read': {
        const bytes = new Uint8Array(request.length)
        return bytes.subarray(0, this.#file(request.file).readNow(bytes, request.offset))
      }
      case 'write':
        return this.#file(request.file).writeNow(request.bytes, request.offset)
      case 'truncate':
        this.#file(request.file).truncateNow(request.size)
        return undefined
      case 'punch':
        await this.#file(request.file).punch?.(request.offset, request.length)
        return undefined
      case 'size':
        return this.#file(request.file).sizeNow()
      case 'sync':
        this.#file(request.file).syncNow()
        return undefined
      case 'isOvertaken':
        return this.isOvertaken ? 1 : 0
      case 'close':
        this.#file(request.file).closeNow()
        return undefined
    }
  }

  #file(file: number): File {
    const found = this.#files.get(file)
    if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'EBADF' })
    return found
  }
}
