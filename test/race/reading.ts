// Reads as clients of a race make them, written down for the checker: a read and what is asked beside it in the same
// step show one instant, as does a walk over frames. Called by the clients, the matrix and closing.ts.

import type { Frame, TimeRange } from '../../src/index.ts'
import type { Seen } from './history.ts'
import type { Codes } from './recorder.ts'
import type { Catalogued, World } from './world.ts'

/** What can be read: the database, or a snapshot. */
export interface Readable extends Catalogued {
  read(
    channels: readonly string[],
    range: { start?: bigint; end?: bigint },
    options: { timestamps: true; signal?: AbortSignal },
  ): Promise<Frame>
  count(channels: readonly string[], range: { start?: bigint; end?: bigint }): Promise<Record<string, number>>
  latest(channels: readonly string[], count: number, options: { timestamps: true }): Promise<Frame>
  bounds(channel: string): Promise<TimeRange | undefined>
  frames(
    channels: readonly string[],
    range: { start?: bigint; end?: bigint },
    options: { samples: number; timestamps: true },
  ): AsyncIterable<Frame>
}

/** A stretch of time; [0, Infinity) is asked for as all there is. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

export const EVERYTHING: Stretch = { start: 0, end: Infinity }

/** Of `channels` those that `from` has, and their names there. */
function named(
  world: World,
  from: Readable,
  channels: readonly string[],
): { ids: string[]; names: string[] } {
  const ids = channels.filter((each) => world.nameOf(each, from) !== undefined)
  return { ids, names: ids.map((each) => world.nameOf(each, from)!) }
}

/**
 * Reads, and asks for counts, bounds and newest samples in the same step.
 * @param at the instant of what is read; now where it is the database
 */
export async function readOnce(
  world: World,
  from: Readable,
  by: string,
  channels: readonly string[],
  stretch: Stretch,
  at: number | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const { ids, names } = named(world, from, channels)
  if (ids.length === 0) return
  const range = rangeOf(stretch)
  const instant = at ?? world.recorder.tick()
  const isAll = stretch.end === Infinity
  const reading = from.read(names, range, { timestamps: true, ...(signal === undefined ? {} : { signal }) })
  const beside = Promise.all([
    from.count(names, range),
    isAll ? from.latest(names, 1, { timestamps: true }) : undefined,
    isAll ? Promise.all(names.map((name) => from.bounds(name))) : undefined,
  ])
  const allowed: Codes = signal === undefined ? [] : ['ABORTED']
  const [read, asked] = await Promise.all([
    world.recorder.attempt(by, reading, allowed),
    world.recorder.attempt(by, beside, []),
  ])
  if (read === undefined || asked === undefined) return
  const [counts, latest, bounds] = asked.is
  const seen = ids.map((channel, i) => {
    const name = names[i]!
    return {
      ...seenIn(read.is, channel, name),
      count: counts[name]!,
      ...(latest === undefined
        ? {}
        : { latest: latest.count(name) === 0 ? undefined : Number(latest.timestamps(name)[0]) }),
      ...(bounds === undefined ? {} : { bounds: boundsOf(bounds[i]) }),
    }
  })
  world.recorder.saw({ by, at: instant, ...stretch, seen })
}

/** Walks over frames of a few samples, with everybody else between them. */
export async function walkOnce(
  world: World,
  from: Readable,
  by: string,
  channels: readonly string[],
  stretch: Stretch,
  samples: number,
  at: number | undefined,
): Promise<void> {
  const { ids, names } = named(world, from, channels)
  if (ids.length === 0) return
  const frames = from.frames(names, rangeOf(stretch), { samples, timestamps: true })
  const seen = ids.map((channel) => ({ channel, times: [] as number[], values: [] as number[] }))
  const walk = async (): Promise<void> => {
    for await (const frame of frames) {
      for (const [i, { times, values }] of seen.entries()) {
        const part = seenIn(frame, ids[i]!, names[i]!)
        times.push(...part.times)
        values.push(...part.values)
      }
      await world.schedule.turn('frames next')
    }
  }
  // The first `next` is called in this step.
  const instant = at ?? world.recorder.tick()
  const walked = await world.recorder.attempt(by, walk(), [])
  if (walked !== undefined) world.recorder.saw({ by, at: instant, ...stretch, seen })
}

function rangeOf({ start, end }: Stretch): { start?: bigint; end?: bigint } {
  return end === Infinity ? {} : { start: BigInt(start), end: BigInt(end) }
}

function seenIn(frame: Frame, channel: string, name: string): Seen {
  return {
    channel,
    times: Array.from(frame.timestamps(name), Number),
    values: Array.from(frame.column(name) as ArrayLike<number | bigint>, Number),
  }
}

function boundsOf(bounds: TimeRange | undefined): readonly [number, number] | undefined {
  return bounds === undefined ? undefined : [Number(bounds.start), Number(bounds.end)]
}
