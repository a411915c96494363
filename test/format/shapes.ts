// The stores that are kept under golden/, one of each shape that files can have: how each is made. Everything
// is determined here: the disk is simulated, clock, database id and process ids are given. Called by
// generate.ts, which writes them down, and by golden.test.ts, which makes them again and compares.

import { Database } from '../../src/index.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Tuning } from '../../src/database/environment.ts'
import type { Flusher } from '../../src/database/flusher.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { spillPending } from '../../src/database/spill.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY, Machine, rest } from '../crash/machine.ts'
import { SMALL } from '../crash/session.ts'
import { readByEngine } from './agreement.ts'

/** A store as its process has left it. */
export interface Left {
  readonly machine: Machine
  /** What the process showed last (agreement.ts). */
  readonly shown: string
}

const ORIGIN = 1_700_000_000_000_000_000n

type Column = number[] | bigint[] | boolean[]

/** The nth time of these stores: a microsecond apart. */
const at = (n: number): bigint => ORIGIN + BigInt(n) * 1000n

const INTEGERS = [
  'int64',
  'int32',
  'int16',
  'int8',
  'uint64',
  'uint32',
  'uint16',
  'uint8',
  'boolean',
] as const

/** Two groups: index channel, and its data channels. */
const FIRST = ['time', 'pressure', 'valve']
const SECOND = ['slow', 'level']

const HOLES: Partial<Tuning> = { extentLimit: 1 << 20, holeSize: 64 }

/** Of the simulated disk: with this seed a write on which the process dies leaves its first part. */
const HALF = 3

/** A process that makes a store, by the public calls and by the maintenance that the engine else does by itself. */
class Maker {
  #machine: Machine
  readonly #tuning: Partial<Tuning>
  #engine!: Engine
  #flusher!: Flusher
  db!: Database
  #shown = ''

  constructor({ holes = false }: { readonly holes?: boolean } = {}) {
    this.#machine = new Machine(new MemoryFileSystem({ holes }))
    // Extents that are long enough to have whole dead blocks beside live ones.
    this.#tuning = { ...SMALL, manifestSlack: 1 << 20, reserveSize: 64, ...(holes ? HOLES : {}) }
  }

  async open(): Promise<void> {
    const options = resolveOptions({ durability: 'batched', syncInterval: '20d' })
    const environment = this.#machine.environment(this.#tuning)
    const opened = await openEngine(environment, DIRECTORY, {
      ...options,
      segmentSize: 6000,
      memoryBudget: 256 * 1024,
    })
    this.#engine = opened.engine
    this.#flusher = opened.flusher
    this.db = new Database(opened.engine, opened.flusher)
  }

