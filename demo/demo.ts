// The demo: records the vitals of the machine that it runs on for some seconds, reads and deletes while it
// records, collects, closes, opens again, verifies, and tells what happened. Every figure is measured in
// this very run, and what is read back at the end is compared with what was there before.
// `npm run demo`, or `npm run demo -- --seconds 5 --directory some/new/folder`.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { cpus } from 'node:os'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Database, DeleteResult, Frame, Stats } from '../src/index.ts'
import { open, RubidiumError } from '../src/index.ts'
import { Recorder } from './recorder.ts'
import type { Lane } from './recorder.ts'
import { channelPlot, channelTable } from './report.ts'
import {
  bar,
  bytes,
  digits,
  duration,
  endProgress,
  heading,
  isLive,
  paint,
  progress,
  say,
  several,
  whole,
} from './screen.ts'
import type { Vitals } from './vitals.ts'
import { findVitals, SLOW_TICKS, TICK_MS } from './vitals.ts'
import { BEATS_PER_TICK } from './pulse.ts'

/** It rises as the recorder makes objects, and falls when garbage is collected: on every machine. */
const PLOTTED = 'own.heap'

async function main(): Promise<void> {
  const { directory, durationMs } = readArguments()
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Stopped()))
  const vitals = findVitals()
  try {
    await tell(directory, durationMs, vitals, stop.signal)
  } catch (error) {
    endProgress()
    if (!(error instanceof Stopped)) throw error
    say(`\nStopped. What was committed until then is in ${shown(directory)}`)
    process.exitCode = 130
  } finally {
    vitals.close()
  }
}

/** The whole story, act by act. */
async function tell(
  directory: string,
  durationMs: number,
  vitals: Vitals,
  signal: AbortSignal,
): Promise<void> {
  await using db = await open(directory, { channels: vitals.schema })
  introduce(db, vitals)
  const names = db.channels.list().map(({ name }) => name)

  heading(1, `Record for ${duration(durationMs)}, read and delete meanwhile`)
  const recorder = await Recorder.start(db, vitals, { durationMs, signal, onTick: showProgress(durationMs) })
  const began = Date.now()
  await recorder.reached(durationMs * 0.4)
  await readMeanwhile(db, recorder, durationMs * 0.2)
  await recorder.reached(durationMs * 0.6)
  const cut = {
    start: new Date(began + Math.round(durationMs * 0.25)),
    end: new Date(began + Math.round(durationMs * 0.375)),
  }
  const deleted = await deleteMeanwhile(db, recorder, names, cut)
  await recorder.ended
  endProgress()
  tellRecording(recorder, await db.stats(), directory)

  heading(2, 'Collect: give the deleted bytes back')
  await collect(db, directory)

  heading(3, 'Close, open again, verify')
  const before = await db.read(names, {}, { timestamps: true })
  await timed('closed', () => db.close())
  await using again = await timed('opened', () => open(directory))
  const after = await timed('read everything', () => again.read(names, {}, { timestamps: true }))
  const isSound = await check(again, { names, before, after, lanes: recorder.lanes, deleted })

  heading(4, 'What this machine did')
  const channels = again.channels.list()
  const { start, end } = extentOf(after, names)
  say()
  for (const line of channelTable(after, channels, start, end)) say(line)
  say()
  for (const line of channelPlot(after, again.channels.get(PLOTTED), start, end)) say(line)
  say(
    paint.dim(
      `The gap from ${seconds(cut.start, start)} to ${seconds(cut.end, start)} s is what was deleted.`,
    ),
  )
  await again.close()

  tellWhere(directory)
  if (!isSound) process.exitCode = 1
}

function introduce(db: Database, vitals: Vitals): void {
  const channels = db.channels.list()
  const types = new Set(channels.map(({ type }) => type))
  const cores = cpus()
  const processor = cores[0]?.model.trim().replaceAll(/\s+/g, ' ') ?? ''
  say(`${paint.bold('Rubidium')} records the vitals of this machine.`)
  say()
  say(
    `  machine    ${process.platform} ${process.arch}, ${several(cores.length, 'core')}${processor === '' ? '' : ` (${processor})`}, Node ${process.versions.node}`,
  )
  say(`  database   ${shown(db.directory)}`)
  say(`  channels   ${channels.length} of ${types.size} types: ${[...types].join(', ')}`)
  const perSecond = 1000 / TICK_MS
  const slow =
    vitals.slow.vitals.length > 0 ? `, ${vitals.slow.vitals.length} at ${perSecond / SLOW_TICKS} Hz` : ''
  say(
    `  pace       ${vitals.tick.vitals.length} at ${perSecond} Hz${slow}, and the pulse in arrays, 64 beats a tick`,
  )
}

