// What the demo does with the database while it is being written and after, each act with what it says
// about it. Every figure is measured here; nothing is assumed to have worked: `check` holds what is in
// the database at the end against what was recorded, deleted and read before. Called by demo.ts.

import { performance } from 'node:perf_hooks'
import type { Database, DeleteResult, Frame, Stats } from '../src/index.ts'
import { sizeOf } from './folder.ts'
import type { Lane, Recorder } from './recorder.ts'
import { bytes, digits, duration, paint, several, tell, whole } from './screen.ts'

/** Instants in whole milliseconds. */
export interface Cut {
  readonly start: Date
  readonly end: Date
}

/** Reads the newest samples of some channels. */
export async function readMeanwhile(db: Database, recorder: Recorder, spanMs: number): Promise<void> {
  const newest = await db.bounds('time')
  if (newest === undefined) throw new Error('Nothing was recorded')
  const start = newest.end - BigInt(Math.round(spanMs)) * 1_000_000n
  const began = performance.now()
  const frame = await db.read(['time', 'cpu', 'own.memory', 'pulse.time', 'pulse'], { start })
  const tookMs = performance.now() - began
  const samples = frame.channels.map((name) => frame.count(name))
  const highest = (name: string): number =>
    Array.from(frame.column(name), Number).reduce((a, b) => Math.max(a, b), 0)
  act(
    recorder,
    `read the last ${duration(spanMs)} of ${frame.channels.length} channels: ${several(total(samples), 'sample')} in ` +
      `${duration(tookMs)} (CPU at most ${digits(highest('cpu'))} %, slowest beat of the pulse ${duration(highest('pulse') / 1000)})`,
  )
}

/** Deletes a stretch of all channels, and looks at it with and without a snapshot from before. */
export async function deleteMeanwhile(
  db: Database,
  recorder: Recorder,
  names: string[],
  cut: Cut,
): Promise<DeleteResult> {
  await using snapshot = db.snapshot()
  const began = performance.now()
  const deleted = await db.delete(names, cut)
  const tookMs = performance.now() - began
  const spanMs = cut.end.getTime() - cut.start.getTime()
  const gone = total(Object.values(deleted.samples))
  act(
    recorder,
    `deleted ${duration(spanMs)} of all ${names.length} channels: ${several(gone, 'sample')} in ${duration(tookMs)}`,
  )
  const left = total(Object.values(await db.count(names, cut)))
  const kept = total(Object.values(await snapshot.count(names, cut)))
  act(recorder, `now ${several(left, 'sample')} there; a snapshot from just before still has ${whole(kept)}`)
  return deleted
}

function act(recorder: Recorder, text: string): void {
  tell(`  ${paint.yellow(`${(recorder.elapsedMs / 1000).toFixed(1)} s`)}  `, text)
}

/** What the recording came to, writer by writer. */
export function tellRecording(recorder: Recorder): void {
  const { lanes, samples, commits, elapsedMs, missed } = recorder
  const perSecond = (count: number): string => whole((1000 * count) / elapsedMs)
  tell(
    '  ',
    `${several(samples, 'sample')} in ${several(commits, 'commit')} over ${duration(elapsedMs)}: ` +
      `${perSecond(samples)} samples/s, ${perSecond(commits)} commits/s, ` +
      (missed === 0 ? 'no tick missed.' : `${several(missed, 'tick')} came too late and were left out.`),
  )
  const writing = total(
    lanes.filter(({ durability }) => durability !== 'strict').flatMap(({ latencies }) => latencies),
  )
  tell(
    '  ',
    `The demo sets this pace, not the engine: its batched writes took ${duration(writing)}, ${digits((100 * writing) / elapsedMs)} % of the time.`,
  )
  tell('  ', paint.dim('commit, from the call until it was acknowledged:     median     99 % within'))
  for (const { channels, durability, latencies, samples: rows } of lanes) {
    if (latencies.length === 0) continue
    const shape = `${several(Math.round(rows / latencies.length), 'row')} x ${several(channels.length, 'channel')}`
    const [median, slow] = [duration(quantile(latencies, 0.5)), duration(quantile(latencies, 0.99))]
    tell('  ', `${durability.padEnd(8)} ${shape.padEnd(40)} ${median.padStart(9)} ${slow.padStart(15)}`)
  }
}

/** Collects, and says what the segments held before and after. */
export async function collect(db: Database): Promise<void> {
  tellSegments('before', await db.stats(), sizeOf(db.directory))
  const began = performance.now()
  const report = await db.gc({ threshold: 0 })
  const tookMs = performance.now() - began
  tellSegments('after', await db.stats(), sizeOf(db.directory))
  const [skipped] = report.skipped
  tell(
    '  ',
    `${several(report.segmentsCollected, 'segment')} collected in ${duration(tookMs)}, ` +
      `${several(report.extentsMerged, 'small extent')} merged with neighbours, ${bytes(report.bytesReclaimed)} of segments given back` +
      (skipped === undefined
        ? '.'
        : `; ${several(report.skipped.length, 'segment')} skipped: ${skipped.reason}.`),
  )
}

function tellSegments(when: string, { segments, log }: Stats, size: number): void {
  const live = total(segments.map((segment) => segment.live))
  const dead = total(segments.map((segment) => segment.dead))
  const held = `${bytes(live)} live, ${bytes(dead)} dead`
  tell(
    `  ${when.padEnd(6)}  `,
    `${several(segments.length, 'segment')}, ${held}; logs ${bytes(log.bytes)}; all files ${bytes(size)}`,
  )
}

/** What the database must hold. */
export interface Expected {
  readonly names: readonly string[]
  readonly lanes: readonly Lane[]
  readonly deleted: DeleteResult
  /** All samples, before the database was closed. */
  readonly before: Frame
}

/** Whether the database holds what it must; says what it found. */
export async function check(
  db: Database,
  after: Frame,
  { names, lanes, deleted, before }: Expected,
): Promise<boolean> {
  const recorded = new Map(
    lanes.flatMap(({ channels, samples }) => channels.map((name) => [name, samples] as const)),
  )
  const counts = await db.count([...names])
  const miscounted = names.filter(
    (name) => counts[name] !== (recorded.get(name) ?? 0) - deleted.samples[name]!,
  )
  const all = several(total(Object.values(counts)), 'sample')
  verdict(miscounted, `${all}: in each of ${names.length} channels, what was recorded less what was deleted`)
  const changed = names.filter(
    (name) =>
      !isSame(before.column(name), after.column(name)) ||
      !isSame(before.timestamps(name), after.timestamps(name)),
  )
  verdict(changed, 'all values and times are, byte for byte, those that were read before the close')
  const began = performance.now()
  const { problems } = await db.verify()
  const found = problems.map(({ what }) => what)
  verdict(
    found,
    `verify() found every checksum and invariant in order, in ${duration(performance.now() - began)}`,
  )
  return miscounted.length + changed.length + found.length === 0
}

/** @param exceptions where it is not so */
function verdict(exceptions: readonly string[], claim: string): void {
  if (exceptions.length === 0) tell(`  ${paint.green('ok')}  `, claim)
  else tell(`  ${paint.red('NOT SO')}  `, `${claim}: ${exceptions.join('; ')}`)
}

function isSame(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const view = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength)
  return Buffer.compare(view(a), view(b)) === 0
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
