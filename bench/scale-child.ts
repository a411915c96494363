// One life of a process on the database of bench/scale.ts, so that its memory is its own and it can be
// killed: told what to do by its arguments (life, folder, rows a frame, position of the repeat), it says what it
// measured in one message. Whoever started it kills it then, or lets it close. Checks every sample that it reads.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { open } from '../src/index.ts'
import type { Database, GcReport } from '../src/index.ts'
import {
  createChannels,
  FrameBuffer,
  LiveRows,
  NAMES,
  randomNumbers,
  threeColumns,
  timeOf,
} from './scale-data.ts'
import { copyWithout, PlainFile } from './scale-plain.ts'
import { DELETED, MEMORY_BUDGET, ROWS, WINDOW } from './scale-report.ts'
import type {
  DeleteReport,
  LastReport,
  RecoverReport,
  ReadReport,
  Report,
  WindowReport,
  WriteReport,
} from './scale-report.ts'

/** Rows written to another database first, so that code is compiled and the heap has found its size. */
const WARM_UP_ROWS = 100_000

/** Random windows in one life. */
const WINDOWS = 2000

/** The row at which a writer that is to be killed says how far it is. */
const SAID_AT = 1_500_000

const [life, folder, frameRowsText, repeatText] = process.argv.slice(2) as [string, string, string, string]
const frameRows = Number(frameRowsText)
const repeat = Number(repeatText)
const directory = join(folder, 'db')
const plainPath = join(folder, 'plain')
const random = randomNumbers(repeat + 1)

const rss = (): number => process.memoryUsage.rss()

async function openTimed(path = directory): Promise<{ db: Database; openMs: number }> {
  const startMs = performance.now()
  const db = await open(path, { memoryBudget: MEMORY_BUDGET })
  return { db, openMs: performance.now() - startMs }
}

/** Runs what allocates, looking at the resident memory now and then and whenever it says so; the most of it. */
async function watchingMemory(run: (look: () => void) => Promise<void>): Promise<number> {
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, rss())
  }
  look()
  const timer = setInterval(look, 2)
  await run(look)
  clearInterval(timer)
  look()
  return peak
}

/** Hands all frames to `append`; milliseconds in it, and of everything but `look` until `sync` is through. */
async function writeAll(
  rows: number,
  append: (buffer: FrameBuffer, row: number) => Promise<unknown> | undefined,
  sync: () => unknown,
  look: (row: number) => Promise<void> | undefined = () => undefined,
): Promise<{ appendMs: number; allMs: number }> {
  const buffer = new FrameBuffer(frameRows)
  let appendMs = 0
  let lookMs = 0
  const beganMs = performance.now()
  for (let row = 0; row < rows; row += frameRows) {
    buffer.fill(row)
    const startMs = performance.now()
    // A plain append is not awaited: there is nothing to wait for.
    const written = append(buffer, row)
    if (written !== undefined) await written
    const endMs = performance.now()
    appendMs += endMs - startMs
    const looked = look(row)
    if (looked !== undefined) await looked
    lookMs += performance.now() - endMs
  }
  await sync()
  return { appendMs, allMs: performance.now() - beganMs - lookMs }
}

