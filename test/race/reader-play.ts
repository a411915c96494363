// A writer that commits, deletes, collects, retires, dies, is taken over and opened again, and readers that open, read,
// keep snapshots and move forward beside it, on one disk whose operations take effect when the seed says. Each
// reader must see a state that there was, none older than what was acknowledged when it looked, and never go back;
// and it must find what it shows again as long as it shows it. Called by readers.test.ts and readers-soak.ts.

import type { Database, Snapshot } from '../../src/index.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { RubidiumError } from '../../src/errors.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { createGroup, frameOf, timesFrom } from '../pitfalls/stage.ts'
import { Processes } from '../support/processes.ts'
import type { Process } from '../support/processes.ts'
import { contentsOf, keptFor, LIMITS, TUNING } from './reader-scenes.ts'
import type { Ways } from './reading-on.ts'

const NAMES = ['time', 'a', 'b']
const CHANGES = [
  'create',
  'write',
  'truncate',
  'sync',
  'link',
  'remove',
  'makeDirectory',
  'syncDirectory',
] as const

type Check = ReturnType<typeof keptFor>

/** What was committed, state after state. */
class History {
  /** The last of them may not be acknowledged. */
  readonly states: string[] = ['']
  acknowledged = 0
  times: readonly number[] = []

  /** A deed that leads to these times, from its call to its acknowledgement. */
  async deed(times: readonly number[], run: () => Promise<unknown>): Promise<void> {
    this.states.push(times.join(' '))
    await run()
    this.times = times
    this.acknowledged = this.states.length - 1
  }

  /** After a death: what is there now is the last state that was acknowledged, or the one that was on its way. */
  settle(seen: string): void {
    const at = this.states.indexOf(seen, this.acknowledged)
    if (at < 0)
      throw new Error(`after a death there is "${seen}", and not ${this.#candidates(this.acknowledged)}`)
    this.states.length = at + 1
    this.acknowledged = at
    this.times = seen === '' ? [] : seen.split(' ').map(Number)
  }

  /** Number of the first state from `least` on that looks like this. @throws Error where there is none */
  find(seen: string, least: number): number {
    const at = this.states.indexOf(seen, least)
    if (at < 0) throw new Error(`a reader shows "${seen}", and not ${this.#candidates(least)}`)
    return at
  }

  #candidates(least: number): string {
    return this.states
      .slice(least)
      .map((state) => `"${state}"`)
      .join(' or ')
  }
}