async function readMeanwhile(db: Database, recorder: Recorder, spanMs: number): Promise<void> {
  const newest = await db.bounds('time')
  if (newest === undefined) throw new Error('nothing was recorded')
  const start = newest.end - BigInt(Math.round(spanMs)) * 1_000_000n
  const began = performance.now()
  const frame = await db.read(['time', 'cpu', 'memory.free', 'own.memory', 'pulse'], { start })
  const tookMs = performance.now() - began
  const samples = frame.channels.reduce((sum, name) => sum + frame.count(name), 0)
  const busiest = Array.from(frame.column('cpu'), Number).reduce((most, value) => Math.max(most, value), 0)
  act(
    recorder,
    `read the last ${duration(spanMs)} of ${frame.channels.length} channels: ${several(samples, 'sample')} in ${duration(tookMs)}; ` +
      `busiest moment ${digits(busiest)} % CPU`,
  )
}

async function deleteMeanwhile(
  db: Database,
  recorder: Recorder,
  names: string[],
  cut: { start: Date; end: Date },
): Promise<DeleteResult> {
  await using snapshot = db.snapshot()
  const began = performance.now()
  const deleted = await db.delete(names, cut)
  const tookMs = performance.now() - began
  const gone = total(Object.values(deleted.samples))
  act(
    recorder,
    `deleted ${duration(cut.end.getTime() - cut.start.getTime())} of all ${names.length} channels: ${several(gone, 'sample')} in ${duration(tookMs)}`,
  )
  const left = total(Object.values(await db.count(names, cut)))
  const pinned = total(Object.values(await snapshot.count(names, cut)))
  act(
    recorder,
    `reads now find ${whole(left)} samples there; a snapshot from just before still finds ${whole(pinned)}`,
  )
  return deleted
}

function act(recorder: Recorder, text: string): void {
  say(`  ${paint.yellow(`${(recorder.elapsedMs / 1000).toFixed(1)} s`)}  ${text}`)
}

function tellRecording(recorder: Recorder, stats: Stats, directory: string): void {
  const { lanes, samples, commits, elapsedMs, missed } = recorder
  const seconds = elapsedMs / 1000
  const inWrite = total(
    lanes.filter(({ durability }) => durability !== 'strict').flatMap(({ latencies }) => latencies),
  )
  say(
    `  ${several(samples, 'sample')} in ${several(commits, 'commit')} over ${duration(elapsedMs)}: ${whole(samples / seconds)} samples/s, ${whole(commits / seconds)} commits/s`,
  )
  const late =
    missed === 0 ? 'no tick was missed' : `${several(missed, 'tick')} missed, the event loop was busy`
  say(
    `  that is the pace of the demo, not of the engine, which had ${duration(inWrite)} of the event loop (${digits((100 * inWrite) / elapsedMs)} %); ${late}`,
  )
  for (const lane of lanes) {
    const { channels, durability, latencies } = lane
    if (latencies.length === 0) continue
    const rows = lane.samples / latencies.length
    const shape = `${several(Math.round(rows), 'row')} x ${several(channels.length, 'channel')}`
    say(
      `  a commit of ${shape.padEnd(23)} ${durability.padEnd(8)} median ${duration(quantile(latencies, 0.5)).padStart(7)}, ` +
        `99 % within ${duration(quantile(latencies, 0.99))}`,
    )
  }
  const stored = total(Object.values(stats.channels).map((channel) => channel.bytes))
  say(`  ${bytes(stored)} of samples; on disk ${filesIn(directory)}`)
}

async function collect(db: Database, directory: string): Promise<void> {
  const before = await db.stats()
  const sizeBefore = sizeOf(directory)
  tellSegments('before', before, sizeBefore)
  const began = performance.now()
  const report = await db.gc({ threshold: 0 })
  const tookMs = performance.now() - began
  tellSegments('after', await db.stats(), sizeOf(directory))
  say(
    `  ${several(report.segmentsCollected, 'segment')} collected in ${duration(tookMs)}, ${several(report.extentsMerged, 'extent')} merged ` +
      `into neighbours, ${bytes(report.bytesReclaimed)} given back` +
      (report.skipped.length === 0
        ? ''
        : `; ${several(report.skipped.length, 'segment')} skipped: ${report.skipped[0]!.reason}`),
  )
}

function tellSegments(when: string, { segments, log }: Stats, size: number): void {
  const live = total(segments.map((segment) => segment.live))
  const dead = total(segments.map((segment) => segment.dead))
  say(
    `  ${when.padEnd(6)} ${several(segments.length, 'segment')}: ${bytes(live)} live, ${bytes(dead)} dead; logs ${bytes(log.bytes)}; ` +
      `all files ${bytes(size)}`,
  )
}

interface Checked {
  readonly names: readonly string[]
  readonly before: Frame
  readonly after: Frame
  readonly lanes: readonly Lane[]
  readonly deleted: DeleteResult
}

