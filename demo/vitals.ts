// The channels of the demo and where their samples come from, in three groups, each with an index channel
// of its own: what is read at every tick, what is read every tenth tick, and the pulse, which comes in
// arrays. What this machine does not tell is not among them. Called by demo.ts and recorder.ts.

import { monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import type { DataType, Schema, SchemaEntry } from '../src/index.ts'
import { channel } from '../src/index.ts'
import { Machine } from './machine.ts'

/** Index channels: of every tick, of every tenth, of the pulse. */
export const TICK = 'time'
export const SLOW = 'host.time'
export const PULSE = 'pulse.time'

/** Milliseconds between two ticks, and ticks between two readings of the slow group. */
export const TICK_MS = 10
export const SLOW_TICKS = 10

export type Reading = number | bigint | boolean

/** One data channel: its type, its unit, what it says, and how it is read. */
export interface Vital {
  readonly name: string
  readonly type: Exclude<DataType, 'timestamp'>
  readonly unit: string
  readonly about: string
  readonly read: () => Reading
}

/** The channels of a group that are read one value at a time. */
export interface Group {
  readonly index: string
  readonly vitals: readonly Vital[]
  /** Looks at what the channels are read from. */
  readonly look: () => void
}

/** All that is recorded on this machine. */
export interface Vitals {
  readonly tick: Group
  readonly slow: Group
  readonly schema: Schema
  /** When a tick comes, `lateMs` after it was due. */
  readonly noteTick: (lateMs: number) => void
  close(): void
}

/** What the pulse is, beside the vitals: it is measured, not read. */
export const PULSE_VITAL: Omit<Vital, 'read'> = {
  name: 'pulse',
  type: 'float32',
  unit: 'us',
  about: 'how long a fixed piece of arithmetic took',
}

/** Looks at the machine and lists what can be recorded on it. */
export function findVitals(): Vitals {
  const machine = new Machine()
  const own = new OwnProcess()
  const tick: Group = {
    index: TICK,
    vitals: [...machineVitals(machine), ...own.vitals()],
    look: () => {
      machine.look()
      own.look()
    },
  }
  const slow: Group = { index: SLOW, vitals: hostVitals(machine), look: () => machine.lookAround() }
  return {
    tick,
    slow,
    schema: schemaOf(tick, slow),
    noteTick: (lateMs) => (own.lateMs = lateMs),
    close() {
      machine.close()
      own.close()
    },
  }
}

function schemaOf(...groups: readonly Group[]): Schema {
  const schema: Schema = {}
  for (const { index, vitals } of groups) {
    if (vitals.length === 0) continue
    schema[index] = channel.index()
    for (const vital of vitals) schema[vital.name] = entryOf(vital, index)
  }
  schema[PULSE] = channel.index()
  schema[PULSE_VITAL.name] = entryOf(PULSE_VITAL, PULSE)
  return schema
}

function entryOf({ type, unit, about }: Omit<Vital, 'read'>, index: string): SchemaEntry {
  return channel[type]({ index, ...(unit === '' ? {} : { unit }), metadata: { about } })
}

function machineVitals(machine: Machine): Vital[] {
  const cores = machine.cpu.slice(1).map((_, i): Vital => ({
    name: `cpu.${i}`,
    type: 'float32',
    unit: '%',
    about: `core ${i}, busy over the last 250 ms`,
    read: () => machine.cpu[i + 1] ?? 0,
  }))
  return [
    {
      name: 'cpu',
      type: 'float32',
      unit: '%',
      about: 'all cores, busy over the last 250 ms',
      read: () => machine.cpu[0]!,
    },
    ...cores,
    ...known(machine.running, {
      name: 'running',
      type: 'uint16',
      unit: '',
      about: 'processes that could run just now',
      read: () => machine.running ?? 0,
    }),
    ...known(machine.switches, {
      name: 'switches',
      type: 'uint32',
      unit: '',
      about: 'context switches of the machine since the last tick',
      read: since(() => machine.switches ?? 0),
    }),
    {
      name: 'memory.free',
      type: 'uint64',
      unit: 'B',
      about: 'memory that programs could still have',
      read: () => BigInt(machine.available),
    },
  ]
}

function hostVitals(machine: Machine): Vital[] {
  const perSecond = (read: () => number): (() => number) => {
    const passed = since(() => performance.now())
    const moved = since(read)
    return () => (1000 * moved()) / Math.max(1, passed())
  }
  return [
    ...known(machine.load, {
      name: 'load',
      type: 'float64',
      unit: '',
      about: 'processes that ran or waited, over a minute',
      read: () => machine.load ?? 0,
    }),
    ...known(machine.swapped, {
      name: 'swap',
      type: 'int64',
      unit: 'B',
      about: 'memory swapped out',
      read: () => BigInt(machine.swapped ?? 0),
    }),
    ...known(machine.disk, {
      name: 'disk.read',
      type: 'float64',
      unit: 'B/s',
      about: 'read from all disks',
      read: perSecond(() => machine.disk?.incoming ?? 0),
    }),
    ...known(machine.disk, {
      name: 'disk.write',
      type: 'float64',
      unit: 'B/s',
      about: 'written to all disks',
      read: perSecond(() => machine.disk?.outgoing ?? 0),
    }),
    ...known(machine.network, {
      name: 'net.in',
      type: 'float64',
      unit: 'B/s',
      about: 'received on all networks',
      read: perSecond(() => machine.network?.incoming ?? 0),
    }),
    ...known(machine.network, {
      name: 'net.out',
      type: 'float64',
      unit: 'B/s',
      about: 'sent on all networks',
      read: perSecond(() => machine.network?.outgoing ?? 0),
    }),
    ...known(machine.temperature, {
      name: 'temperature',
      type: 'float32',
      unit: '°C',
      about: 'of the first thermal zone',
      read: () => machine.temperature ?? 0,
    }),
  ]
}

/** The channel, where this machine has what it shows. */
function known(reading: unknown, vital: Vital): Vital[] {
  return reading === undefined ? [] : [vital]
}

/** By how much a count that only grows has grown since it was last asked. */
function since(read: () => number): () => number {
  let last = read()
  return () => {
    const before = last
    last = read()
    return Math.max(0, last - before)
  }
}

/** This very process: the recorder is among what it records. */
class OwnProcess {
  /** How late the tick came, in milliseconds. */
  lateMs = 0
  #usage: NodeJS.ResourceUsage = process.resourceUsage()
  #memory: NodeJS.MemoryUsage = process.memoryUsage()
  #loop = performance.eventLoopUtilization()
  #busy = 0
  #hasCollected = false
  readonly #delay = monitorEventLoopDelay({ resolution: 1 })
  readonly #collections: PerformanceObserver = new PerformanceObserver(() => (this.#hasCollected = true))

  constructor() {
    this.#delay.enable()
    this.#collections.observe({ entryTypes: ['gc'] })
  }

  look(): void {
    this.#usage = process.resourceUsage()
    this.#memory = process.memoryUsage()
    const loop = performance.eventLoopUtilization()
    this.#busy = 100 * performance.eventLoopUtilization(loop, this.#loop).utilization
    this.#loop = loop
  }

  vitals(): Vital[] {
    const cpuTime = since(() => this.#usage.userCPUTime + this.#usage.systemCPUTime)
    const switches = since(
      () => this.#usage.voluntaryContextSwitches + this.#usage.involuntaryContextSwitches,
    )
    return [
      {
        name: 'own.cpu',
        type: 'uint32',
        unit: 'us',
        about: 'CPU time of this process since the last tick',
        read: cpuTime,
      },
      {
        name: 'own.switches',
        type: 'uint16',
        unit: '',
        about: 'context switches of this process since the last tick',
        read: () => Math.min(switches(), 0xffff),
      },
      {
        name: 'own.memory',
        type: 'uint64',
        unit: 'B',
        about: 'resident memory of this process',
        read: () => BigInt(this.#memory.rss),
      },
      {
        name: 'own.heap',
        type: 'uint64',
        unit: 'B',
        about: 'JavaScript objects of this process',
        read: () => BigInt(this.#memory.heapUsed),
      },
      { name: 'own.handles', type: 'uint8', unit: '', about: 'what keeps this process alive', read: handles },
      {
        name: 'own.gc',
        type: 'boolean',
        unit: '',
        about: 'whether garbage was collected since the last tick',
        read: () => {
          const had = this.#hasCollected
          this.#hasCollected = false
          return had
        },
      },
      {
        name: 'loop.busy',
        type: 'float32',
        unit: '%',
        about: 'event loop at work since the last tick',
        read: () => this.#busy,
      },
      {
        name: 'loop.delay',
        type: 'float64',
        unit: 'ms',
        about: 'longest wait of a 1 ms timer since the last tick',
        read: () => {
          const longest = this.#delay.max / 1e6
          const { count } = this.#delay
          this.#delay.reset()
          return count > 0 ? longest : 0
        },
      },
      {
        name: 'loop.late',
        type: 'int32',
        unit: 'us',
        about: 'how late this tick came',
        read: () => Math.round(this.lateMs * 1000),
      },
    ]
  }

  close(): void {
    this.#delay.disable()
    this.#collections.disconnect()
  }
}

function handles(): number {
  return Math.min(process.getActiveResourcesInfo().length, 0xff)
}
