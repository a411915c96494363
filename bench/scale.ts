// Does it hold at scale? 20 million samples (an index channel and 9 float64 channels, 2 million rows) in
// frames of 1,000 rows with a memory budget of 32 MiB: memory, windows, a delete of the middle tenth, a
// collection, opening again after a close and after a kill, each beside plain fs on the same bytes in
// the same run. Every claim is checked; one that does not hold is named, and the exit code is 1. Durability
// 'batched'; whether a figure includes a sync is said beside it. Times are medians of the repeats; claims about
// times are held against the fastest, since what else the machine does only adds to it.
//
//   npx tsx bench/scale.ts [repeats, 5 unless said] [folder for the files, a temporary one unless said]

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { NAMES } from './scale-data.ts'
import { DELETED, MEMORY_BUDGET, ROWS } from './scale-report.ts'
import type { Reports } from './scale-report.ts'

const MIB = 1024 * 1024
const FRAME = 1000
/** Small enough to be held in memory until a flush: the budget is what bounds them. */
const SMALL_FRAME = 100

/** "Well under a second". */
const OPEN_LIMIT_MS = 500

const repeats = Number(process.argv[2] ?? 5)
if (!Number.isSafeInteger(repeats) || repeats < 1) throw new Error('The number of repeats must be 1 or more')
const root = process.argv[3] ?? tmpdir()
const script = fileURLToPath(new URL('scale-child.ts', import.meta.url))

/** Runs one life of the child to its message; then it is killed on the spot, or ends by itself. */
async function live<L extends keyof Reports>(
  life: L,
  folder: string,
  frame: number,
  repeat: number,
  end: 'kill' | 'let go',
): Promise<Reports[L]> {
  const child = fork(script, [life, folder, String(frame), String(repeat)], { execArgv: ['--import', 'tsx'] })
  const exited = once(child, 'exit')
  const report = await Promise.race([
    once(child, 'message').then(([message]) => message as Reports[L]),
    exited.then(([code]) => {
      throw new Error(`"${life}" failed with exit code ${String(code)}`)
    }),
  ])
  if (end === 'kill') child.kill('SIGKILL')
  else child.send('go')
  await exited
  return report
}