  /** The channels that most shapes have. */
  async begin(): Promise<void> {
    await this.open()
    await this.db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'pressure', kind: 'data', type: 'float64', index: 'time', unit: 'bar' },
      { name: 'valve', kind: 'data', type: 'boolean', index: 'time' },
      { name: 'slow', kind: 'index', metadata: { site: 'north' } },
      { name: 'level', kind: 'data', type: 'int16', index: 'slow' },
    ])
  }

  /** One commit of rows [from, to) of these channels, by a writer of its own: not joined to what was before. */
  async write(channels: readonly string[], from: number, to: number): Promise<void> {
    await this.writeAll(channels, [[from, to]])
  }

  /** One writer, a commit for each range: joined. */
  async writeAll(channels: readonly string[], ranges: readonly (readonly [number, number])[]): Promise<void> {
    const writer = await this.db.openWriter([...channels])
    for (const [from, to] of ranges) await writer.write(frameOf(channels, from, to))
    await writer.close()
  }

  /** Rows that a commit names in segments, though they would fit into its record. */
  async spill(channels: readonly string[], from: number, to: number): Promise<void> {
    const writer = await this.db.openWriter({ channels: [...channels], autoCommit: false })
    await writer.write(frameOf(channels, from, to))
    await spillPending(this.#engine)
    await writer.write(frameOf(channels, to, to + 2))
    await writer.commit()
    await writer.close()
  }

  async flush(): Promise<void> {
    await this.#flusher.flushAll()
  }

  async retire(): Promise<void> {
    await retireOldest(this.#engine)
  }

  async checkpoint(): Promise<void> {
    await checkpointNow(this.#engine)
  }

  async close(): Promise<Left> {
    this.#shown = await readByEngine(this.db)
    await this.db.close()
    this.#machine.nextProcess()
    return { machine: this.#machine, shown: this.#shown }
  }

  /** The process dies; all that it had committed is written. */
  async kill(): Promise<Left> {
    this.#shown = await readByEngine(this.db)
    this.#engine.stopTimers()
    await rest()
    this.#machine = this.#machine.after('kill', 0)
    return { machine: this.#machine, shown: this.#shown }
  }

  /** Another process of the machine has it open beside, read-only. */
  async openBeside(): Promise<void> {
    this.#machine.leaveStanding()
    const environment = this.#machine.environment(this.#tuning)
    const { engine } = await openEngine(environment, DIRECTORY, resolveOptions({ readOnly: true }))
    engine.stopTimers()
  }

  /** The process dies within the next write, which is half done. */
  async killWithin(call: () => Promise<unknown>): Promise<Left> {
    this.#shown = await readByEngine(this.db)
    this.#machine.disk.killAt(1, HALF)
    await call().catch(() => {})
    this.#engine.stopTimers()
    await rest()
    this.#machine = this.#machine.after('kill', 0)
    return { machine: this.#machine, shown: this.#shown }
  }
}

function frameOf(channels: readonly string[], from: number, to: number): Record<string, Column> {
  const rows = Array.from({ length: to - from }, (_, i) => from + i)
  const columnOf: Record<string, () => Column> = {
    time: () => rows.map(at),
    slow: () => rows.map(at),
    pressure: () => rows.map((n) => n / 8),
    valve: () => rows.map((n) => n % 3 === 0),
    level: () => rows.map((n) => -n),
  }
  return Object.fromEntries(channels.map((name) => [name, columnOf[name]!()]))
}

/** By name: how it is made. */
export const SHAPES: Readonly<Record<string, () => Promise<Left>>> = {
  empty: async () => {
    const maker = new Maker()
    await maker.open()
    return maker.close()
  },
  'nothing-but-channels': async () => {
    const maker = new Maker()
    await maker.begin()
    return maker.kill()
  },
  'one-channel': async () => {
    const maker = new Maker()
    await maker.open()
    await maker.db.channels.create({ name: 'time', kind: 'index' })
    await maker.write(['time'], 0, 5)
    return maker.close()
  },
  'every-type': async () => {
    const maker = new Maker()
    await maker.open()
    const types = ['timestamp', 'float64', 'float32', ...INTEGERS] as const
    await maker.db.channels.create([
      { name: 'time', kind: 'index' },
      ...types.map((type) => ({ name: type, kind: 'data' as const, type, index: 'time' })),
    ])
    const frame = (from: number): Record<string, Column> => ({
      time: [0, 1, 2, 3].map((n) => at(from + n)),
      timestamp: [0n, -1n, 2n ** 63n - 2n, -(2n ** 63n)],
      float64: [Number.NaN, -0, Number.MAX_VALUE, -Infinity],
      float32: [0.5, -0, Infinity, 2 ** -149],
      int64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n],
      int32: [-(2 ** 31), 2 ** 31 - 1, 0, -1],
      int16: [-(2 ** 15), 2 ** 15 - 1, 0, -1],
      int8: [-128, 127, 0, -1],
      uint64: [0n, 2n ** 64n - 1n, 2n ** 63n, 1n],
      uint32: [0, 2 ** 32 - 1, 2 ** 31, 1],
      uint16: [0, 2 ** 16 - 1, 2 ** 15, 1],
      uint8: [0, 255, 128, 1],
      boolean: [true, false, true, true],
    })
    const writer = await maker.db.openWriter(['time', ...types])
    await writer.write(frame(0))
    await maker.flush()
    await writer.write(frame(4))
    return maker.kill()
  },
  'several-groups': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.writeAll(
      [...FIRST, ...SECOND],
      [
        [0, 4],
        [4, 9],
        [20, 22],
      ],
    )
    await maker.write(SECOND, 30, 33)
    return maker.close()
  },
  'tails-only': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.writeAll(
      [...FIRST, ...SECOND],
      [
        [0, 3],
        [3, 5],
      ],
    )
    await maker.write(FIRST, 7, 9)
    const writer = await maker.db.openWriter({ channels: SECOND, durability: 'strict' })
    for (let n = 10; n < 13; n++) await writer.write(frameOf(SECOND, n, n + 1))
    return maker.kill()
  },
  cuts: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.writeAll(FIRST, [
      [0, 10],
      [12, 20],
    ])
    await maker.flush()
    const writer = await maker.db.openWriter(FIRST)
    await writer.write(frameOf(FIRST, 30, 40))
    await writer.write(frameOf(FIRST, 40, 80))
    await writer.write(frameOf(FIRST, 80, 85))
    await maker.db.delete(['pressure'], { start: at(3), end: at(6) })
    await maker.db.delete(FIRST, { start: at(9), end: at(14) })
    await maker.db.delete(['valve'], { start: at(38), end: at(50) })
    await maker.db.delete(['pressure'], { start: at(79), end: at(82) })
    await maker.db.delete(['valve'], { start: at(84), end: at(90) })
    await writer.write(frameOf(FIRST, 85, 87))
    await maker.write(FIRST, 9, 11)
    return maker.kill()
  },
  'large-frames': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.writeAll(SECOND, [
      [0, 3],
      [3, 1303],
      [1303, 1304],
    ])
    return maker.kill()
  },
  spilled: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 2)
    await maker.spill([...FIRST, ...SECOND], 4, 9)
    return maker.kill()
  },
  merged: async () => {
    const maker = new Maker()
    await maker.begin()
    const writer = await maker.db.openWriter(FIRST)
    for (let n = 0; n < 24; n += 6) {
      await writer.write(frameOf(FIRST, n, n + 6))
      await maker.flush()
    }
    await writer.close()
    await maker.db.delete(['valve'], { start: at(2), end: at(4) })
    await maker.db.gc({ threshold: 0 })
    return maker.kill()
  },
  dropped: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 200)
    await maker.flush()
    await maker.db.delete(FIRST, {})
    await maker.db.gc({ threshold: 1 })
    await maker.write(SECOND, 0, 20)
    return maker.kill()
  },
  punched: async () => {
    const maker = new Maker({ holes: true })
    await maker.begin()
    await maker.write(FIRST, 0, 60)
    await maker.write(SECOND, 0, 200)
    await maker.flush()
    await maker.db.delete(FIRST, {})
    await maker.db.gc({ threshold: 0.1 })
    await maker.checkpoint()
    // Of three blocks the second is dead.
    await maker.write(SECOND, 1000, 3500)
    await maker.flush()
    await maker.db.delete(['level'], { start: at(2000), end: at(3100) })
    await maker.db.gc({ threshold: 0.1 })
    return maker.kill()
  },
  'changed-channels': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write([...FIRST, ...SECOND], 0, 4)
    await maker.flush()
    await maker.write([...FIRST, ...SECOND], 4, 6)
    await maker.db.channels.rename('time', 'when')
    await maker.db.channels.update('pressure', { unit: 'Pa', metadata: { sensor: [1, 'a'] } })
    await maker.db.channels.remove('valve')
    await maker.db.channels.remove(SECOND)
    await maker.db.channels.create([
      { name: 'slow', kind: 'index' },
      { name: 'valve', kind: 'data', type: 'float32', index: 'slow' },
    ])
    return maker.kill()
  },
  archived: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 10)
    await maker.close()
    await maker.open()
    await maker.write(FIRST, 10, 14)
    await maker.db.delete(['valve'], { start: at(2), end: at(4) })
    await maker.flush()
    await maker.retire()
    await maker.write(SECOND, 0, 5)
    await maker.db.channels.rename('level', 'tank')
    await maker.flush()
    await maker.retire()
    return maker.close()
  },
  'several-epochs': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 10)
    await maker.close()
    await maker.open()
    await maker.write(FIRST, 10, 14)
    await maker.close()
    await maker.open()
    await maker.write(FIRST, 20, 24)
    await maker.db.delete(['pressure'], { start: at(8), end: at(22) })
    return maker.kill()
  },
  checkpoint: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 10)
    await maker.flush()
    await maker.write([...FIRST, ...SECOND], 12, 15)
    await maker.db.delete(['valve'], { start: at(13), end: at(14) })
    await maker.checkpoint()
    await maker.write(FIRST, 15, 17)
    return maker.kill()
  },
  recovered: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 10)
    await maker.write(SECOND, 0, 60)
    await maker.kill()
    await maker.open()
    await maker.write([...FIRST, ...SECOND], 100, 102)
    return maker.kill()
  },
  'registered-reader': async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 5)
    await maker.flush()
    await maker.openBeside()
    await maker.db.delete(FIRST, { start: at(2), end: at(4) })
    return maker.kill()
  },
  torn: async () => {
    const maker = new Maker()
    await maker.begin()
    await maker.write(FIRST, 0, 3)
    await maker.kill()
    await maker.open()
    const writer = await maker.db.openWriter(FIRST)
    await writer.write(frameOf(FIRST, 3, 5))
    return maker.killWithin(() => writer.write(frameOf(FIRST, 5, 7)))
  },
}
