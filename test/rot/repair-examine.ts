// Repairs a damaged store and holds what comes of it against what was ever there (0009): nothing is invented,
// nothing is lost that is not told, what an opening would show is salvaged whole but for what is damaged, and
// the damaged store stays as it is, byte for byte. Used by repair.test.ts and repair-soak.ts.

import type { Database, RepairReport } from '../../src/index.ts'
import { openIn } from '../../src/database/public.ts'
import { repairIn } from '../../src/database/repair/repair.ts'
import { CorruptionError, NotADatabaseError, UnsupportedVersionError } from '../../src/errors.ts'
import type { RubidiumError } from '../../src/errors.ts'
import { isHeaderWhole } from '../../src/codec/file-header.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY, rest } from '../crash/machine.ts'
import type { ModelState } from '../crash/model.ts'
import { describe, SMALL } from '../crash/session.ts'
import { damaged, filesOf, nameOf } from './damage.ts'
import type { Damage } from './damage.ts'
import { allowedStates, changesOf, touches, touchesAny } from './expected.ts'
import type { Changes } from './expected.ts'
import { RotMachine } from './machine.ts'
import { OPTIONS } from './stores.ts'
import type { Store } from './stores.ts'

/** Where the repaired database goes. */
const TARGET = '/srv/repaired'

const LIMITS = { segmentSize: OPTIONS.segmentSize, memoryBudget: 256 * 1024, syncIntervalMs: 2 ** 30 }

/** What came of a repair. */
export interface RepairOutcome {
  readonly failures: readonly string[]
  /** In a word. */
  readonly outcome: string
  /** Of the samples that were there when the store was damaged: how many there were, and how many were salvaged. */
  readonly samples: number
  readonly salvaged: number
}

/** By channel key. */
type Samples = ReadonlyMap<number, ReadonlyMap<bigint, string>>

/** By channel key: the first sample of each domain of the target. */
type Domains = ReadonlyMap<number, ReadonlySet<bigint>>

/** Repairs the store after one damage, or after files were removed (paths relative to its folder). */
export async function examineRepair(
  store: Store,
  damage: Damage | readonly string[],
): Promise<RepairOutcome> {
  const disk = 'kind' in damage ? damaged(store, damage) : await without(store, damage)
  const name = 'kind' in damage ? nameOf(damage) : `remove:${damage.join(':')}`
  const found = disk.clone()
  try {
    const examination = new RepairExamination(store, 'kind' in damage ? damage : undefined, found, disk)
    return { failures: [], ...(await examination.run()) }
  } catch (error) {
    const what =
      error instanceof Wrong ? error.message : `${describe(error)}\n${(error as Error).stack ?? ''}`
    const failure = `${store.name},${store.ending} ${name} (repair): ${what}`
    return { failures: [failure], outcome: 'wrong', samples: 0, salvaged: 0 }
  }
}

/** Which files may be gone: each, all of a kind, all logs. */
export function removals(store: Store): (readonly string[])[] {
  const files = filesOf(store.disk)
  const of = (...folders: string[]): string[] =>
    files.filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
  const sets = [of('manifest'), of('journal'), of('segments'), of('manifest', 'journal')]
  return [...files.map((path) => [path]), ...sets.filter((set) => set.length > 0)]
}

async function without(store: Store, paths: readonly string[]): Promise<MemoryFileSystem> {
  const disk = store.disk.clone()
  for (const path of paths) await disk.remove(`${DIRECTORY}/${path}`)
  return disk
}

/** The repair broke its promise. */
class Wrong extends Error {}

class RepairExamination {
  readonly #store: Store
  readonly #damage: Damage | undefined
  readonly #found: MemoryFileSystem
  readonly #disk: MemoryFileSystem
  readonly #changes: Changes

  constructor(store: Store, damage: Damage | undefined, found: MemoryFileSystem, disk: MemoryFileSystem) {
    this.#store = store
    this.#damage = damage
    this.#found = found
    this.#disk = disk
    this.#changes = damage === undefined ? new Map() : changesOf(store, disk)
  }

