// A process that writes a database, or reads it beside one that does, until it is killed. Arguments: what, the
// folder, a seed. RUBIDIUM_NO_OS_LOCK=1 leaves the operating system's locks out.
//
//   write  says what it found ("= first end"); commits rows one after another, deletes from the front, collects, closes
//          and opens again; says "> end" before a commit, "< end" behind it, and "- first" behind a delete
//   read   answers each line it is sent with what it shows, "= first end": "refresh" moves forward first, "hold" keeps
//          a snapshot, "drop" looks at all snapshots once more and closes them, "close" closes and ends; a row that is
//          missing, or does not go with the others, ends it with 1
//
// Rows lie at 1 ns, 2 ns and so on: what there is are those from `first` to `end`, the end not included.

import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import type { Database, Snapshot } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import { openIn } from '../../src/database/public.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { say, SMALL } from './child-work.ts'

const [what, directory, seed] = process.argv.slice(2) as [string, string, string]
const random = new SeededRandom(Number(seed))
const NAMES = ['time', 'a', 'b']

interface Rows {
  readonly first: number
  readonly end: number
}

async function open(options: Partial<OpenOptions> = {}): Promise<Database> {
  return openIn({ ...(await systemEnvironment()), tuning: SMALL }, directory, {
    memoryBudget: 1 << 20,
    segmentSize: 1 << 20,
    syncInterval: '20ms',
    gc: false,
    ...options,
  })
}

/** What is there; `before` is where an empty database would go on. @throws Error where it is no stretch of whole rows */
async function rowsOf(db: Database | Snapshot, before: Rows): Promise<Rows> {
  const frame = await db.read(NAMES)
  const times = frame.column('time') as BigInt64Array
  const [a, b] = [frame.column('a'), frame.column('b')]
  const first = times.length === 0 ? before.end : Number(times[0])
  const isWhole = times.every(
    (time, i) => Number(time) === first + i && a[i] === Number(time) * 0.5 && b[i] === Number(time & 255n),
  )
  if (!isWhole || a.length !== times.length || b.length !== times.length)
    throw new Error(`rows are missing, or do not go together: ${times.length} from ${first} on`)
  return { first, end: first + times.length }
}

function frameOf(first: number, count: number): Record<string, BigInt64Array | Float64Array | Uint8Array> {
  const time = BigInt64Array.from({ length: count }, (_, i) => BigInt(first + i))
  return {
    time,
    a: Float64Array.from(time, (each) => Number(each) * 0.5),
    b: Uint8Array.from(time, (each) => Number(each & 255n)),
  }
}

async function write(): Promise<void> {
  let db = await open()
  if (db.channels.find('time') === undefined)
    await db.channels.create([
      { name: 'time', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 'time' },
      { name: 'b', kind: 'data', type: 'uint8', index: 'time' },
    ])
  const found = await rowsOf(db, { first: 1, end: Number(process.argv[5] ?? 1) })
  let { first, end } = found
  say(`= ${first} ${end}`)
  for (;;) {
    const dice = random.below(100)
    if (dice < 75) {
      const writer = await db.openWriter({ channels: NAMES, start: BigInt(end) })
      for (let left = 1 + random.below(20); left > 0; left--) {
        const count = random.below(8) === 0 ? 200 + random.below(400) : 1 + random.below(20)
        say(`> ${end + count}`)
        await writer.write(frameOf(end, count))
        end += count
        say(`< ${end}`)
      }
      await writer.close()
    } else if (dice < 85) {
      first = Math.max(first, end - random.below(4000))
      await db.delete(NAMES, { end: BigInt(first) })
      say(`- ${first}`)
    } else if (dice < 97) await db.gc({ threshold: random.chance(0.5) ? 0 : 0.5 })
    else {
      await db.close({ force: true })
      db = await open()
    }
    await turn()
  }
}

async function read(): Promise<void> {
  const db = await open({ readOnly: true })
  let shown = await rowsOf(db, { first: 1, end: 1 })
  let held: { readonly snapshot: Snapshot; readonly rows: Rows }[] = []
  say(`= ${shown.first} ${shown.end}`)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'close') break
    if (line === 'refresh') await db.refresh()
    if (line === 'hold') held.push({ snapshot: db.snapshot(), rows: shown })
    if (line === 'drop') {
      for (const { snapshot, rows } of held) {
        const again = await rowsOf(snapshot, rows)
        if (again.first !== rows.first || again.end !== rows.end) throw new Error('a snapshot has changed')
        await snapshot.close()
      }
      held = []
    }
    shown = await rowsOf(db, shown)
    say(`= ${shown.first} ${shown.end}`)
  }
  await db.close({ force: true })
}

await (what === 'write' ? write() : read())
process.exit(0)
