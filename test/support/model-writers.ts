// Writers and what they write, in the database and in the model: which frames are taken, which are
// refused and why, what a commit adds. Called by the run of the model test.

import { ValidationError, WriteConflictError } from '../../src/errors.ts'
import type { Durability } from '../../src/database/options.ts'
import type { DataType } from '../../src/telem/data-type.ts'
import type { Operation } from './model-operations.ts'
import { max } from './model-session.ts'
import type { ErrorClass, ModelSession, OpenWriter } from './model-session.ts'
import { appended, channelsOf, groupsOf, isTaken, NO_ROWS, withCommitted } from './model-store.ts'
import type { ModelRows, ModelSample, ModelState, ModelStream } from './model-store.ts'

const MOST_WRITERS = 5

export async function openWriter(
  session: ModelSession,
  { groups, channels, start, autoCommit, durability }: Operation & { do: 'openWriter' },
): Promise<void> {
  const all = groupsOf(session.state)
  if (all.length === 0 || session.writers.length >= MOST_WRITERS) return
  const chosen = all.filter((_, i) => (groups >> i) & 1)
  if (chosen.length === 0) chosen.push(all[groups % all.length]!)
  const lists = chosen.map((group) => [
    session.state.get(group)!,
    ...channelsOf(session.state, group).filter(
      ({ key }, i) => key !== group && (channels === 0 || (channels >> i) & 1),
    ),
  ])
  const from = start === undefined ? undefined : session.range({ from: start, length: 0 }).start
  const isIn = from !== undefined && chosen.some((group) => isTaken(session.state, group, from, from))
  const isBeside = from !== undefined && session.hasOthers(chosen, undefined)
  const options = {
    channels: lists.flat().map(({ name }) => name),
    autoCommit,
    ...(from === undefined ? {} : { start: from }),
    ...(durability === undefined ? {} : { durability }),
  }
  const outcome = await session.call('openWriter', undefined, () => session.open.db.openWriter(options))
  if ('error' in outcome && isBeside && outcome.error instanceof WriteConflictError) return
  const writer = session.expect('openWriter', outcome, isIn ? [WriteConflictError] : [])
  if (writer === undefined) return
  session.writers.push({
    writer,
    streams: lists.map((list) => ({
      group: list[0]!.key,
      keys: list.map(({ key }) => key),
      start: from,
      last: undefined,
      committedLast: undefined,
      broken: new Set(),
      pending: NO_ROWS,
    })),
    names: new Map(lists.flat().map(({ key, name }) => [key, name])),
    autoCommit,
    durability: durability ?? session.settings.durability,
  })
}

export async function writeFrames(
  session: ModelSession,
  operation: Operation & { do: 'write' },
): Promise<void> {
  const { groups, pick } = operation
  if (session.writers.length === 0) {
    await openWriter(session, {
      do: 'openWriter',
      groups,
      channels: 0,
      start: undefined,
      autoCommit: pick % 3 > 0,
      durability: undefined,
    })
  }
  const open = session.writer(operation.writer)
  if (open === undefined) return
  await writeOne(session, open, operation)
  if (operation.more > 0) await writeMore(session, open, operation)
}

