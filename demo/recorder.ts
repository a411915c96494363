// Records the vitals into the database, a hundred times a second, and keeps count of what it did: every
// figure that the demo prints about the recording comes from here. Runs beside whatever else the program
// does with the database; a tick that comes too late is counted as missed, never made up.

import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Durability, FrameInput, Schema, Writer } from '../src/index.ts'
import { now } from '../src/index.ts'
import { BEATS_PER_TICK, Pulse } from './pulse.ts'
import type { Group, Reading, Vitals } from './vitals.ts'
import { PULSE, PULSE_VITAL, SLOW_TICKS, TICK_MS } from './vitals.ts'

/** One writer of the recorder, and what it did. */
export interface Lane {
  readonly channels: readonly string[]
  readonly durability: Durability
  /** Samples of each channel. */
  samples: number
  /** Milliseconds from each call of `write` until its promise had resolved, in order. */
  readonly latencies: number[]
}

/** What is being recorded, or was. */
export class Recorder {
  readonly lanes: readonly Lane[]
  /** Ticks that were due while the process did something else, or nothing. */
  missed = 0
  /** Milliseconds from the first tick to now, or to the end. */
  elapsedMs = 0
  /** Resolves when the recording has ended and its writers are closed. */
  readonly ended: Promise<void>
  readonly #lanes: { tick: OpenLane; slow: OpenLane | undefined; pulse: OpenLane }
  readonly #vitals: Vitals
  readonly #signal: AbortSignal
  readonly #onTick: (recorder: Recorder) => void
  readonly #waiters: { readonly afterMs: number; readonly wake: () => void }[] = []

  private constructor(
    lanes: { tick: OpenLane; slow: OpenLane | undefined; pulse: OpenLane },
    vitals: Vitals,
    options: RecorderOptions,
  ) {
    this.#lanes = lanes
    this.lanes = Object.values(lanes).filter((lane) => lane !== undefined)
    this.#vitals = vitals
    this.#signal = options.signal
    this.#onTick = options.onTick
    this.ended = this.#run(options.durationMs)
    // Who waits for the end hears of a failure; nobody may be waiting yet.
    this.ended.catch(() => {})
  }

  /** Opens a writer for each group and begins. */
  static async start(db: Database, vitals: Vitals, options: RecorderOptions): Promise<Recorder> {
    const { tick, slow } = vitals
    const lanes = {
      tick: await OpenLane.open(db, [tick.index, ...tick.vitals.map(({ name }) => name)], 'batched'),
      slow:
        slow.vitals.length === 0
          ? undefined
          : await OpenLane.open(db, [slow.index, ...slow.vitals.map(({ name }) => name)], 'strict'),
      pulse: await OpenLane.open(db, [PULSE, PULSE_VITAL.name], 'batched'),
    }
    return new Recorder(lanes, vitals, options)
  }

  /** Samples of all channels so far. */
  get samples(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.samples * lane.channels.length, 0)
  }

  get commits(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.latencies.length, 0)
  }

  /** Resolves once so much has been recorded, or the recording ended; rejects with what ended it. */
  async reached(afterMs: number): Promise<void> {
    const reached = new Promise<void>((wake) => this.#waiters.push({ afterMs, wake }))
    await Promise.race([reached, this.ended])
  }

  async #run(durationMs: number): Promise<void> {
    const { tick, slow, pulse } = this.#lanes
    const beats = new Pulse(BEATS_PER_TICK * SLOW_TICKS)
    const began = performance.now()
    let failure: Error | undefined
    let nextSlow = 0
    const inBackground: Promise<void>[] = []
    const fail = (error: Error): void => void (failure ??= error)
    try {
      for (let number = 0; number * TICK_MS < durationMs; number++) {
        const due = began + number * TICK_MS
        const wait = due - performance.now()
        if (wait > 0) await sleep(Math.ceil(wait))
        this.#signal.throwIfAborted()
        const lateMs = performance.now() - due
        this.#vitals.noteTick(lateMs)
        await tick.write(frameOf(this.#vitals.tick), 1)
        beats.beat()
        if (beats.isFull) {
          const { times, values } = beats.take()
          await pulse.write({ [PULSE]: times, [PULSE_VITAL.name]: values }, times.length)
        }
        // Waits for the disk: the next tick does not.
        if (slow !== undefined && number >= nextSlow) {
          nextSlow = number + SLOW_TICKS
          inBackground.push(slow.write(frameOf(this.#vitals.slow), 1).catch(fail))
        }
        if (failure !== undefined) throw failure
        const behind = Math.max(0, Math.floor((performance.now() - due) / TICK_MS))
        this.missed += behind
        number += behind
        this.elapsedMs = performance.now() - began
        this.#onTick(this)
        for (const { afterMs, wake } of this.#waiters) if (this.elapsedMs >= afterMs) wake()
      }
      const { times, values } = beats.take()
      if (times.length > 0) await pulse.write({ [PULSE]: times, [PULSE_VITAL.name]: values }, times.length)
    } finally {
      await Promise.all(inBackground)
      this.elapsedMs = performance.now() - began
      for (const lane of [tick, slow, pulse]) await lane?.close()
    }
    if (failure !== undefined) throw failure
  }
}

export interface RecorderOptions {
  readonly durationMs: number
  /** Ends the recording early: what was committed stays. */
  readonly signal: AbortSignal
  readonly onTick: (recorder: Recorder) => void
}

class OpenLane implements Lane {
  readonly channels: readonly string[]
  readonly durability: Durability
  readonly latencies: number[] = []
  samples = 0
  readonly #writer: Writer

  private constructor(writer: Writer, channels: readonly string[], durability: Durability) {
    this.#writer = writer
    this.channels = channels
    this.durability = durability
  }

  static async open(db: Database, channels: readonly string[], durability: Durability): Promise<OpenLane> {
    return new OpenLane(await db.openWriter({ channels, durability }), channels, durability)
  }

  async write(frame: FrameInput<Schema, string>, count: number): Promise<void> {
    const began = performance.now()
    await this.#writer.write(frame)
    this.latencies.push(performance.now() - began)
    this.samples += count
  }

  close(): Promise<void> {
    return this.#writer.close()
  }
}

/** One sample of every channel of a group, all at one instant. */
function frameOf({ index, vitals, look }: Group): Record<string, Reading> {
  look()
  return Object.fromEntries([
    [index, now()],
    ...vitals.map(({ name, read }): [string, Reading] => [name, read()]),
  ])
}