/** Plays one seed; returns how readers moved forward. @throws what does not hold */
export async function playReaders(seed: number, deeds: number): Promise<Ways> {
  const random = new SeededRandom(seed)
  const slowness = 1 + random.below(6)
  const scheduler = async (): Promise<void> => {
    for (let turns = random.below(slowness); turns > 0; turns--) {
      if (random.chance(0.5)) await Promise.resolve()
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const processes = new Processes(scheduler, TUNING)
  const play = new Play(processes, random)
  await play.begin()
  const readers = Array.from({ length: 1 + random.below(3) }, () => play.readOn())
  try {
    for (let n = 0; n < deeds; n++) await play.write()
  } finally {
    play.isOver = true
    await Promise.allSettled(readers)
  }
  await Promise.all(readers)
  await play.end()
  return play.ways
}

class Play {
  isOver = false
  readonly ways: Ways = { same: 0, on: 0, anew: 0 }
  readonly #processes: Processes
  readonly #random: SeededRandom
  readonly #history = new History()
  #writer: Process | undefined
  #faults: FaultyFileSystem | undefined
  #next = 1

  constructor(processes: Processes, random: SeededRandom) {
    this.#processes = processes
    this.#random = random
  }

  async begin(): Promise<void> {
    await this.#openWriter()
    await createGroup(this.#now.db, 'time', ['a', 'b'])
    await this.#commit(20)
  }

  /** Everybody has ended: what is left is what the last state needs, and no registration. */
  async end(): Promise<void> {
    await this.#processes.close(this.#now)
    await this.#openWriter()
    const { db } = this.#now
    this.#history.find(await contentsOf(db), this.#history.acknowledged)
    await db.delete(NAMES, {})
    await db.gc({ threshold: 0 })
    await db.gc({ threshold: 0 })
    const left = [...this.#processes.registrations, ...this.#processes.segments]
    if (left.length > 0) throw new Error(`left over: ${left.join(', ')}`)
    const { problems } = await db.verify()
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    await this.#processes.close(this.#now)
    // Those that ended without a word hold their registrations.
    const open = this.#processes.disk.openFiles.filter((path) => !path.includes('/readers/'))
    if (open.length > 0) throw new Error(`left open: ${open.join(', ')}`)
  }

  /** One deed of the writer. */
  async write(): Promise<void> {
    const random = this.#random
    const { db, engine, flusher } = this.#now
    // Time goes by, so that looks go stale.
    this.#processes.elapsedMs += random.below(20)
    const dice = random.below(100)
    if (dice < 35) await this.#commit(random.chance(0.2) ? 30 : 1 + random.below(6))
    else if (dice < 50) await this.#delete()
    else if (dice < 68) await db.gc({ threshold: random.chance(0.7) ? 0 : 0.4 })
    else if (dice < 78) await flusher.flushAll()
    else if (dice < 84) {
      await flusher.flushAll()
      await retireOldest(engine)
    } else if (dice < 88) await checkpointNow(engine)
    else if (dice < 92) {
      await this.#processes.close(this.#now)
      await this.#openWriter()
    } else if (dice < 97) await this.#die()
    else await this.#takeOver()
  }

  /** Reads until the play is over: opens, looks, keeps snapshots, moves forward, closes or dies. */
  async readOn(): Promise<void> {
    const random = this.#random
    const history = this.#history
    while (!this.isOver) {
      let least = history.acknowledged
      const reader = await this.#processes.open({ readOnly: true }, { limits: LIMITS, patience: 500 })
      least = history.find(await contentsOf(reader.db), least)
      let snapshots: { readonly snapshot: Snapshot; readonly seen: string; readonly check: Check }[] = []
      const same = async ({ snapshot, seen, check }: (typeof snapshots)[number]): Promise<void> => {
        check(this.#processes)
        await expectSame(snapshot, seen)
      }
      for (let left = random.below(8); left > 0 && !this.isOver; left--) {
        for (let turns = random.below(20); turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve))
        const dice = random.below(4)
        if (dice === 0)
          snapshots.push({
            snapshot: reader.db.snapshot(),
            seen: await contentsOf(reader.db),
            check: keptFor(reader),
          })
        else if (dice < 3) {
          least = Math.max(least, dice === 1 ? history.acknowledged : 0)
          if (dice === 1) this.ways[await reader.engine.reader!.refresh()]++
          keptFor(reader)(this.#processes)
          least = history.find(await contentsOf(reader.db), least)
        } else {
          for (const each of snapshots) await same(each)
          await snapshots.shift()?.snapshot.close()
        }
      }
      for (const each of snapshots) await same(each)
      snapshots = []
      if (random.chance(0.2)) {
        this.#processes.abandon(reader)
        reader.engine.segments.close()
      } else await this.#processes.close(reader)
    }
  }

  get #now(): Process {
    if (this.#writer === undefined) throw new Error('nobody writes')
    return this.#writer
  }

  async #openWriter(takeover = false): Promise<void> {
    let faults: FaultyFileSystem | undefined
    this.#writer = await this.#processes.open(
      { takeover },
      { limits: LIMITS, wrap: (disk) => (faults = new FaultyFileSystem(disk)) },
    )
    this.#faults = faults
  }

  async #commit(count: number): Promise<void> {
    const { db } = this.#now
    const first = this.#next
    this.#next += count + 1
    const times = timesFrom(first, count)
    await this.#history.deed([...this.#history.times, ...[...times].map(Number)], async () => {
      const writer = await db.openWriter({ channels: NAMES, start: BigInt(first) })
      try {
        await writer.write(frameOf('time', ['a', 'b'], times))
      } finally {
        await writer.close()
      }
    })
  }

  async #delete(): Promise<void> {
    const { db } = this.#now
    const start = this.#random.below(this.#next)
    const end = start + this.#random.below(this.#random.chance(0.3) ? this.#next : 30)
    const left = this.#history.times.filter((time) => time < start || time >= end)
    await this.#history.deed(left, () => db.delete(NAMES, { start: BigInt(start), end: BigInt(end) }))
  }

  /** The writing process dies in the middle of something, and another one opens. */
  async #die(): Promise<void> {
    const writer = this.#now
    const rule = { kind: CHANGES, nth: 1 + this.#random.below(12), times: Infinity, fault: { code: 'EIO' } }
    this.#faults?.addRule(rule)
    const dice = this.#random.below(4)
    try {
      if (dice === 0) await this.#commit(1 + this.#random.below(30))
      else if (dice === 1) await this.#delete()
      else if (dice === 2) await writer.db.gc({ threshold: 0 })
      else await writer.flusher.flushAll()
    } catch (error) {
      if (!(error instanceof RubidiumError)) throw error
    }
    this.#faults?.addRule({ ...rule, nth: 1 })
    await this.#leave(writer)
    await this.#openWriter()
    this.#history.settle(await contentsOf(this.#now.db))
  }

  /** Another process takes over; the one before is told, and changes nothing. */
  async #takeOver(): Promise<void> {
    const old = this.#now
    await this.#openWriter(true)
    for (const call of [() => old.db.delete(NAMES, {}), () => old.db.gc({ threshold: 0 })]) {
      const code = await call().then(
        () => 'done',
        (error: unknown) => (error as RubidiumError).code,
      )
      if (code !== 'LEASE_LOST') throw new Error(`who was overtaken was told "${code}"`)
    }
    await this.#leave(old)
  }

  /** A process that has ended keeps nothing open. */
  async #leave(process: Process): Promise<void> {
    this.#processes.abandon(process)
    await process.db.close({ force: true }).catch(() => {})
  }
}

async function expectSame(from: Database | Snapshot, seen: string): Promise<void> {
  const again = await contentsOf(from)
  if (again !== seen) throw new Error(`a snapshot shows "${again}" instead of "${seen}"`)
}
