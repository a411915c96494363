// Opens a damaged store, to write and to read, and holds what comes of it against what may: right data,
// or an error that names where the damage is. Nothing wrong is read, nothing is destroyed by an open that
// refuses, and neither memory nor file operations are out of proportion.

import { Database } from '../../src/index.ts'
import type { VerifyReport } from '../../src/index.ts'
import { AssertionError } from '../../src/assert.ts'
import type { Engine } from '../../src/database/engine.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import {
  CorruptionError,
  DatabaseLockedError,
  NotADatabaseError,
  RubidiumError,
  UnsupportedVersionError,
} from '../../src/errors.ts'
import type { OpenMode } from '../../src/fs/file-system.ts'
import type { MemoryFile } from '../../src/fs/memory-file.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY, rest } from '../crash/machine.ts'
import { textOf } from '../crash/model.ts'
import type { ModelChannel, ModelState } from '../crash/model.ts'
import { describe, Session, SMALL } from '../crash/session.ts'
import { damaged, nameOf } from './damage.ts'
import type { Damage } from './damage.ts'
import { allowedStates, changesOf, touches, touchesAny } from './expected.ts'
import type { Changes } from './expected.ts'
import { RotMachine } from './machine.ts'
import { OPTIONS } from './stores.ts'
import type { Store } from './stores.ts'

/** An open of a store of 20 KB that allocates more than this believes a length that it has not checked. */
const MEMORY_LIMIT = 16 * 1024 * 1024

/** Nor is anything read at once that is longer than the largest file. */
const READ_LIMIT = 64 * 1024

/** A store is opened and read in some hundred operations; a read-only open tries twenty times. */
const OPERATION_LIMIT = 20_000

/** What came of one damage. */
export interface Outcome {
  /** What is wrong, with all that is needed to see it again; empty where nothing is. */
  readonly failures: readonly string[]
  /** In a word, of the writing and of the read-only open. */
  readonly outcomes: readonly string[]
}

/**
 * Opens, reads, verifies.
 * @param depth `quick`: only as a writer; `both`: as a reader too; `deep`: also closes what opened, and opens it again
 */
export async function examine(
  store: Store,
  damage: Damage,
  depth: 'quick' | 'both' | 'deep',
): Promise<Outcome> {
  const disk = damaged(store, damage)
  const changes = changesOf(store, disk)
  const failures: string[] = []
  const outcomes: string[] = []
  for (const readOnly of depth === 'quick' ? [false] : [false, true]) {
    const examination = new Examination(store, damage, changes, disk, readOnly)
    try {
      outcomes.push(await examination.run(depth === 'deep'))
    } catch (error) {
      const mode = readOnly ? 'read-only' : 'writing'
      failures.push(`${store.name},${store.ending} ${nameOf(damage)} (${mode}): ${trace(error)}`)
    }
  }
  return { failures, outcomes }
}

function trace(error: unknown): string {
  if (error instanceof Wrong) return error.message
  return `${describe(error)}\n${error instanceof Error ? (error.stack ?? '') : ''}`
}

/** The store broke the promise. */
class Wrong extends Error {}

class Examination {
  readonly #store: Store
  readonly #damage: Damage
  readonly #changes: Changes
  /** As it was found, and as it is. */
  readonly #found: MemoryFileSystem
  readonly #disk: MemoryFileSystem
  readonly #readOnly: boolean
  readonly #allowed: readonly ModelState[]
  /** The largest read that was asked for. */
  #largest = 0

  constructor(store: Store, damage: Damage, changes: Changes, disk: MemoryFileSystem, readOnly: boolean) {
    this.#store = store
    this.#damage = damage
    this.#changes = changes
    this.#readOnly = readOnly
    this.#found = disk
    this.#disk = this.#watched(disk.clone())
    this.#allowed = allowedStates(store, damage, changes)
  }