/** Frames that follow the newest, written without waiting for one another: each is a commit of its own. */
export async function writeMore(
  session: ModelSession,
  { writer, streams, names, autoCommit, durability }: OpenWriter,
  operation: Operation & { do: 'write' },
): Promise<void> {
  const stream = streams[operation.groups % streams.length]!
  const { samples } = session.state.get(stream.group)!
  // Only where nothing can be in the way.
  if (stream.last === undefined || samples.some(({ time }) => time > stream.last!)) return
  if (
    session.writers.some(
      (other) => other.writer !== writer && other.streams.some(({ group }) => group === stream.group),
    )
  )
    return
  const copy = { ...stream }
  const states: ModelState[] = []
  const frames: Record<string, (number | bigint)[]>[] = []
  for (let i = 0; i < operation.more; i++) {
    const rows = rowsOf(session, copy, {
      ...operation,
      count: Math.min(operation.count, 200),
      place: 'next',
      isBackwards: false,
    })
    frames.push(Object.fromEntries(copy.keys.map((key) => [names.get(key)!, [...rows.values.get(key)!]])))
    copy.last = rows.times.at(-1)!
    if (autoCommit) {
      states.push(withCommitted(states.at(-1) ?? session.state, [{ stream: copy, rows }])!)
      copy.committedLast = copy.last
      copy.broken = new Set()
    } else copy.pending = appended(copy.pending, rows)
  }
  const outcome = await session.call('writes in a row', states, () =>
    Promise.all(frames.map((frame) => writer.write(frame as never))),
  )
  session.expect('writes in a row', outcome, [])
  Object.assign(stream, copy)
  for (const state of states) session.history.push(state, durability)
  session.tally.commits += states.length
}

export async function writeOne(
  session: ModelSession,
  open: OpenWriter,
  operation: Operation & { do: 'write' },
): Promise<void> {
  const { writer, streams, names, autoCommit, durability } = open
  let part = streams.filter((_, i) => (operation.groups >> i) & 1)
  if (part.length === 0) part = [streams[operation.groups % streams.length]!]
  const commits = part.map((stream) => ({ stream, rows: rowsOf(session, stream, operation) }))
  const frame: Record<string, (number | bigint)[]> = {}
  for (const { stream, rows } of commits) {
    for (const key of stream.keys) frame[names.get(key)!] = [...rows.values.get(key)!]
  }
  const wanted: ErrorClass[] = []
  let isDoubtful = session.hasOthers(
    part.map(({ group }) => group),
    open,
  )
  for (const { stream, rows } of commits) {
    const [first, last] = [rows.times[0]!, rows.times.at(-1)!]
    const isBackwards = rows.times.some((time, i) => i > 0 && time <= rows.times[i - 1]!)
    const position = stream.last === undefined ? stream.start : stream.last + 1n
    if (isBackwards || (position !== undefined && first < position)) wanted.push(ValidationError)
    else if (!isFree(session, stream, position ?? first, first, last)) wanted.push(WriteConflictError)
    // Where others have committed right behind it, whether it goes on behind that is not told here.
    else if (position !== undefined && isTaken(session.state, stream.group, position, position))
      isDoubtful = true
  }
  const next = autoCommit && wanted.length === 0 ? withCommitted(session.state, commits) : undefined
  const outcome = await session.call('write', next, () => writer.write(frame as never))
  if ('error' in outcome && isDoubtful && outcome.error instanceof WriteConflictError) return
  session.expect('write', outcome, wanted)
  if (wanted.length > 0) return
  for (const { stream, rows } of commits) {
    stream.last = rows.times.at(-1)!
    if (!autoCommit) stream.pending = appended(stream.pending, rows)
  }
  if (next === undefined) return
  publish(session, part, next, durability)
  session.tally.samples += commits.reduce(
    (sum, { stream, rows }) => sum + stream.keys.length * rows.times.length,
    0,
  )
}

/** Whether a stream whose next sample could lie at `position` may write [first, last]. */
export function isFree(
  session: ModelSession,
  stream: ModelStream,
  position: bigint,
  first: bigint,
  last: bigint,
): boolean {
  let from = position
  // Its gap has ended where it stood: it goes on behind, unless it has samples before to commit.
  if (stream.pending.times.length === 0) from = freeAfter(session.state.get(stream.group)!.samples, from)
  return (
    from <= first &&
    !isTaken(session.state, stream.group, from, last) &&
    !isTaken(session.state, stream.group, first, last)
  )
}