/** Holds what is there against what was recorded, deleted and read before. Says what it found. */
async function check(db: Database, { names, before, after, lanes, deleted }: Checked): Promise<boolean> {
  const recorded = new Map(
    lanes.flatMap(({ channels, samples }) => channels.map((name) => [name, samples] as const)),
  )
  const counts = await db.count([...names])
  const wrong = names.filter((name) => counts[name] !== (recorded.get(name) ?? 0) - deleted.samples[name]!)
  const all = total(Object.values(counts))
  verdict(
    wrong.length === 0,
    `${several(all, 'sample')}: what was recorded less what was deleted, in each of ${names.length} channels`,
    `other counts than expected in ${wrong.join(', ')}`,
  )
  const changed = names.filter(
    (name) =>
      !isSame(before.column(name), after.column(name)) ||
      !isSame(before.timestamps(name), after.timestamps(name)),
  )
  verdict(
    changed.length === 0,
    'values and times are those read before the close, byte for byte',
    `other bytes in ${changed.join(', ')}`,
  )
  const began = performance.now()
  const { ok, problems } = await db.verify()
  verdict(
    ok,
    `verified every checksum and invariant in ${duration(performance.now() - began)}`,
    `${several(problems.length, 'problem')}: ${problems.map(({ what }) => what).join('; ')}`,
  )
  return ok && wrong.length === 0 && changed.length === 0
}

function verdict(isRight: boolean, right: string, wrong: string): void {
  say(isRight ? `  ${paint.green('ok')}  ${right}` : `  ${paint.red('NOT OK')}  ${wrong}`)
}

function tellWhere(directory: string): void {
  say()
  say(
    `The database stays in ${paint.bold(shown(directory))} (${filesIn(directory)}); remove the folder when you are done.`,
  )
  say(`To open it, put these lines into look.ts and run ${paint.bold('npx tsx look.ts')}:`)
  say()
  say(`  import { open } from './src/index.ts'`)
  say(`  await using db = await open(${JSON.stringify(shown(directory))}, { readOnly: true })`)
  say(`  console.table([...(await db.latest(['time', 'cpu', 'own.memory'], 5)).rows()])`)
}

function showProgress(durationMs: number): (recorder: Recorder) => void {
  let shownMs = 0
  return (recorder) => {
    const { elapsedMs, samples, commits } = recorder
    if (elapsedMs - shownMs < (isLive ? 100 : 2000)) return
    shownMs = elapsedMs
    const figures = `${several(samples, 'sample')}, ${several(commits, 'commit')}`
    if (isLive)
      progress(`  ${bar(elapsedMs / durationMs, 24)} ${(elapsedMs / 1000).toFixed(1)} s  ${figures}`, false)
    else progress(`  ${(elapsedMs / 1000).toFixed(1)} s  ${figures}`, true)
  }
}

async function timed<T>(what: string, step: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await step()
  say(`  ${what} in ${duration(performance.now() - began)}`)
  return result
}

/** From the first sample of all channels to the last. */
function extentOf(frame: Frame, names: readonly string[]): { start: bigint; end: bigint } {
  const times = names.map((name) => frame.timestamps(name)).filter(({ length }) => length > 0)
  const start = times.map((each) => each[0]!).reduce((a, b) => (a < b ? a : b))
  const end = times.map((each) => each.at(-1)!).reduce((a, b) => (a > b ? a : b))
  return { start, end: end + 1n }
}

function isSame(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const view = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
    new Uint8Array(buffer, byteOffset, byteLength)
  return Buffer.compare(view(a), view(b)) === 0
}

function seconds(date: Date, since: bigint): string {
  return (Number(BigInt(date.getTime()) * 1_000_000n - since) / 1e9).toFixed(1)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function filesOf(directory: string): number[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
}

function sizeOf(directory: string): number {
  return total(filesOf(directory))
}

function filesIn(directory: string): string {
  return `${several(filesOf(directory).length, 'file')}, ${bytes(sizeOf(directory))}`
}

/** A path as the user would type it. */
function shown(directory: string): string {
  const near = relative(process.cwd(), directory)
  return near.startsWith('..') || isAbsolute(near) ? directory : `./${near.replaceAll('\\', '/')}`
    ? directory
    : `.${near.startsWith('/') ? '' : '/'}${near.replaceAll('\\', '/')}`
}

function readArguments(): { directory: string; durationMs: number } {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, directory: { type: 'string' } } })
  const seconds = Number(values.seconds ?? 8)
  if (!(seconds >= 2 && seconds <= 3600)) throw new Usage('--seconds takes a number from 2 to 3600')
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const directory = resolve(values.directory ?? `rubidium-demo-${stamp}`)
  if (existsSync(directory)) throw new Usage(`${directory} is there already: name a folder that is not`)
  return { directory, durationMs: seconds * 1000 }
}

class Usage extends Error {}
class Stopped extends Error {}

try {
  await main()
} catch (error) {
  const isExpected =
    error instanceof RubidiumError ||
    error instanceof Usage ||
    (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
  process.stderr.write(`${isExpected ? (error as Error).message : String((error as Error).stack)}\n`)
  process.exitCode = 1
}
