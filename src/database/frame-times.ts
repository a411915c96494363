// Where the times of a frame may lie: they increase, from frame to frame too, and keep to the writer's start
// and to its region, the gap in what others have committed. Called by the writer, before a frame takes
// effect.

import { claimRegion, overlap, regionOf } from '../control/region.ts'
import type { Stream } from '../domain/stream.ts'
import { ValidationError } from '../errors.ts'
import { assertIncreasing } from '../telem/sample.ts'
import { MAX_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import type { Engine } from './engine.ts'
import type { Staged } from './staged-frame.ts'

/**
 * Holds the times of a staged frame against the stream's own samples, its start, and everybody else's.
 * @throws ValidationError, WriteConflictError
 */
export function checkTimes(engine: Engine, { stream, times, from, count }: Staged): void {
  const name = stream.names[0]!
  const first = times[from]!
  const last = times[from + count - 1]!
  const wrong = count > 1 ? assertIncreasing(name, times, from, from + count) : -1
  if (wrong >= 0) {
    const [at, before] = [times[wrong]!, times[wrong - 1]!]
    throw new ValidationError(
      `Timestamps of "${name}" must strictly increase: ${toISO(at)} follows ${toISO(before)} at position ${wrong - from}`,
      { channel: name },
    )
  }
  if (last > MAX_TIMESTAMP)
    throw new ValidationError(`Timestamps of "${name}" must lie below 2^63 - 1`, { channel: name })
  if (stream.last !== undefined && first <= stream.last) {
    throw new ValidationError(
      `Timestamps of "${name}" must strictly increase from frame to frame: ${toISO(first)} comes after ${toISO(stream.last)}`,
      { channel: name },
    )
  }
  if (stream.start !== undefined && first < stream.start) {
    throw new ValidationError(
      `${toISO(first)} of "${name}" lies before the writer's start ${toISO(stream.start)}`,
      { channel: name },
    )
  }
  checkRegion(engine, stream, name, first, last)
}

function checkRegion(engine: Engine, stream: Stream, name: string, first: bigint, last: bigint): void {
  const group = engine.group(stream.shape.index)
  const position = stream.position
  let { upper } = stream
  if (position === undefined) {
    upper = claim(engine, stream, first, { start: first, end: last + 1n })
  } else if (stream.generation !== group.generation) {
    const region = regionOf(group, engine.version.pointers.get(group.key), stream)
    upper = stream.upper = region.upper
    const { passed } = region
    // Samples that are pending lie before what was passed: the next must too, or their commit could only
    // fail.
    if (passed !== undefined && (first < passed.end || stream.pending.length > 0)) {
      throw overlap(name, { start: first, end: last + 1n }, passed)
    }
    // It filled its gap to the brim: the region behind what follows may be another writer's.
    if (region.enters === true) claim(engine, stream, first, { start: first, end: last + 1n })
    // With samples pending that were checked before, the commit looks at everything again.
    if (stream.pending.length === 0 && passed === undefined) {
      stream.goesOn = region.goesOn
      stream.generation = group.generation
    }
  }
  if (upper !== undefined && last >= upper) {
    throw overlap(name, { start: first, end: last + 1n }, { start: upper })
  }
}

/** Finds the region of a stream that has none yet. @throws WriteConflictError */
export function claim(
  engine: Engine,
  stream: Stream,
  time: bigint,
  requested: { readonly start: bigint; readonly end?: bigint },
): bigint | undefined {
  const group = engine.group(stream.shape.index)
  const table = engine.version.pointers.get(group.key)
  return claimRegion(group, table, time, requested, { name: stream.names[0]!, stream })
}