/** The rows that a write holds for one group. */
export function rowsOf(
  session: ModelSession,
  stream: ModelStream,
  { count, step, gap, place, pick, isBackwards }: Operation & { do: 'write' },
): ModelRows {
  const { samples } = session.state.get(stream.group)!
  let first = max((stream.last ?? samples.at(-1)?.time ?? 0n) + BigInt(gap), stream.start ?? 0n)
  let most = count
  if (place === 'anywhere') first = session.range({ from: pick, length: 0 }).start
  if (place === 'hole') {
    const hole = holeIn(samples, pick)
    if (hole !== undefined) {
      first = hole.start + (BigInt(Math.floor(gap / 3)) % (hole.end - hole.start))
      most = Math.min(count, 1 + Number((hole.end - 1n - first) / BigInt(step)))
    }
  }
  const times = Array.from({ length: most }, (_, i) => first + BigInt(i * step))
  if (isBackwards && most > 1) times[most - 1] = times[most - 2]!
  const values = new Map<number, readonly (number | bigint)[]>()
  for (const key of stream.keys) {
    const { type } = session.state.get(key)!
    values.set(key, key === stream.group ? times : times.map(() => valueOf(type, session.values++)))
  }
  return { times, values }
}

export function publish(
  session: ModelSession,
  streams: readonly ModelStream[],
  next: ModelState,
  durability: Durability,
): void {
  for (const stream of streams) {
    stream.committedLast = stream.last
    stream.broken = new Set()
    stream.pending = NO_ROWS
  }
  session.history.push(next, durability)
  session.tally.commits++
}

export async function commitWriter(session: ModelSession, pick: number): Promise<void> {
  const open = session.writer(pick)
  if (open === undefined) return
  const commits = open.streams
    .filter(({ pending }) => pending.times.length > 0)
    .map((stream) => ({ stream, rows: stream.pending }))
  const next = withCommitted(session.state, commits)
  const outcome = await session.call('commit', next, () => open.writer.commit())
  const end = session.expect('commit', outcome, next === undefined ? [WriteConflictError] : [])
  if (next === undefined) {
    for (const stream of open.streams) {
      stream.pending = NO_ROWS
      stream.last = stream.committedLast
    }
    return
  }
  if (commits.length > 0)
    publish(
      session,
      commits.map(({ stream }) => stream),
      next,
      open.durability,
    )
  const wanted = open.streams.reduce<bigint | undefined>((most, { committedLast }) => {
    return committedLast === undefined ? most : max(most ?? committedLast + 1n, committedLast + 1n)
  }, undefined)
  if (end !== wanted) throw new Error(`commit resolved to ${end}: should be ${wanted}`)
}

export async function closeWriter(session: ModelSession, pick: number): Promise<void> {
  const open = session.writer(pick)
  if (open === undefined) return
  session.expect(
    'closing a writer',
    await session.call('closing a writer', undefined, () => open.writer.close()),
    [],
  )
  session.writers = session.writers.filter((each) => each !== open)
}

/** The first time from `time` on that no domain covers. */
function freeAfter(samples: readonly ModelSample[], time: bigint): bigint {
  let free = time
  samples.forEach((sample, i) => {
    if (sample.time === free || (sample.joined && i > 0 && samples[i - 1]!.time < free && sample.time > free))
      free = sample.time + 1n
  })
  return free
}

/** A gap between domains: times from the first free one to the first one taken. */
function holeIn(samples: readonly ModelSample[], pick: number): { start: bigint; end: bigint } | undefined {
  const holes: { start: bigint; end: bigint }[] = []
  let start = 0n
  for (const { time, joined } of samples) {
    if (!joined && time > start) holes.push({ start, end: time })
    start = time + 1n
  }
  return holes[pick % Math.max(1, holes.length)]
}

/** A value of a type that tells its sample from others. */
function valueOf(type: DataType, number: number): number | bigint {
  switch (type) {
    case 'boolean':
      return (number >> 1) & 1
    case 'uint8':
      return number % 256
    case 'int16':
      return (number % 60_000) - 30_000
    case 'float64':
      return number / 8
    case 'float32':
      return (number % 100_000) / 4
    case 'int64':
      return BigInt(number) - 2n ** 62n
    case 'uint64':
    case 'timestamp':
      return BigInt(number) + 2n ** 60n
    default:
      return number
  }
}