interface Round {
  readonly write: Reports['write']
  readonly read: Reports['read']
  readonly delete: Reports['delete']
  readonly last: Reports['last']
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(root, 'rubidium-scale-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function round(repeat: number): Promise<Round> {
  return inFolder(async (folder) => ({
    write: await live('write', folder, FRAME, repeat, 'kill'),
    read: await live('read', folder, FRAME, repeat, 'let go'),
    delete: await live('delete', folder, FRAME, repeat, 'kill'),
    last: await live('last', folder, FRAME, repeat, 'let go'),
  }))
}

const rounds: Round[] = []
for (let i = 0; i < repeats; i++) rounds.push(await round(i))
/** Killed in the middle of writing; what was acknowledged before must be there. */
const killed: { interrupted: Reports['interrupted']; recover: Reports['recover'] }[] = []
for (let i = 0; i < repeats; i++) {
  killed.push(
    await inFolder(async (folder) => ({
      interrupted: await live('interrupted', folder, FRAME, i, 'kill'),
      recover: await live('recover', folder, FRAME, i, 'let go'),
    })),
  )
}
const small = await inFolder(async (folder) => ({
  write: await live('write', folder, SMALL_FRAME, 0, 'kill'),
  read: await live('read', folder, SMALL_FRAME, 0, 'let go'),
}))

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

function median(of: (round: Round) => number): number {
  return medianOf(rounds.map(of))
}

function most(of: (round: Round) => number): number {
  return Math.max(...rounds.map(of))
}

function least(of: (round: Round) => number): number {
  return Math.min(...rounds.map(of))
}

const samples = ROWS * NAMES.length
const deletedSamples = (DELETED.to - DELETED.from) * NAMES.length
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
const mib = (value: number): string => `${(value / MIB).toFixed(1)} MiB`
const perSecond = (count: number, inMs: number): string => `${(count / inMs / 1000).toFixed(1)} M samples/s`

const rows: { what: string; Rubidium: string; 'plain fs': string; ratio: string }[] = []

/** A line of the table; the ratio says how many times the plain file's time ours is. */
function compare(what: string, ours: number, theirs: number, show: (value: number) => string): void {
  rows.push({ what, Rubidium: show(ours), 'plain fs': show(theirs), ratio: (ours / theirs).toFixed(2) })
}

function tell(what: string, Rubidium: string): void {
  rows.push({ what, Rubidium, 'plain fs': '', ratio: '' })
}

compare(
  'write 20 M samples, handed to the system',
  median(({ write }) => write.writeMs),
  median(({ write }) => write.plainWriteMs),
  (value) => `${ms(value)}, ${perSecond(samples, value)}`,
)
compare(
  'the same with making the values and a sync',
  median(({ write }) => write.syncedMs),
  median(({ write }) => write.plainSyncedMs),
  ms,
)
const micros = (value: number): string => `${(value * 1000).toFixed(0)} us`
compare(
  'the first random windows, 1,000 rows x 3 channels',
  median(({ read }) => read.firstWindowMs),
  median(({ read }) => read.plainWindowMs),
  micros,
)
compare(
  'random windows when all was read once',
  median(({ read }) => read.windowMs),
  median(({ read }) => read.plainWindowMs),
  micros,
)
compare(
  'the same after the collection (merged)',
  median(({ delete: { windowsAfter } }) => windowsAfter.windowMs),
  median(({ delete: { windowsAfter } }) => windowsAfter.plainWindowMs),
  micros,
)
compare(
  'a whole channel through frames',
  median(({ read }) => read.channelMs),
  median(({ read }) => read.plainChannelMs),
  (value) => `${ms(value)}, ${perSecond(ROWS, value)}`,
)
tell('delete of the middle tenth, all channels', ms(median((each) => each.delete.deleteMs)))
compare(
  'collection, synced, beside copying the rest',
  median((each) => each.delete.gcMs),
  median((each) => each.delete.plainCopyMs),
  ms,
)
const killedMs = medianOf(killed.map(({ recover }) => recover.openMs))
tell('open after a kill in the middle of writing', ms(killedMs))
tell('open after a kill behind a sync of all', ms(median(({ read }) => read.openMs)))
tell(`the same with frames of ${SMALL_FRAME} rows`, ms(small.read.openMs))
tell('open after a clean close', ms(median((each) => each.delete.openMs)))
tell('open after a kill behind the collection', ms(median((each) => each.last.openMs)))
tell('close', ms(median(({ read }) => read.closeMs)))
const growth = ({ rssPeak, rssBase }: { rssPeak: number; rssBase: number }): number => rssPeak - rssBase
const writeGrowth = most(({ write }) => growth(write))
const smallGrowth = growth(small.write)
tell(
  `memory while writing (before all: ${mib(most(({ write }) => write.rssBefore))})`,
  `+ ${mib(writeGrowth)}`,
)
tell(`memory while writing frames of ${SMALL_FRAME} rows`, `+ ${mib(smallGrowth)}`)
tell('memory while reading a channel', `+ ${mib(most(({ read }) => growth(read)))}`)
tell('memory while recovering', `+ ${mib(Math.max(...killed.map(({ recover }) => growth(recover))))}`)
tell('memory while collecting', `+ ${mib(most((each) => growth(each.delete)))}`)
console.table(rows)

const claims: { claim: string; found: string; holds: boolean }[] = []

function claim(text: string, found: string, holds: boolean): void {
  claims.push({ claim: text, found, holds })
}

claim(
  'resident memory grows by less than 150 MiB while writing',
  mib(Math.max(writeGrowth, smallGrowth)),
  Math.max(writeGrowth, smallGrowth) < 150 * MIB,
)
const fullGrowth = Math.max(
  most(({ write }) => write.rssPeak - write.rssBefore),
  small.write.rssPeak - small.write.rssBefore,
)
claim('and with what the warm-up took', mib(fullGrowth), fullGrowth < 150 * MIB)
const held = Math.max(
  small.write.heldPeak,
  most(({ write }) => write.heldPeak),
)
claim('samples held in memory stay within the budget', mib(held), held <= MEMORY_BUDGET)
const windows = rounds.reduce(
  (sum, each) => sum + each.read.windows + each.delete.windowsAfter.windows + each.last.windows,
  small.read.windows,
)
claim('random windows are bit for bit what was written', `${windows} windows`, windows > 0)
const touched = rounds.flatMap((each) => each.delete.touched)
claim(
  'the delete touches no segment file',
  touched.length === 0 ? 'none' : touched.join(', '),
  touched.length === 0,
)
const logGrowth = most((each) => each.delete.logGrowth)
claim('and writes no more than a record', `${logGrowth} bytes of log`, logGrowth < 100_000)
const isWhole = rounds.every(({ delete: { deleted } }) =>
  NAMES.every((name) => deleted.samples[name] === DELETED.to - DELETED.from),
)
claim('the delete removes the middle tenth of every channel', `${deletedSamples} samples`, isWhole)
const deleteMs = least((each) => each.delete.deleteMs)
claim('and takes milliseconds', ms(deleteMs), deleteMs < 50)
const share = least(
  ({ delete: { gc, deadBefore, deleted } }) => (gc.bytesReclaimed - deadBefore) / deleted.bytes,
)
claim(
  'gc({ threshold: 0 }) returns at least 95 % of its bytes',
  `${(100 * share).toFixed(1)} %`,
  share >= 0.95,
)
const diskShare = least(
  ({ delete: { diskBefore, diskAfter, deadBefore, deleted } }) =>
    (diskBefore - diskAfter - deadBefore) / deleted.bytes,
)
claim('and so do the blocks on disk', `${(100 * diskShare).toFixed(1)} %`, diskShare >= 0.95)
const isKept = killed.every(({ interrupted, recover }) => recover.rows >= interrupted.rows)
const kept = killed.map(({ interrupted, recover }) => `${recover.rows} of ${interrupted.rows}`)
claim('a kill in the middle loses no acknowledged row', kept.join(', '), isKept)
const crashes =
  rounds.every(({ read, last }) => read.crashed === true && last.crashed === true) &&
  killed.every(({ recover }) => recover.crashed === true)
claim('every kill was met as a crash', String(crashes), crashes)
const same = rounds.every((each) => isDeepStrictEqual(each.delete.channels, each.last.channels))
claim('opened again, it is the same', String(same), same)
const openMs = Math.max(
  Math.min(...killed.map(({ recover }) => recover.openMs)),
  least(({ read }) => read.openMs),
  least((each) => each.delete.openMs),
  least((each) => each.last.openMs),
)
claim('opening takes well under a second', ms(openMs), openMs < OPEN_LIMIT_MS)
console.table(claims)

const broken = claims.filter(({ holds }) => !holds)
for (const { claim: text, found } of broken) console.error(`does not hold: ${text}: ${found}`)
process.exitCode = broken.length > 0 ? 1 : 0
