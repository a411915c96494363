// Keeps memory and the journal within their bounds, in the background: flushes when pages run short,
// spills when that does not free enough, retires journal files. One loop at a time; whoever asks while
// it runs is served by its next round.

import type { Held } from '../guard/held.ts'
import type { JournalFile } from '../journal/journal.ts'
import { releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { flushGroups } from './flush.ts'
import { groupsKeeping, retireOldest } from './retire.ts'
import { spillPending } from './spill.ts'

export class Flusher {
  readonly #engine: Engine
  #running: Promise<void> | undefined
  #isStopped = false
  /** Somebody asked since the last round began. */
  #isWanted = false
  #flushing: Promise<void> = Promise.resolve()
  /** Called when tails were flushed, or the round has ended without. */
  #waiters: (() => void)[] = []

  constructor(engine: Engine) {
    this.#engine = engine
    engine.wantsFlush = () => {
      this.#start()
    }
    engine.whenFlushed = () => this.#whenFlushed()
    engine.flushTails = () => this.flushAll()
  }

  /** Flushes all tails. @throws StorageError */
  flushAll(lease?: Held<'lease', 'exclusive'>): Promise<void> {
    return this.#oneAtATime(() => flushGroups(this.#engine, [...this.#engine.groups.values()], lease))
  }

  /** Flushes the tails that name extents in a segment. @throws StorageError */
  flushNaming(segment: number): Promise<void> {
    const groups = [...this.#engine.groups.values()].filter((group) =>
      group.runs.some(
        (run) =>
          run.kind === 'extents' &&
          [...run.pointers.values()].some((list) =>
            list.pointers.some((pointer) => pointer.segment === segment),
          ),
      ),
    )
    return this.#oneAtATime(() => flushGroups(this.#engine, groups))
  }

  /** Flushes the tails whose commits keep a journal file alive. @throws StorageError */
  flushKeeping(file: JournalFile): Promise<void> {
    const engine = this.#engine
    return this.#oneAtATime(() => flushGroups(engine, groupsKeeping(engine, file)))
  }

  /** Begins nothing in the background any more; resolves when no flush goes on, whoever began it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
    // One that somebody waits for needs the lease that a close is about to take, and a close flushes behind
    // it.
    for (let last: unknown; last !== this.#flushing;) {
      last = this.#flushing
      await last
    }
  }

  /** Two flushes at once would install the same rows twice. */
  #oneAtATime(step: () => Promise<void>): Promise<void> {
    const result = this.#flushing.then(step)
    this.#flushing = result.catch(() => {})
    return result
  }

  /** Who stops it waits for nothing; why a flush failed the next write is told. */
  #whenFlushed(): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
      this.#start()
    })
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #start(): void {
    if (this.#isStopped) return
    this.#isWanted = true
    if (this.#running !== undefined) return
    this.#running = this.#engine.guards
      .detached('flusher', () => this.#run())
      .finally(() => {
        this.#running = undefined
        this.#wake()
        // Asked for after the last look of the loop, which had not ended yet.
        if (this.#isWanted) this.#start()
      })
  }

  async #run(): Promise<void> {
    const engine = this.#engine
    await engine.turns.next()
    try {
      for (;;) {
        this.#isWanted = false
        const { returned } = engine.pool
        const needsRoom = engine.pool.hasWaiters || engine.pool.isPressed
        if (needsRoom || engine.tailExtents > engine.tuning.tailExtents) {
          engine.reserve.assertWhole('Cannot flush', engine.pool.held)
          await this.flushAll()
          this.#wake()
        }
        if (engine.pool.hasWaiters || engine.pool.isPressed) {
          engine.reserve.assertWhole('Cannot spill', engine.pool.held)
          await spillPending(engine)
          releaseIdleStrips(engine)
        }
        await this.#retire()
        if (!engine.pool.hasWaiters) return
        // Who still waits is served by what others give back; nothing given back: let them.
        if (engine.pool.returned === returned) await engine.turns.next()
      }
    } catch (error) {
      // Whoever waits for memory is told; the next request tries again.
      engine.pool.fail(engine.reserve.note(error))
    }
  }

  async #retire(): Promise<void> {
    const engine = this.#engine
    while ((engine.journal?.size ?? 0) > engine.tuning.journalLimit && engine.failure === undefined) {
      const oldest = engine.journal?.files[0]
      if (oldest === undefined) return
      if (groupsKeeping(engine, oldest).length > 0) {
        engine.reserve.assertWhole('Cannot flush', engine.pool.held)
        await this.flushKeeping(oldest)
      }
      if (!(await retireOldest(engine))) return
    }
  }
}

/** Pages that a writer took and has nothing in: an idle writer holds none. */
function releaseIdleStrips(engine: Engine): void {
  for (const group of engine.groups.values()) {
    for (const stream of group.streams) {
      const { strip } = stream
      if (strip === undefined || !strip.isSpent || strip.inTail) continue
      stream.strip = undefined
      releaseStrip(engine, undefined, strip)
    }
  }
}