  async run(): Promise<Omit<RepairOutcome, 'failures'>> {
    const newest = samplesOf(this.#store.states.at(-1)!.state, this.#store)
    const samples = countOf(newest)
    const machine = RotMachine.opener(this.#disk, this.#store.ending !== 'restarted')
    const environment = machine.environment({ ...SMALL, ...OPTIONS.tuning })
    let report: RepairReport
    try {
      report = await repairIn(environment, DIRECTORY, TARGET, {}, LIMITS)
    } catch (error) {
      this.#judgeRefusal(error)
      return { outcome: `refused: ${(error as RubidiumError).code}`, samples, salvaged: 0 }
    } finally {
      this.#checkUnchanged()
    }
    JSON.stringify(report)
    const db = await openIn(environment, TARGET)
    try {
      const { samples: target, domains } = await readTarget(db)
      this.#checkReport(report, target, db)
      this.#checkNothingInvented(target)
      if (report.source === 'opened') this.#checkAsOpened(report, target, domains)
      else {
        this.#checkNothingSilent(report, target, newest)
        this.#checkRecordsTold(report)
      }
      // Where sound records follow what an opening cuts, their deletes count too.
      if (this.#store.ending === 'restarted' && report.source === 'opened')
        await this.#checkAgainstOpening(target)
      return { outcome: outcomeOf(report), samples, salvaged: common(target, newest) }
    } finally {
      await db.close({ force: true })
      await rest()
    }
  }

  #judgeRefusal(error: unknown): void {
    const isNamed = this.#found
      .files()
      .some(
        (path) =>
          /\/(manifest|journal|segments)\//.test(path) && isHeaderWhole(this.#found.snapshotBytes(path)),
      )
    const isNothing = error instanceof NotADatabaseError || error instanceof CorruptionError
    if (!isNothing || isNamed)
      throw new Wrong(`the repair ended with ${describe(error)}\n${(error as Error).stack ?? ''}`)
    if (this.#disk.files().some((path) => path.startsWith(TARGET)))
      throw new Wrong('a refused repair leaves files')
  }

  #checkUnchanged(): void {
    const own = (disk: MemoryFileSystem): string[] =>
      disk.files().filter((path) => path.startsWith(`${DIRECTORY}/`))
    if (own(this.#disk).join() !== own(this.#found).join())
      throw new Wrong(`other files than before: ${own(this.#disk).join()}`)
    for (const path of own(this.#found)) {
      const [before, after] = [this.#found.snapshotBytes(path), this.#disk.snapshotBytes(path)]
      if (Buffer.compare(before, after) !== 0) throw new Wrong(`the repair changed "${path}"`)
    }
  }

  #checkReport(report: RepairReport, target: Samples, db: Database): void {
    for (const { key, name } of db.channels.list()) {
      const told = report.channels.find(({ channel }) => channel === name)
      if (told?.samples !== target.get(key)!.size) throw new Wrong(`the report counts "${name}" otherwise`)
      const lost = report.lost.filter(({ channel }) => channel === name)
      if (lost.reduce((sum, { samples }) => sum + samples, 0) !== told.lost)
        throw new Wrong(`the report counts the losses of "${name}" otherwise`)
    }
    if (report.channels.length !== db.channels.list().length) throw new Wrong('the report has other channels')
    if (report.complete && (report.lost.length > 0 || report.untold.length > 0))
      throw new Wrong('complete, and not')
  }

  #checkNothingInvented(target: Samples): void {
    for (const [key, samples] of target) {
      const ever = everOf(this.#store).get(key)
      for (const [time, value] of samples) {
        if (ever?.get(time)?.has(value) !== true)
          throw new Wrong(`channel ${key} has ${time}=${value}, which was never there`)
      }
    }
  }

  /** It is what an opening shows, but for what is reported as lost. */
  #checkAsOpened(report: RepairReport, target: Samples, domains: Domains): void {
    if (report.mayHoldDeleted) throw new Wrong('it opens, and may hold what was deleted')
    const allowed =
      this.#damage === undefined
        ? this.#store.states.map(({ state }) => state)
        : allowedStates(this.#store, this.#damage, this.#changes)
    if (
      this.#damage !== undefined &&
      !touchesAny(this.#changes, 'segments') &&
      report.lost.length > 0 &&
      this.#damage.kind !== 'twin'
    )
      throw new Wrong(
        `nothing of a segment is damaged, and something is lost: ${JSON.stringify(report.lost)}`,
      )
    const differences: string[] = []
    for (const state of allowed) {
      const difference = this.#differenceTo(state, report, target, domains)
      if (difference === undefined) return
      differences.push(difference)
    }
    // Where a power loss may have taken bytes, each group is of the state in which more of it is sound.
    const mayBeBad = this.#damage === undefined || touchesAny(this.#changes, 'segments')
    const isMixed = this.#store.ending === 'restarted' && mayBeBad
    if (isMixed && this.#isOfSeveral(allowed, report, target, domains)) return
    throw new Wrong(`the target is not what an opening shows: ${differences.join('; ')}`)
  }

  #differenceTo(
    state: ModelState,
    report: RepairReport,
    target: Samples,
    domains: Domains,
  ): string | undefined {
    const keys = keysOf(state, this.#store)
    if (keys.join() !== [...target.keys()].join()) return `channels ${[...target.keys()].join()}`
    for (const [i, channel] of state.entries()) {
      const difference = this.#differenceOf(channel, target.get(keys[i]!)!, domains.get(keys[i]!)!, report)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  #differenceOf(
    channel: ModelState[number],
    found: ReadonlyMap<bigint, string>,
    firsts: ReadonlySet<bigint>,
    report: RepairReport,
  ): string | undefined {
    const { name, samples } = channel
    for (const [time, value] of found) {
      const wanted = samples.get(time)?.value
      if (wanted !== value) return `"${name}" has ${time}=${value}, and not ${wanted}`
    }
    const parted = this.#differenceOfDomains(channel, found, firsts)
    if (parted !== undefined) return parted
    const missing = [...samples.keys()].filter((time) => !found.has(time))
    const lost = report.lost.filter((range) => range.channel === name)
    const told = lost.reduce((sum, range) => sum + range.samples, 0)
    if (told !== missing.length) return `"${name}" misses ${missing.length} samples, ${told} are told`
    const silent = missing.find((time) => !lost.some((range) => isIn(time, range)))
    return silent === undefined ? undefined : `"${name}" misses ${silent}, which is in no range that is told`
  }

  #isOfSeveral(
    allowed: readonly ModelState[],
    report: RepairReport,
    target: Samples,
    domains: Domains,
  ): boolean {
    const newest = allowed.reduce((most, each) => (each.length > most.length ? each : most))
    return keysOf(newest, this.#store).every((key, i) => {
      const found = target.get(key)
      const { name } = newest[i]!
      const states = allowed.flatMap((state) => state.find((each) => each.name === name) ?? [])
      return (
        found !== undefined &&
        states.some((each) => this.#differenceOf(each, found, domains.get(key)!, report) === undefined)
      )
    })
  }

  /** What an opening shows, and reads can be had of, is salvaged. */
  async #checkAgainstOpening(target: Samples): Promise<void> {
    const disk = this.#found.clone()
    const environment = RotMachine.opener(disk, false).environment({ ...SMALL, ...OPTIONS.tuning })
    let db: Database
    try {
      db = await openIn(environment, DIRECTORY)
    } catch {
      return
    }
    try {
      const { samples } = await readTarget(db)
      if (countOf(samples) > countOf(target))
        throw new Wrong(`an opening shows ${countOf(samples)} samples, ${countOf(target)} were salvaged`)
    } catch (error) {
      // A read that is refused: what an opening shows is not told by it.
      if (!(error instanceof CorruptionError) && !(error instanceof UnsupportedVersionError)) throw error
    } finally {
      await db.close({ force: true })
      await rest()
    }
  }

  /** A domain ends where it did, and where samples are missing. */
  #differenceOfDomains(
    { name, samples }: ModelState[number],
    found: ReadonlyMap<bigint, string>,
    firsts: ReadonlySet<bigint>,
  ): string | undefined {
    let isBehindGap = true
    for (const [time, { goesOn }] of [...samples].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!found.has(time)) {
        isBehindGap = true
        continue
      }
      if (firsts.has(time) !== (isBehindGap || !goesOn)) return `"${name}" has another domain at ${time}`
      isBehindGap = false
    }
    return undefined
  }

  /** Every record that is damaged, and needed, is among those that are told as lost, or behind the last that is known. */
  #checkRecordsTold({ untold }: RepairReport): void {
    const { records, covers } = this.#store
    const whats = untold.map(({ what }) => what)
    if (whats.some((what) => what.startsWith('no log could be read'))) return
    const ranges = whats.flatMap((what) => {
      const [, from, to = from] = /\brecords? (\d+)(?: to (\d+))? (?:is|are) (?:lost|sound)/.exec(what) ?? []
      return from === undefined ? [] : [{ from: Number(from), to: Number(to) }]
    })
    const [after = Infinity] = whats.flatMap(
      (what) => /^what happened after record (\d+)/.exec(what)?.slice(1).map(Number) ?? [],
    )
    for (const { path, offset, length, lsn } of records) {
      if (lsn <= covers || !touches(this.#changes, path, offset, offset + length)) continue
      if (lsn > after || ranges.some(({ from, to }) => from <= lsn && lsn <= to)) continue
      throw new Wrong(`record ${lsn} is damaged, and not told: ${whats.join('; ')}`)
    }
  }

  /** What is missing is in a range that is told; or something cannot be told. */
  #checkNothingSilent(report: RepairReport, target: Samples, newest: Samples): void {
    if (!report.mayHoldDeleted && this.#damage?.kind !== 'twin') {
      for (const [key, samples] of target)
        for (const time of samples.keys())
          if (newest.get(key)?.has(time) !== true)
            throw new Wrong(`channel ${key} has ${time}, which was deleted`)
    }
    if (report.untold.length > 0 || report.notes.length > 0) return
    for (const [key, samples] of newest) {
      for (const [time, value] of samples) {
        if (target.get(key)?.get(time) === value) continue
        if (!report.lost.some((range) => isIn(time, range)))
          throw new Wrong(`channel ${key} misses ${time}=${value}, and nothing is told`)
      }
    }
  }
}

function isIn(time: bigint, { start, end }: { readonly start: string; readonly end: string }): boolean {
  return time >= nanosOf(start) && time < nanosOf(end)
}

/** Of an ISO text with nine digits. */
function nanosOf(iso: string): bigint {
  const [seconds = '', fraction = ''] = iso.replace('Z', '').split('.')
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

async function readTarget(db: Database): Promise<{ samples: Samples; domains: Domains }> {
  const all = new Map<number, ReadonlyMap<bigint, string>>()
  const domains = new Map<number, ReadonlySet<bigint>>()
  for (const { key, name } of db.channels.list()) {
    const frame = await db.read(name, {}, { timestamps: true })
    const samples = new Map<bigint, string>()
    for (const { timestamps, data } of frame.series(name))
      for (let i = 0; i < data.length; i++) samples.set(timestamps[i]!, String(data[i]))
    all.set(key, samples)
    domains.set(key, new Set(frame.series(name).map(({ timestamps }) => timestamps[0]!)))
  }
  return { samples: all, domains }
}

/** Channels are made in one call: their keys count from 1, and what is removed leaves a gap. */
function keysOf(state: ModelState, store: Store): number[] {
  const first = store.states.find((each) => each.state.length > 0)?.state ?? []
  return state.map(
    ({ name }) => first.findIndex((each) => each.name === name || `${each.name}, renamed` === name) + 1,
  )
}

function samplesOf(state: ModelState, store: Store): Samples {
  const keys = keysOf(state, store)
  return new Map(
    state.map((channel, i) => [
      keys[i]!,
      new Map([...channel.samples].map(([time, { value }]) => [time, value])),
    ]),
  )
}

const evers = new WeakMap<Store, Map<number, Map<bigint, Set<string>>>>()

/** By key and time: all values that there ever were. */
function everOf(store: Store): Map<number, Map<bigint, Set<string>>> {
  let ever = evers.get(store)
  if (ever !== undefined) return ever
  ever = new Map()
  for (const { state } of store.states) {
    for (const [key, samples] of samplesOf(state, store)) {
      const times = ever.get(key) ?? new Map<bigint, Set<string>>()
      ever.set(key, times)
      for (const [time, value] of samples) {
        const values = times.get(time)
        if (values === undefined) times.set(time, new Set([value]))
        else values.add(value)
      }
    }
  }
  evers.set(store, ever)
  return ever
}

function countOf(samples: Samples): number {
  return [...samples.values()].reduce((sum, { size }) => sum + size, 0)
}

function common(target: Samples, newest: Samples): number {
  let count = 0
  for (const [key, samples] of newest)
    for (const [time, value] of samples) if (target.get(key)?.get(time) === value) count++
  return count
}

function outcomeOf({ source, lost, untold, notes, mayHoldDeleted }: RepairReport): string {
  const words = [
    source,
    lost.length > 0 ? 'lost' : '',
    untold.length > 0 ? 'untold' : '',
    notes.length > 0 ? 'torn' : '',
    mayHoldDeleted ? 'deleted?' : '',
  ]
  return words.filter((word) => word !== '').join(', ')
}
