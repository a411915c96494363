// The demo: records the vitals of the machine that it runs on for some seconds, reads and deletes while it
// records, collects, closes, opens again, verifies, and tells what happened. Every figure is measured in
// this very run. `npm run demo`, or `npm run demo -- --seconds 5 --directory some/new/folder`.

import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Database, Frame } from '../src/index.ts'
import { open, RubidiumError } from '../src/index.ts'
import type { Cut } from './acts.ts'
import { check, collect, deleteMeanwhile, readMeanwhile, tellRecording } from './acts.ts'
import { contents, shortPath } from './folder.ts'
import { BEATS_PER_TICK } from './pulse.ts'
import { Recorder } from './recorder.ts'
import { channelPlot, channelTable } from './report.ts'
import {
  bar,
  duration,
  endProgress,
  heading,
  isLive,
  paint,
  progress,
  say,
  several,
  tell,
  whole,
} from './screen.ts'
import type { Vitals } from './vitals.ts'
import { findVitals, SLOW_TICKS, TICK_MS } from './vitals.ts'

/** It rises as the recorder makes objects, and falls when garbage is collected: on every machine. */
const PLOTTED = 'own.heap'

class Usage extends Error {}
class Stopped extends Error {}

const HELP = `Records the vitals of this machine into a new database, and shows what happened.

  --seconds N       how long to record, 2 to 60; 8 where left out
  --directory PATH  where to make the database; ./rubidium-demo-<time> where left out
  --help            this`

async function main(): Promise<void> {
  const { directory, durationMs, help } = readArguments()
  if (help) return say(HELP)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Stopped()))
  const vitals = findVitals()
  try {
    await run(directory, durationMs, vitals, stop.signal)
  } catch (error) {
    endProgress()
    if (!(error instanceof Stopped)) throw error
    say(`\nStopped. What was committed until then is in ${shortPath(directory)}`)
    process.exitCode = 130
  } finally {
    vitals.close()
  }
}

/** The whole story. */
async function run(
  directory: string,
  durationMs: number,
  vitals: Vitals,
  signal: AbortSignal,
): Promise<void> {
  await using db = await open(directory, { channels: vitals.schema })
  introduce(db, vitals)
  const names = db.channels.list().map(({ name }) => name)

  heading(1, `Record for ${duration(durationMs)}; read and delete meanwhile`)
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
  tellRecording(recorder)

  heading(2, 'Collect: give the deleted bytes back')
  await collect(db)

  heading(3, 'Close, open again, verify')
  const before = await db.read(names, {}, { timestamps: true })
  await timed('closed', () => db.close())
  await using again = await timed('opened', () => open(directory))
  const after = await timed('read it all', () => again.read(names, {}, { timestamps: true }))
  const isSound = await check(again, after, { names, lanes: recorder.lanes, deleted, before })

  heading(4, 'What this machine did, as read from the reopened database')
  show(again, after, cut)
  await again.close()

  tellWhere(directory)
  if (!isSound) process.exitCode = 1
}

function introduce(db: Database, vitals: Vitals): void {
  const channels = db.channels.list()
  const types = new Set(channels.map(({ type }) => type))
  const model = cpus()[0]?.model.trim().replaceAll(/\s+/g, ' ') ?? ''
  const cores = `${several(cpus().length, 'core')}${model === '' ? '' : ` (${model})`}`
  const hertz = 1000 / TICK_MS
  const slow =
    vitals.slow.vitals.length > 0 ? `, ${vitals.slow.vitals.length} at ${hertz / SLOW_TICKS} Hz` : ''
  say(`${paint.bold('Rubidium')} records the vitals of this machine.\n`)
  tell('  machine    ', `${process.platform} ${process.arch}, ${cores}, Node ${process.versions.node}`)
  tell('  database   ', shortPath(db.directory))
  tell('  channels   ', `${channels.length} of ${types.size} types: ${[...types].join(', ')}`)
  tell(
    '  pace       ',
    `${vitals.tick.vitals.length} channels at ${hertz} Hz${slow}, one (pulse) at ${whole(hertz * BEATS_PER_TICK)} Hz, ` +
      'and the index channels that time them',
  )
}

function show(db: Database, frame: Frame, cut: Cut): void {
  const times = frame.channels.map((name) => frame.timestamps(name)).filter(({ length }) => length > 0)
  const start = times.map((each) => each[0]!).reduce((a, b) => (a < b ? a : b))
  const end = 1n + times.map((each) => each.at(-1)!).reduce((a, b) => (a > b ? a : b))
  say()
  for (const line of channelTable(frame, db.channels.list(), start, end)) say(line)
  say()
  for (const line of channelPlot(frame, db.channels.get(PLOTTED), start, end)) say(line)
  const second = (date: Date): string =>
    (Number(BigInt(date.getTime()) * 1_000_000n - start) / 1e9).toFixed(1)
  say(paint.dim(`The gap from ${second(cut.start)} to ${second(cut.end)} s is what was deleted.`))
}

function tellWhere(directory: string): void {
  const path = shortPath(directory)
  say()
  tell(
    '',
    `The database stays in ${path} (${contents(directory)}). Remove the folder when you are done with it.`,
  )
  tell('', 'To look into it, save these three lines as look.ts here and run npx tsx look.ts:')
  say()
  say(`  import { open } from './src/index.ts'`)
  say(`  const db = await open('${path.replaceAll(/['\\]/g, String.raw`\$&`)}', { readOnly: true })`)
  say(`  console.table([...(await db.latest(['time', 'cpu', 'own.heap'], 5)).rows()])`)
}

function showProgress(durationMs: number): (recorder: Recorder) => void {
  let shownMs = 0
  return ({ elapsedMs, samples, commits }) => {
    if (elapsedMs - shownMs < (isLive ? 100 : 2000)) return
    shownMs = elapsedMs
    const done = isLive ? `${bar(elapsedMs / durationMs, 24)} ` : ''
    progress(
      `  ${done}${(elapsedMs / 1000).toFixed(1)} s  ${several(samples, 'sample')}, ${several(commits, 'commit')}`,
    )
  }
}

async function timed<T>(what: string, step: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await step()
  say(`  ${what.padEnd(11)}  ${duration(performance.now() - began)}`)
  return result
}

function readArguments(): { directory: string; durationMs: number; help: boolean } {
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, directory: { type: 'string' }, help: { type: 'boolean' } },
  })
  const seconds = Number(values.seconds ?? 8)
  if (!(seconds >= 2 && seconds <= 60)) throw new Usage('--seconds takes a number from 2 to 60')
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const directory = resolve(values.directory ?? `rubidium-demo-${stamp}`)
  if (existsSync(directory)) throw new Usage(`${directory} is there already: name a folder that is not`)
  return { directory, durationMs: seconds * 1000, help: values.help ?? false }
}

/** Whether an error says all in its message: the user can mend it, a stack would not help. */
function isPlain(error: Error & { code?: unknown }): boolean {
  return (
    error instanceof RubidiumError ||
    error instanceof Usage ||
    String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}

try {
  await main()
} catch (error) {
  const { message, stack } = error as Error
  process.stderr.write(`${isPlain(error as Error) ? message : stack}\n`)
  process.exitCode = 1
}
