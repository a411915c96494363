// Races for as long as wanted: `npx tsx test/race/soak.ts --minutes 10 [--seed 1] [--what histories|matrix|closing|live]`.
// Each seed in turn plays a history (a long one now and then), a row of the race matrix and a close amid everything;
// a tenth of the time goes to deletes behind a live writer on a real disk. Prints what it did, each failure, and the
// command that shows it again: `--what ... --replay SEED [--operations N]`; those deletes take no seed, and are run as
// long again. Ends with 1 where something failed.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { open } from '../../src/index.ts'
import { check } from './checker.ts'
import { closeAmid } from './closing.ts'
import { writeAndRetain } from './live-deletes.ts'
import { race } from './matrix.ts'
import { NAMES } from './matrix-table.ts'
import { play } from './play.ts'
import { Schedule } from './schedule.ts'

/** Failures after which there is no use in going on. */
const ENOUGH = 10

/** Operations of most histories, and of every fiftieth. */
const USUAL = 120
const LONG = 4000

const SEGMENT_SIZE = 1 << 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    what: { type: 'string', default: 'all' },
    replay: { type: 'string' },
    operations: { type: 'string' },
  },
})

const tally = { histories: 0, operations: 0, steps: 0, widest: 0, races: 0, closes: 0, failures: 0 }

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function report(what: string, seed: number, wrong: string | undefined, more = ''): void {
  if (wrong === undefined) return
  fail(`${what}, seed ${seed}: ${wrong}`, `--what ${what} --replay ${seed}${more}`)
}

function fail(wrong: string, again: string): void {
  tally.failures++
  say(`FAILED ${wrong}`)
  say(`  again: npx tsx test/race/soak.ts ${again}`)
}

async function playHistory(seed: number, operations: number): Promise<void> {
  const { history, steps } = await play(seed, operations)
  const { violation, widest } = check(history)
  tally.histories++
  tally.operations += history.operations.length
  tally.steps += steps
  tally.widest = Math.max(tally.widest, widest)
  report('histories', seed, violation, ` --operations ${operations}`)
}

/** One operation against each: which one the seed says. */
async function raceRow(seed: number): Promise<void> {
  const name = NAMES[seed % NAMES.length]!
  for (const other of NAMES) {
    const wrong = await race([name, other], new Schedule(seed))
    tally.races++
    report('matrix', seed, wrong === undefined ? undefined : `${name} x ${other}: ${wrong}`)
  }
}

async function close(seed: number): Promise<void> {
  tally.closes++
  report('closing', seed, await closeAmid(seed))
}

async function retain(seconds: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rubidium-race-'))
  try {
    const db = await open(directory, { segmentSize: SEGMENT_SIZE, memoryBudget: 1 << 22 })
    const until = performance.now() + seconds * 1000
    // Every few milliseconds.
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3))
    const done = await writeAndRetain(db, SEGMENT_SIZE, turn, () => performance.now() > until)
    say(`deletes behind a live writer: ${JSON.stringify(done)}`)
    const { problems } = await db.verify()
    if (problems.length > 0) throw new Error(`not sound: ${JSON.stringify(problems)}`)
    await db.close()
  } catch (error) {
    fail(`live: ${String((error as Error).stack)}`, `--what live --minutes ${seconds / 60}`)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function all(seed: number, what: string): Promise<void> {
  const operations = Number(values.operations ?? (seed % 50 === 0 ? LONG : USUAL))
  if (what === 'all' || what === 'histories') await playHistory(seed, operations)
  if (what === 'matrix' || (what === 'all' && seed % 20 === 0)) await raceRow(seed)
  if (what === 'closing' || (what === 'all' && seed % 10 === 0)) await close(seed)
}

process.on('unhandledRejection', (error) => {
  tally.failures++
  say(`an unhandled rejection: ${String((error as Error).stack)}`)
})

const { what } = values
const seconds = Number(values.minutes) * 60
if (values.replay !== undefined) await all(Number(values.replay), what)
else {
  const live = what === 'live' ? seconds : what === 'all' ? seconds / 10 : 0
  if (live > 0) await retain(live)
  const until = performance.now() + (seconds - live) * 1000
  let seed = Number(values.seed)
  for (; performance.now() < until && tally.failures < ENOUGH; seed++) await all(seed, what)
  const first = Number(values.seed)
  say(seed === first ? 'no seeds: deletes behind a live writer take none' : `seeds ${first} to ${seed - 1}`)
}
say(JSON.stringify(tally))
process.exitCode = tally.failures > 0 ? 1 : 0
