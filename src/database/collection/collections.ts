// One collection at a time. Whoever asks meanwhile joins the one that runs, and is not ended with it by
// somebody else's signal: then a collection of its own begins. Called by the database.

import { collect } from './collect.ts'
import type { CollectOptions } from './collect-run.ts'
import type { Engine } from '../engine.ts'
import type { Flusher } from '../flusher.ts'
import type { GcReport } from './gc-report.ts'

/** A collection under way. */
interface Current {
  readonly run: Promise<GcReport>
  /** Whoever began it has ended it: its signal was aborted, or its `onProgress` has thrown. */
  isGivenUp: boolean
}

export class Collections {
  readonly #engine: Engine
  readonly #flusher: Flusher
  readonly #closing: AbortSignal
  #current: Current | undefined
  #last: { readonly at: bigint; readonly report: GcReport } | undefined

  /** @param closing ends every collection */
  constructor(engine: Engine, flusher: Flusher, closing: AbortSignal) {
    this.#engine = engine
    this.#flusher = flusher
    this.#closing = closing
  }

  /** The last one that came to its end, and when that was. */
  get last(): { readonly at: bigint; readonly report: GcReport } | undefined {
    return this.#last
  }

  get isRunning(): boolean {
    return this.#current !== undefined
  }

  /** Resolves when none runs, whatever became of it. */
  async ended(): Promise<void> {
    await this.#current?.run.catch(() => {})
  }

  /** Joins the one that runs, or begins one. @throws as `collect` */
  async join(options: CollectOptions): Promise<GcReport> {
    const { signal } = options
    for (let current = this.#current; current !== undefined; current = this.#current) {
      try {
        return await orAborted(current.run, signal)
      } catch (error) {
        if (signal?.aborted === true || this.#closing.aborted || !current.isGivenUp) throw error
      }
    }
    return this.begin(options)
  }

  /** Begins one; none runs. @throws as `collect` */
  begin({ threshold, signal, onProgress }: CollectOptions): Promise<GcReport> {
    const engine = this.#engine
    const giveUp = (): void => {
      current.isGivenUp = true
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    const told: CollectOptions['onProgress'] =
      onProgress === undefined
        ? undefined
        : (progress) => {
            try {
              onProgress(progress)
            } catch (error) {
              giveUp()
              throw error
            }
          }
    const either = signal === undefined ? this.#closing : AbortSignal.any([signal, this.#closing])
    const run = collect(engine, this.#flusher, { threshold, signal: either, onProgress: told })
      .then((report) => {
        this.#last = { at: engine.clock.now(), report }
        return report
      })
      .catch(async (error: unknown) => {
        throw await engine.judged(error)
      })
      .finally(() => {
        signal?.removeEventListener('abort', giveUp)
        this.#current = undefined
      })
    const current: Current = { run, isGivenUp: false }
    this.#current = current
    return run
  }
}

/** What becomes of the work, or the signal's reason if that comes first. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', abort)
    work.then(resolve, reject).then(settled, settled)
  })
}
