// Histories of a writer with groups, writers that stay open, channels that come and go, flushes, deletes,
// collections, retirements, closes and deaths, and a reader that moves forward now and then: what it shows is the
// same, to the last pointer, as what a read-only opening at that moment shows, and its snapshots stay what they
// are. Called by reading-on.test.ts and readers-soak.ts.

import type { Database, Snapshot, Writer } from '../../src/index.ts'
import { RubidiumError } from '../../src/errors.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import type { Engine } from '../../src/database/engine.ts'
import type { Refreshed } from '../../src/database/reader.ts'
import { END_OF_TIME, MIN_TIMESTAMP } from '../../src/telem/timestamp.ts'
import { channelRefOf, partsIn } from '../../src/unary/channel-view.ts'
import { catalogueOf } from '../../src/version/version.ts'
import { Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'
import { LIMITS, TUNING } from './reader-scenes.ts'
import { rangesOf } from '../support/holes.ts'

/** How often a reader moved forward in each way. */
export type Ways = Record<Refreshed, number>

interface OpenWriter {
  readonly writer: Writer
  readonly names: readonly string[]
}

/** Plays one seed, of so many deeds of the writer. @throws Error where the reader shows something else */
export async function playReadingOn(seed: number, deeds: number): Promise<Ways> {
  const play = new Play(new SeededRandom(seed))
  await play.begin()
  for (let n = 0; n < deeds; n++) await play.step()
  await play.end()
  return play.ways
}

class Play {
  readonly ways: Ways = { same: 0, on: 0, anew: 0 }
  readonly #random: SeededRandom
  readonly #processes = new Processes(undefined, TUNING)
  #writer!: Process
  #reader!: Process
  #snapshots: { readonly snapshot: Snapshot; readonly seen: string }[] = []
  #writers: OpenWriter[] = []
  #time = 1
  #channels = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  async begin(): Promise<void> {
    this.#writer = await this.#processes.open({}, { limits: LIMITS })
    await this.#create()
    await this.#create()
    this.#reader = await this.#processes.open({ readOnly: true })
  }

  async end(): Promise<void> {
    await this.#refresh()
    await this.#closeWriters()
    for (const { snapshot } of this.#snapshots) await snapshot.close()
    await this.#processes.end()
  }

  /** One deed of the writer, and perhaps the reader moves forward, or looks at what it keeps. */
  async step(): Promise<void> {
    this.#processes.elapsedMs += this.#random.below(20)
    try {
      await this.#deed()
    } catch (error) {
      // What does not fit is refused: a region that is taken, a channel in use.
      if (!(error instanceof RubidiumError)) throw error
    }
    const dice = this.#random.below(10)
    if (dice < 4) await this.#refresh()
    else if (dice === 4)
      this.#snapshots.push({
        snapshot: this.#reader.db.snapshot(),
        seen: await contentsOf(this.#reader.db),
      })
    else if (dice === 5) await this.#look()
  }

  async #deed(): Promise<void> {
    const random = this.#random
    const { db, engine, flusher } = this.#writer
    const dice = random.below(100)
    if (dice < 40) await this.#write()
    else if (dice < 48) await this.#openWriter()
    else if (dice < 52)
      await this.#writers.splice(random.below(this.#writers.length + 1), 1)[0]?.writer.close()
    else if (dice < 64) await this.#delete()
    else if (dice < 72) await flusher.flushAll()
    else if (dice < 76) await this.#define()
    else if (dice < 80) await this.#create()
    else if (dice < 83) await this.#remove()
    else if (dice < 88) await db.gc({ threshold: random.chance(0.7) ? 0 : 0.4 })
    else if (dice < 92) engine.journal!.roll()
    else if (dice < 95) await retireOldest(engine)
    else if (dice < 97) await checkpointNow(engine)
    else if (dice < 98) await db.sync()
    else await this.#openAgain(dice === 98)
  }

  /** Some channels of a group that there is; the index channel first. */
  #someOfGroup(): string[] {
    const { db } = this.#writer
    const indexes = db.channels.list().filter(({ kind }) => kind === 'index')
    const index = indexes[this.#random.below(indexes.length)]
    if (index === undefined) return []
    const data = db.channels.list().filter((channel) => channel.index === index.name)
    return [index.name, ...data.filter(() => this.#random.chance(0.7)).map(({ name }) => name)]
  }

  async #openWriter(): Promise<void> {
    const names = [
      ...new Set([...this.#someOfGroup(), ...(this.#random.chance(0.3) ? this.#someOfGroup() : [])]),
    ]
    if (names.length === 0) return
    // Where something was deleted there may be room.
    const start = this.#random.chance(0.2) ? this.#random.below(this.#time) : this.#time++
    const autoCommit = this.#random.chance(0.6)
    const writer = await this.#writer.db.openWriter({ channels: names, start: BigInt(start), autoCommit })
    this.#writers.push({ writer, names })
  }

  async #write(): Promise<void> {
    const random = this.#random
    if (this.#writers.length === 0) await this.#openWriter()
    const open = this.#writers[random.below(this.#writers.length)]
    if (open === undefined) return
    // Large ones go to segments at once.
    const count = random.chance(0.15) ? 30 + random.below(40) : 1 + random.below(5)
    const times = BigInt64Array.from({ length: count }, (_, i) => BigInt(this.#time + i))
    this.#time += count + random.below(3)
    const { db } = this.#writer
    const columns = open.names.map((name, at) => {
      if (db.channels.get(name).kind === 'index') return [name, times]
      const values = Array.from(times, (time) => (Number(time) + at) % 100)
      return [name, values]
    })
    await open.writer.write(Object.fromEntries(columns))
    if (random.chance(0.4)) await open.writer.commit()
  }

  async #delete(): Promise<void> {
    const random = this.#random
    const names = this.#someOfGroup()
    const start = random.below(this.#time)
    const end = start + random.below(random.chance(0.2) ? this.#time : 40)
    // Without the index channel its samples stay.
    const taken = random.chance(0.5) ? names.slice(1) : this.#groupOf(names[0])
    if (taken.length > 0) await this.#writer.db.delete(taken, { start: BigInt(start), end: BigInt(end) })
  }

  #groupOf(index: string | undefined): string[] {
    const all = this.#writer.db.channels.list()
    return all.filter(({ name, index: of }) => name === index || of === index).map(({ name }) => name)
  }

  async #create(): Promise<void> {
    const n = ++this.#channels
    const { channels } = this.#writer.db
    const indexes = channels.list().filter(({ kind }) => kind === 'index')
    if (indexes.length < 2 || this.#random.chance(0.2)) {
      const data = { kind: 'data', index: `t${n}` } as const
      await channels.create([
        { name: `t${n}`, kind: 'index' },
        { name: `a${n}`, type: 'float64', ...data },
        { name: `b${n}`, type: 'int8', ...data },
      ])
      return
    }
    const index = indexes[this.#random.below(indexes.length)]!.name
    await channels.create({ name: `c${n}`, kind: 'data', type: 'int32', index })
  }

  async #define(): Promise<void> {
    const { channels } = this.#writer.db
    const [name] = this.#someOfGroup().slice(-1)
    if (name === undefined) return
    if (this.#random.chance(0.5)) await channels.rename(name, `n${++this.#channels}`)
    else if (channels.get(name).kind === 'data') await channels.update(name, { unit: `u${this.#time}` })
    // Writers go on under the names that they were opened with; here they end.
    await this.#closeWriters()
  }

  async #remove(): Promise<void> {
    await this.#closeWriters()
    const names = this.#someOfGroup()
    const [index] = names
    await this.#writer.db.channels.remove(this.#random.chance(0.3) ? this.#groupOf(index) : names.slice(-1))
  }

  async #closeWriters(): Promise<void> {
    for (const { writer } of this.#writers.splice(0)) await writer.close()
  }

  async #openAgain(isDead: boolean): Promise<void> {
    if (isDead) {
      this.#writers = []
      this.#processes.abandon(this.#writer)
    } else {
      await this.#closeWriters()
      await this.#processes.close(this.#writer)
    }
    this.#writer = await this.#processes.open({}, { limits: LIMITS })
  }

  async #refresh(): Promise<void> {
    for (;;) {
      this.ways[await this.#reader.engine.reader!.refresh()]++
      const fresh = await this.#processes.open({ readOnly: true })
      const isSame = fresh.engine.lastLsn === this.#reader.engine.lastLsn
      const [shown, expected] = [stateOf(this.#reader.engine), stateOf(fresh.engine)]
      const [read, readAnew] = [await contentsOf(this.#reader.db), await contentsOf(fresh.db)]
      await this.#processes.close(fresh)
      // The writer flushes beside it, where its memory runs short.
      if (!isSame) continue
      assertSame('a reader shows', shown, expected)
      assertSame('a reader reads', read, readAnew)
      return
    }
  }

  /** What is kept is what it was; the oldest is given up. */
  async #look(): Promise<void> {
    for (const { snapshot, seen } of this.#snapshots) {
      const again = await contentsOf(snapshot)
      assertSame('a snapshot shows', again, seen)
    }
    await this.#snapshots.shift()?.snapshot.close()
  }
}

/** @throws Error with the lines that differ */
function assertSame(what: string, shown: string, expected: string): void {
  const [ours, theirs] = [shown.split('\n'), expected.split('\n')]
  const [more, less] = [
    ours.filter((line) => !theirs.includes(line)),
    theirs.filter((line) => !ours.includes(line)),
  ]
  if (shown !== expected) throw new Error(`${what}\n${more.join('\n')}\ninstead of\n${less.join('\n')}`)
}

/** Everything that is to be read, as text. */
export async function contentsOf(from: Database | Snapshot): Promise<string> {
  const lines: string[] = []
  for (const { name, key } of from.channels.list()) {
    const frame = await from.read(name, {}, { timestamps: true })
    const domains = frame.series(name).map(({ timeRange, length }) => `${timeRange.start}+${length}`)
    lines.push(
      `${key} ${name}: ${[...frame.timestamps(name)].join(' ')} = ${frame.column(name)} (${domains})`,
    )
  }
  return lines.join('\n')
}

/** The state that a read-only process holds, as text: all that must not depend on how it came there. */
export function stateOf(engine: Engine): string {
  const { version, lastLsn, epochShown, groups, segments, tailExtents } = engine
  const catalogue = catalogueOf(version)
  const tails = [...groups.values()].filter(({ runs }) => runs.length > 0).map(({ key }) => key)
  const lines = [
    `epoch ${epochShown}, record ${lastLsn}, version ${version.lsn}, next key ${version.nextKey}, extents ${tailExtents}`,
    `flushed ${JSON.stringify([...version.flushed.entries()])}, tails of ${tails.toSorted((a, b) => a - b).join(', ')}`,
  ]
  for (const [id, { size, live, holes }] of version.segments.entries())
    lines.push(`segment ${id}: ${size}, ${live}, ${JSON.stringify(rangesOf(holes))}`)
  for (const { id, tailLive } of segments.all().sort((a, b) => a.id - b.id)) {
    const isKept = version.segments.get(id) === undefined && tailLive === 0
    if (!isKept) lines.push(`known ${id}: ${tailLive}`)
  }
  for (const channel of catalogue.list) {
    lines.push(JSON.stringify(Object.entries(channel).sort(([a], [b]) => (a < b ? -1 : 1))))
    const ref = channelRefOf(catalogue, channel)
    const view = engine.viewOf(ref.index.key)
    const rows: string[] = []
    for (const part of partsIn(view, ref, MIN_TIMESTAMP, END_OF_TIME)) {
      const begins = part.joined ? '' : 'from '
      if (part.kind === 'extent') {
        const { segment, offset, length, skip, live } = part.pointer
        const place = [segment, offset, length, skip + part.from, part.count, live].join(':')
        lines.push(`  ${begins}${part.start} to ${part.end} ${place}`)
        continue
      }
      // However they are split over pages.
      const { strip, ordinal, from, count } = part
      for (let row = from; row < from + count; row++)
        rows.push(`${row === from ? begins : ''}${strip.times[row]}=${strip.columns[ordinal]![row]}`)
    }
    lines.push(`  ${rows.join(' ')}`)
  }
  return lines.join('\n')
}