  async run(isDeep: boolean): Promise<string> {
    const memory = isDeep ? process.memoryUsage().arrayBuffers : undefined
    let opened: Opened
    try {
      opened = await this.#open(this.#disk)
    } catch (error) {
      this.#checkEffort(memory)
      this.#judgeRefusal(error)
      await this.#checkEvidence(error)
      return nameOfRefusal(error)
    }
    try {
      const { state, corruptions } = await this.#look(opened.db)
      this.#checkEffort(memory)
      await this.#checkReports(opened.db, state, corruptions)
      if (isDeep && !this.#readOnly) await this.#goOn(opened, state)
      if (corruptions.length > 0) return 'reads refused'
      return state === this.#store.states.at(-1)!.state ? 'right' : 'a prefix'
    } finally {
      opened.engine.stopTimers()
    }
  }

  async #open(disk: MemoryFileSystem): Promise<Opened> {
    const machine = RotMachine.opener(disk, this.#store.ending !== 'restarted')
    const resolved = resolveOptions({ syncInterval: '20d', readOnly: this.#readOnly })
    const { engine, flusher } = await openEngine(
      machine.environment({ ...SMALL, ...OPTIONS.tuning }),
      DIRECTORY,
      { ...resolved, segmentSize: OPTIONS.segmentSize, memoryBudget: 256 * 1024 },
    )
    return { engine, db: new Database(engine, flusher) }
  }

  /** Notes how much is read at once, and ends what reads for ever. */
  #watched(disk: MemoryFileSystem): MemoryFileSystem {
    const openNow = disk.openNow.bind(disk)
    disk.openNow = (path: string, mode: OpenMode): MemoryFile => {
      if (disk.operations > OPERATION_LIMIT) throw new Wrong('it never ends')
      const file = openNow(path, mode)
      const [readNow, read] = [file.readNow.bind(file), file.read.bind(file)]
      file.readNow = (target, offset) => {
        this.#largest = Math.max(this.#largest, target.length)
        return readNow(target, offset)
      }
      file.read = (target, offset) => {
        this.#largest = Math.max(this.#largest, target.length)
        return read(target, offset)
      }
      return file
    }
    return disk
  }

  #checkEffort(memoryBefore: number | undefined): void {
    const taken = memoryBefore === undefined ? 0 : process.memoryUsage().arrayBuffers - memoryBefore
    if (taken > MEMORY_LIMIT) throw new Wrong(`${taken} bytes of arrays for some KB of files`)
    if (this.#largest > READ_LIMIT) throw new Wrong(`a read of ${this.#largest} bytes of some KB of files`)
    if (this.#disk.operations > OPERATION_LIMIT) throw new Wrong(`${this.#disk.operations} file operations`)
  }

  // Refusals.

  #judgeRefusal(error: unknown): void {
    const changes = this.#changes
    if (error instanceof CorruptionError) {
      this.#checkPlace(error)
      if (touchesAny(changes, 'manifest', 'journal', 'CLEAN')) return
      if (touchesAny(changes, 'FENCE') && !this.#readOnly) return
    } else if (error instanceof UnsupportedVersionError) {
      if (touches(changes, error.file, 8, 12)) return
    } else if (error instanceof DatabaseLockedError) {
      // A lease that cannot be read, or names a host of which nobody here knows whether it lives.
      if (touchesAny(changes, 'LEASE') && !this.#readOnly) return
    } else if (error instanceof NotADatabaseError) {
      // Nothing is left of the only log.
      if (this.#readOnly && this.#allowed.some((state) => state.length === 0)) return
    }
    throw new Wrong(`opening ended with ${describe(error)}`)
  }

  #checkPlace(error: { readonly file?: string; readonly offset?: number; readonly message?: string }): void {
    const { file, offset } = error
    const sizes = [this.#disk, this.#store.disk].map((disk) =>
      file !== undefined && disk.files().includes(file) ? disk.snapshotBytes(file).length : -1,
    )
    const isThere = offset !== undefined && Number.isInteger(offset) && offset >= 0
    if (!isThere || offset > Math.max(...sizes))
      throw new Wrong(`no place in a file of this store: "${file}", ${offset} (${error.message})`)
    // The mark of a clean close and the manifest contradict each other, and files of two databases: nobody knows
    // which is right.
    const isContradicted = touchesAny(this.#changes, 'CLEAN') && file!.includes('/manifest/')
    if (!this.#changes.has(file!) && !isContradicted && this.#damage.kind !== 'twin')
      throw new Wrong(`another file is blamed: ${error.message}`)
  }

  /** What an open that refuses leaves: everything that could tell what was there; and it refuses again. */
  async #checkEvidence(error: unknown): Promise<void> {
    const left = this.#disk.files()
    for (const path of this.#found.files()) {
      if (/\/(LOCK|FENCE|RESERVE|LEASE-\d+)$/.test(path)) continue
      const isThere = left.includes(path) && isEqual(this.#disk, this.#found, path)
      if (!isThere) throw new Wrong(`the open that was refused changed "${path}"`)
    }
    // A read-only open changes nothing: it need not be asked again.
    if (error instanceof DatabaseLockedError || this.#readOnly) return
    try {
      const opened = await this.#open(this.#disk)
      opened.engine.stopTimers()
    } catch (again) {
      if (nameOfRefusal(again) === nameOfRefusal(error)) return
      throw new Wrong(`${describe(error)}; and, opened again, ${describe(again)}`)
    }
    throw new Wrong(`${describe(error)}; and, opened again, nothing is wrong`)
  }

  // Data.

  /** Which of the states that may be there is, and what could not be read of it. */
  async #look(db: Database): Promise<{ state: ModelState; corruptions: RubidiumError[] }> {
    const whole = await this.#readWhole(db)
    const differences: string[] = []
    for (const state of this.#allowed) {
      if (whole !== undefined) {
        if (whole === knownText(state)) return { state, corruptions: [] }
        differences.push(`--- found\n${whole}\n--- expected\n${knownText(state)}`)
        continue
      }
      const reading = new Reading(db, (error) => this.#judgeRead(error))
      const difference = await reading.compare(state)
      if (difference === undefined) return { state, corruptions: reading.corruptions }
      differences.push(difference)
    }
    throw new Wrong(`wrong data\n${differences.join('\n')}`)
  }

  /** Everything, as text; undefined where not everything can be read. */
  async #readWhole(db: Database): Promise<string | undefined> {
    const session = Session.on(RotMachine.opener(this.#disk, true))
    session.db = db
    try {
      return await session.text()
    } catch (error) {
      this.#judgeRead(error)
      return undefined
    }
  }

  #judgeRead(error: unknown): void {
    const mayBeBad = touchesAny(this.#changes, 'segments') || this.#damage.kind === 'twin'
    if (error instanceof CorruptionError && mayBeBad) this.#checkPlace(error)
    else if (!(error instanceof UnsupportedVersionError) || !touches(this.#changes, error.file, 8, 12))
      throw new Wrong(`a read ended with ${describe(error)}`, { cause: error })
  }

  async #checkReports(db: Database, state: ModelState, corruptions: readonly RubidiumError[]): Promise<void> {
    const stats = await db.stats()
    JSON.stringify(stats)
    for (const { name, samples } of state) {
      if (stats.channels[name]?.samples !== samples.size) throw new Wrong(`stats count "${name}" otherwise`)
    }
    const newest = this.#store.states.at(-1)!.state
    const isCut = stats.recovery?.cut !== undefined
    const isTorn = [...this.#changes].some(([path, { from }]) => this.#isWithinRecord(path, from))
    // Where nothing is left it is a new database, which has recovered from nothing.
    if (!this.#readOnly && state !== newest && state.length > 0 && isTorn && !isCut)
      throw new Wrong('what was cut is in no report')
    const report = await db.verify()
    this.#checkVerified(report, corruptions)
  }

  #isWithinRecord(path: string, from: number): boolean {
    return this.#store.records.some(
      (record) => record.path === path && record.offset < from && from < record.offset + record.length,
    )
  }

  #checkVerified({ ok, problems }: VerifyReport, corruptions: readonly RubidiumError[]): void {
    // It looks at lease files and the fence as well, which no read needs.
    const mayBeFound = touchesAny(this.#changes, 'segments', 'LEASE', 'FENCE') || this.#damage.kind === 'twin'
    if (!mayBeFound && !ok) throw new Wrong(`verify finds what is not there: ${JSON.stringify(problems)}`)
    for (const problem of problems) {
      if (problem.file === undefined) continue
      // A newer format, and a file that is shorter than what must be in it, are told by the file alone.
      this.#checkPlace({ offset: 0, ...problem })
    }
    const isBit = this.#damage.kind === 'bit'
    for (const error of corruptions) {
      if (!(error instanceof CorruptionError)) continue
      // Where a file ends too early depends on how much is read of it at once.
      const isFound = problems.some(
        ({ file, offset }) => file === error.file && (!isBit || offset === error.offset),
      )
      if (!isFound) throw new Wrong(`verify does not find ${error.message}, but ${JSON.stringify(problems)}`)
    }
  }

  /** What was opened is closed, and found again. */
  async #goOn({ db }: Opened, state: ModelState): Promise<void> {
    await db.close({ force: true })
    await rest()
    const again = await this.#open(this.#disk)
    try {
      const { state: found } = await this.#look(again.db)
      if (found !== state) throw new Wrong('after a close it is another state')
    } finally {
      again.engine.stopTimers()
    }
  }
}

interface Opened {
  readonly engine: Engine
  readonly db: Database
}

/** So few samples that cannot be read are not looked at one by one (blocks.test.ts does). */
const SPLIT = 16

/** Reads of what may be damaged, in ever smaller ranges around what cannot be read. */
class Reading {
  readonly corruptions: RubidiumError[] = []
  readonly #db: Database
  readonly #judge: (error: unknown) => void

  /** @param judge throws for an error that may not be */
  constructor(db: Database, judge: (error: unknown) => void) {
    this.#db = db
    this.#judge = judge
  }

  /** What is not as in `state`, of what can be read. */
  async compare(state: ModelState): Promise<string | undefined> {
    const bare = (channel: ModelChannel): ModelChannel => ({ ...channel, samples: new Map() })
    const found = this.#db.channels.list().map(({ metadata, ...channel }) => ({
      ...channel,
      index: channel.index,
      unit: channel.unit,
      metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
      samples: new Map(),
    }))
    const expected = textOf(state.map(bare))
    if (textOf(found) !== expected) return `--- found\n${textOf(found)}\n--- expected\n${expected}`
    for (const channel of state) {
      const samples = [...channel.samples]
        .map(([time, { value }]) => [time, value] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1))
      const difference = await this.#compareRange(channel.name, samples)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  async #compareRange(
    name: string,
    samples: readonly (readonly [bigint, string])[],
  ): Promise<string | undefined> {
    const [first, last] = [samples[0], samples.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const found: string[] = []
    try {
      const range = { start: first[0], end: last[0] + 1n }
      const frame = await this.#db.read(name, range, { timestamps: true })
      for (const { timestamps, data } of frame.series(name))
        for (let i = 0; i < data.length; i++) found.push(`${timestamps[i]}=${data[i]}`)
    } catch (error) {
      this.#judge(error)
      this.corruptions.push(error as RubidiumError)
      if (samples.length <= SPLIT) return undefined
      const half = samples.length >>> 1
      return (
        (await this.#compareRange(name, samples.slice(0, half))) ??
        (await this.#compareRange(name, samples.slice(half)))
      )
    }
    const expected = samples.map(([time, value]) => `${time}=${value}`)
    if (found.join(' ') === expected.join(' ')) return undefined
    return `--- "${name}" has\n${found.join(' ')}\n--- and not\n${expected.join(' ')}`
  }
}

const texts = new WeakMap<ModelState, string>()

/** The text of a state, made once. */
function knownText(state: ModelState): string {
  let text = texts.get(state)
  if (text === undefined) texts.set(state, (text = textOf(state)))
  return text
}

function isEqual(one: MemoryFileSystem, other: MemoryFileSystem, path: string): boolean {
  return Buffer.compare(one.snapshotBytes(path), other.snapshotBytes(path)) === 0
}

function nameOfRefusal(error: unknown): string {
  if (error instanceof CorruptionError) return `refused: ${error.code} ${error.file} ${error.offset}`
  return error instanceof RubidiumError || error instanceof AssertionError
    ? `refused: ${error.name}`
    : describe(error)
}
