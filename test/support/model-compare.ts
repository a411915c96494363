// Compares what a database, or a snapshot of one, says with a state of the model. Every difference is a
// sentence; undefined is equality. Called by the model test's harness.

import { ValidationError } from '../../src/errors.ts'
import type { Frame } from '../../src/telem/frame.ts'
import type { TimeRange } from '../../src/telem/time-range.ts'
import { domainsOf, samplesIn } from './model-store.ts'
import type { ModelChannel, ModelSample, ModelState } from './model-store.ts'

/** What reads at the head and reads of a snapshot have in common, without the types of a schema. */
export interface ModelReader {
  readonly channels: {
    list(): {
      key: number
      name: string
      kind: string
      type: string
      index?: string
      unit?: string
      metadata?: unknown
    }[]
  }
  read(channels: readonly string[], range?: Range, options?: { timestamps?: boolean }): Promise<Frame>
  latest(
    channels: readonly string[],
    count?: number,
    options?: { at?: bigint; timestamps?: boolean },
  ): Promise<Frame>
  count(channels: readonly string[], range?: Range): Promise<Record<string, number>>
  hasData(channels: readonly string[], range: Range): Promise<boolean>
  bounds(channel: string): Promise<TimeRange | undefined>
  frames(
    channels: readonly string[],
    range?: Range,
    options?: { samples?: number; span?: bigint; timestamps?: boolean },
  ): AsyncIterable<Frame>
}

interface Range {
  readonly start?: bigint
  readonly end?: bigint
}

/** A read as the harness wants it. */
export interface ModelRead {
  readonly what: 'read' | 'latest' | 'count' | 'bounds' | 'hasData' | 'frames'
  readonly channels: readonly ModelChannel[]
  readonly start: bigint
  readonly end: bigint
  readonly timestamps: boolean
  readonly count: number
}

/** Everything in `reader` against everything in `state`. */
export async function difference(reader: ModelReader, state: ModelState): Promise<string | undefined> {
  const wrong = channelsDiffer(reader, state)
  if (wrong !== undefined) return wrong
  const channels = [...state.values()]
  if (channels.length === 0) return undefined
  const frame = await reader.read(
    channels.map(({ name }) => name),
    {},
    { timestamps: true },
  )
  return frameDiffers(frame, channels, (channel) => channel.samples, true)
}

function channelsDiffer(reader: ModelReader, state: ModelState): string | undefined {
  const found = reader.channels.list().map((channel) => {
    const { key, name, kind, type, index, unit, metadata } = channel
    return JSON.stringify({ key, name, kind, type, index, unit, metadata })
  })
  const wanted = [...state.values()].map((channel) => {
    const { key, name, type, group, unit, note } = channel
    const kind = key === group ? 'index' : 'data'
    const index = key === group ? undefined : state.get(group)!.name
    return JSON.stringify({
      key,
      name,
      kind,
      type,
      index,
      unit,
      metadata: note === undefined ? undefined : { note },
    })
  })
  if (found.join() === wanted.join()) return undefined
  return `the channels are\n  ${found.join('\n  ')}\nand should be\n  ${wanted.join('\n  ')}`
}

/** A frame against the samples that it should hold. */
function frameDiffers(
  frame: Frame,
  channels: readonly ModelChannel[],
  expected: (channel: ModelChannel) => readonly ModelSample[],
  timestamps: boolean,
): string | undefined {
  if (frame.channels.join() !== channels.map(({ name }) => name).join())
    return `the frame is of ${frame.channels.join()}`
  for (const channel of channels) {
    const wanted = expected(channel)
    const wrong = columnDiffers(
      frame,
      channel,
      wanted,
      timestamps || channels.some(({ key }) => key === channel.group),
    )
    if (wrong !== undefined) return `channel "${channel.name}" (key ${channel.key}) ${wrong}`
  }
  return undefined
}

function columnDiffers(
  frame: Frame,
  { name }: ModelChannel,
  wanted: readonly ModelSample[],
  timed: boolean,
): string | undefined {
  const data = frame.column(name)
  if (timed) {
    const times = frame.timestamps(name)
    const at = wanted.findIndex(({ time }, i) => times[i] !== time)
    if (at >= 0)
      return `has ${times.length} samples, of which number ${at} is at ${times[at]}: should be ${wanted.length}, and ${wanted[at]!.time}`
    if (times.length > wanted.length)
      return `has ${times.length} samples: should be ${wanted.length}, the first too many is at ${times[wanted.length]}`
  } else if (!refusesTimes(frame, name)) return 'has times that were not asked for'
  if (data.length !== wanted.length) return `has ${data.length} samples: should be ${wanted.length}`
  const at = wanted.findIndex(({ value }, i) => !Object.is(data[i], value))
  if (at >= 0) return `has ${data[at]} at ${wanted[at]!.time}: should be ${wanted[at]!.value}`
  const found = describe(frame.series(name).map(({ length, timeRange }) => ({ count: length, timeRange })))
  const domains = describe(domainsOf(wanted))
  return found === domains ? undefined : `has the domains ${found}: should be ${domains}`
}