async function write(): Promise<WriteReport> {
  const rssBefore = rss()
  const warm = await openTimed(join(folder, 'warm-up'))
  await createChannels(warm.db)
  const warmWriter = await warm.db.openWriter(NAMES)
  await writeAll(
    WARM_UP_ROWS,
    ({ frame }) => warmWriter.write(frame),
    () => warm.db.sync(),
  )
  await warmWriter.close()
  await warm.db.close()
  rmSync(join(folder, 'warm-up'), { recursive: true })
  const rssBase = rss()

  const plain = async (): Promise<{ appendMs: number; allMs: number }> => {
    const file = new PlainFile(plainPath, 'w', frameRows)
    const took = await writeAll(
      ROWS,
      ({ bytes }) => file.append(bytes),
      () => file.sync(),
    )
    file.close()
    return took
  }
  // In turn, so that neither always finds the quieter disk.
  const plainFirst = repeat % 2 === 1 ? await plain() : undefined
  let ours = { appendMs: 0, allMs: 0 }
  let heldPeak = 0
  const rssPeak = await watchingMemory(async (look) => {
    const { db } = await openTimed()
    await createChannels(db)
    const writer = await db.openWriter(NAMES)
    const lookAtHeld = async (): Promise<void> => {
      heldPeak = Math.max(heldPeak, (await db.stats()).memory.held)
    }
    ours = await writeAll(
      ROWS,
      ({ frame }) => writer.write(frame),
      () => db.sync(),
      (row) => {
        if (row % WINDOW === 0) look()
        return row % (ROWS / 20) === 0 ? lookAtHeld() : undefined
      },
    )
  })
  const theirs = plainFirst ?? (await plain())
  return {
    rssBefore,
    rssBase,
    rssPeak,
    heldPeak,
    writeMs: ours.appendMs,
    syncedMs: ours.allMs,
    plainWriteMs: theirs.appendMs,
    plainSyncedMs: theirs.allMs,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** Random windows of 1,000 rows of 3 channels, beside the same from the plain file; all checked, outside of the times. */
async function readWindows(db: Database, live: LiveRows): Promise<WindowReport> {
  const plain = new PlainFile(plainPath, 'r', frameRows)
  const times: number[] = []
  const plainTimes: number[] = []
  for (let i = 0; i < WINDOWS; i++) {
    const columns = threeColumns(random)
    const at = random(live.count - WINDOW + 1)
    const range = live.rangeOf(at, WINDOW)
    const names = columns.map((column) => NAMES[column]!)
    const startMs = performance.now()
    const frame = await db.read(names, range)
    times.push(performance.now() - startMs)
    live.check(frame, columns, at, WINDOW)

    const row = live.rowAt(at)
    // A window across the deleted stretch is no one stretch of the plain file.
    if (live.rowAt(at + WINDOW - 1) !== row + WINDOW - 1) continue
    const plainStartMs = performance.now()
    const found = columns.map((column) => plain.read(column, row, WINDOW))
    plainTimes.push(performance.now() - plainStartMs)
    columns.forEach((column, k) => live.checkColumn(column, found[k]!, at))
  }
  plain.close()
  return { windows: times.length, windowMs: median(times), plainWindowMs: median(plainTimes) }
}

/** A whole channel through `frames`, and from the plain file in pieces of the same size. Checked outside of the times. */
async function readChannel(
  db: Database,
  look: () => void,
): Promise<{ channelMs: number; plainChannelMs: number }> {
  const live = new LiveRows(ROWS)
  const column = 1 + random(NAMES.length - 1)
  let channelMs = 0
  let row = 0
  let startMs = performance.now()
  for await (const frame of db.frames([NAMES[column]!])) {
    channelMs += performance.now() - startMs
    look()
    const samples = frame.column(NAMES[column]!) as Float64Array
    live.checkColumn(column, samples, row)
    row += samples.length
    startMs = performance.now()
  }
  if (row !== ROWS) throw new Error(`${row} samples in frames of ${ROWS}`)
  const plain = new PlainFile(plainPath, 'r', frameRows)
  let plainChannelMs = 0
  for (let from = 0; from < ROWS; from += 100_000) {
    const plainStartMs = performance.now()
    const samples = plain.read(column, from, 100_000)
    plainChannelMs += performance.now() - plainStartMs
    live.checkColumn(column, samples, from)
  }
  plain.close()
  return { channelMs, plainChannelMs }
}

async function read(): Promise<ReadReport> {
  const { db, openMs } = await openTimed()
  const count = await db.count(NAMES)
  for (const name of NAMES) if (count[name] !== ROWS) throw new Error(`"${name}" has ${count[name]} samples`)
  // At first most windows meet extents whose tables nobody has read yet.
  const firstWindows = await readWindows(db, new LiveRows(ROWS))
  if ((await readEverything(db)) !== ROWS) throw new Error('not every row is there')
  const windows = await readWindows(db, new LiveRows(ROWS))
  let channel = { channelMs: 0, plainChannelMs: 0 }
  // The first pass warms up.
  await readChannel(db, () => {})
  const rssBase = rss()
  const rssPeak = await watchingMemory(async (look) => {
    channel = await readChannel(db, look)
  })
  const { recovery } = await db.stats()
  const closingMs = performance.now()
  await db.close()
  const closeMs = performance.now() - closingMs
  return {
    openMs,
    firstWindowMs: firstWindows.windowMs,
    ...windows,
    ...channel,
    rssBase,
    rssPeak,
    closeMs,
    crashed: recovery?.crashed,
  }
}

/** Reads and checks every sample of every channel; returns how many rows there are. */
async function readEverything(db: Database): Promise<number> {
  const live = new LiveRows(ROWS)
  const columns = NAMES.map((_, i) => i)
  let rows = 0
  for await (const frame of db.frames(NAMES)) {
    const count = frame.count('time')
    live.check(frame, columns, rows, count)
    rows += count
  }
  return rows
}

/** What of a segment file would change if anything were written to it. */
function fingerprints(): Map<string, string> {
  const segments = join(directory, 'segments')
  return new Map(
    readdirSync(segments).map((name) => {
      const { ino, size, mtimeNs } = statSync(join(segments, name), { bigint: true })
      return [name, `${ino} ${size} ${mtimeNs} ${crc32(readFileSync(join(segments, name)))}`]
    }),
  )
}

function diskUsage(): number {
  const segments = join(directory, 'segments')
  return readdirSync(segments).reduce((sum, name) => sum + statSync(join(segments, name)).blocks * 512, 0)
}

/** Windows that begin before the deleted stretch and end behind it. */
async function readAcross(db: Database, live: LiveRows): Promise<void> {
  const columns = NAMES.map((_, i) => i)
  for (const before of [1, 499, 500, 501, WINDOW - 1]) {
    const at = DELETED.from - before
    const frame = await db.read([...NAMES], live.rangeOf(at, WINDOW))
    live.check(frame, columns, at, WINDOW)
    const series = frame.series('c1').length
    if (series !== 2) throw new Error(`${series} series across the deleted stretch instead of 2`)
  }
}

async function deleteAndCollect(): Promise<DeleteReport> {
  const { db, openMs } = await openTimed()
  const range = { start: timeOf(DELETED.from), end: timeOf(DELETED.to) }
  const before = fingerprints()
  const diskBefore = diskUsage()
  const statsBefore = await db.stats()
  const startMs = performance.now()
  const deleted = await db.delete([...NAMES], range)
  const deleteMs = performance.now() - startMs
  const logGrowth = (await db.stats()).log.bytes - statsBefore.log.bytes
  const after = fingerprints()
  const touched = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  )
  const live = new LiveRows(ROWS, DELETED)
  await readAcross(db, live)
  const rssBase = rss()
  let gc: GcReport | undefined
  const gcStartMs = performance.now()
  const rssPeak = await watchingMemory(async () => {
    gc = await db.gc({ threshold: 0 })
  })
  const gcMs = performance.now() - gcStartMs
  const diskAfter = diskUsage()
  await readAcross(db, live)
  const windowsAfter = await readWindows(db, live)
  return {
    openMs,
    deleteMs,
    deleted,
    logGrowth,
    touched,
    gcMs,
    gc: gc!,
    plainCopyMs: copyWithout(plainPath, join(folder, 'copy'), ROWS, DELETED),
    rssBase,
    rssPeak,
    deadBefore: statsBefore.segments.reduce((sum, { dead }) => sum + dead, 0),
    diskBefore,
    diskAfter,
    windowsAfter,
    channels: (await db.stats()).channels,
  }
}

async function last(): Promise<LastReport> {
  const { db, openMs } = await openTimed()
  const live = new LiveRows(ROWS, DELETED)
  await readAcross(db, live)
  const windows = await readWindows(db, live)
  const { recovery, channels } = await db.stats()
  await db.close()
  return { openMs, ...windows, crashed: recovery?.crashed, channels }
}

async function interrupted(): Promise<never> {
  const { db } = await openTimed()
  await createChannels(db)
  const writer = await db.openWriter(NAMES)
  await writeAll(
    ROWS,
    ({ frame }) => writer.write(frame),
    () => {},
    (row) => {
      if (row === SAID_AT) process.send!({ rows: row + frameRows })
      // The message leaves when the loop turns.
      return row % 10_000 === 0 ? turn() : undefined
    },
  )
  throw new Error('nobody came to kill this process')
}

async function recover(): Promise<RecoverReport> {
  let opened: { db: Database; openMs: number } | undefined
  const rssBase = rss()
  const rssPeak = await watchingMemory(async () => {
    opened = await openTimed()
  })
  const { db, openMs } = opened!
  const { recovery } = await db.stats()
  const rows = await readEverything(db)
  await db.close()
  return { openMs, crashed: recovery?.crashed, rows, rssBase, rssPeak }
}

const LIVES: Record<string, () => Promise<Report>> = {
  write,
  read,
  delete: deleteAndCollect,
  last,
  interrupted,
  recover,
}
const report = await LIVES[life]!()
// Stays until it is killed or let go: the message may be on its way still.
process.on('message', () => process.disconnect())
process.send!(report)