function refusesTimes(frame: Frame, name: string): boolean {
  try {
    frame.timestamps(name)
    return false
  } catch (error) {
    return error instanceof ValidationError
  }
}

function describe(domains: ReturnType<typeof domainsOf>): string {
  return domains
    .map(({ count, timeRange }) => `${count} in [${timeRange.start}, ${timeRange.end})`)
    .join(', ')
}

/** One read of a part against the state that it should show. */
export async function readDiffers(reader: ModelReader, read: ModelRead): Promise<string | undefined> {
  const { what, channels, start, end, timestamps, count } = read
  const names = channels.map(({ name }) => name)
  const inRange = (channel: ModelChannel): ModelSample[] => samplesIn(channel, start, end)
  switch (what) {
    case 'read':
      return frameDiffers(
        await reader.read(names, { start, end }, { timestamps }),
        channels,
        inRange,
        timestamps,
      )
    case 'latest': {
      const frame = await reader.latest(names, count, { at: end, timestamps })
      const newest = (channel: ModelChannel): ModelSample[] =>
        channel.samples.filter(({ time }) => time <= end).slice(-count)
      return frameDiffers(frame, channels, newest, timestamps)
    }
    case 'count': {
      const found = await reader.count(names, { start, end })
      const wrong = channels.find((channel) => found[channel.name] !== inRange(channel).length)
      return wrong === undefined
        ? undefined
        : `count of "${wrong.name}" is ${found[wrong.name]}: should be ${inRange(wrong).length}`
    }
    case 'bounds': {
      for (const { name, samples } of channels) {
        const found = await reader.bounds(name)
        const [first, last] = [samples[0]?.time, samples.at(-1)?.time]
        if (found?.start === first && (last === undefined || found?.end === last + 1n)) continue
        return `bounds of "${name}" are ${found?.start} to ${found?.end}: should be ${first} to ${last} + 1`
      }
      return undefined
    }
    case 'hasData': {
      const found = await reader.hasData(names, { start, end })
      const wanted = channels.some((channel) => inRange(channel).length > 0)
      return found === wanted ? undefined : `hasData is ${found}`
    }
    case 'frames':
      return walkDiffers(reader, read, names, inRange)
    default:
      throw new Error(`no read is called ${String(what)}`)
  }
}

async function walkDiffers(
  reader: ModelReader,
  { channels, start, end, timestamps, count: least }: ModelRead,
  names: readonly string[],
  inRange: (channel: ModelChannel) => ModelSample[],
): Promise<string | undefined> {
  const left = new Map(channels.map((channel) => [channel.name, inRange(channel)]))
  // Some hundred frames at most.
  const count = least + Math.floor(Math.max(...[...left.values()].map(({ length }) => length)) / 100)
  const span = timestamps ? BigInt(count * 7) : undefined
  const options = { samples: count, timestamps: true, ...(span === undefined ? {} : { span }) }
  for await (const frame of reader.frames(names, { start, end }, options)) {
    if (frame.isEmpty) return 'a frame is empty'
    let [first, last]: (bigint | undefined)[] = [undefined, undefined]
    for (const name of names) {
      const times = frame.timestamps(name)
      const data = frame.column(name)
      const wanted = left.get(name)!.splice(0, times.length)
      const at = times.findIndex(
        (time, i) => time !== wanted[i]?.time || !Object.is(data[i], wanted[i].value),
      )
      if (at >= 0)
        return `a frame has ${data[at]} at ${times[at]} in "${name}": should be ${wanted[at]?.value} at ${wanted[at]?.time}`
      if (times.length > count)
        return `a frame has ${times.length} samples of "${name}": at most ${count} were wanted`
      for (const time of times) {
        if (first === undefined || time < first) first = time
        if (last === undefined || time > last) last = time
      }
    }
    if (span !== undefined && last! - first! >= span)
      return `a frame spans ${first} to ${last}: at most ${span} were wanted`
    for (const [name, samples] of left) {
      if (samples[0] !== undefined && samples[0].time <= last!)
        return `a frame ends at ${last} without ${samples[0].time} of "${name}"`
    }
  }
  for (const [name, samples] of left)
    if (samples.length > 0) return `the frames end before ${samples[0]!.time} of "${name}"`
  return undefined
}
