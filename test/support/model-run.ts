// Runs operations against a database on a simulated disk and against the model, side by side, and
// compares: results, errors, and, after every crash, what is left with what may be left. Operations
// come one after another; what was started in the background may overlap them. Throws at the first
// difference. Called by test/model.

import { AssertionError } from '../../src/assert.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import {
  assertAgreement,
  assertSame,
  readByEngine,
  readBySecondReader,
  simulatedFiles,
} from '../format/agreement.ts'
import { assertGuards } from './guard-check.ts'
import { createChannels, deleteRange, removeChannels, renameChannel, updateChannel } from './model-edits.ts'
import { DIRECTORY } from './model-machine.ts'
import type { OpenDatabase } from './model-machine.ts'
import type { Crash, Maintenance, ModelSettings, Operation } from './model-operations.ts'
import { checkAll, closeSnapshot, matchingState, peek, readPart, verifyAll } from './model-reads.ts'
import { Died, ModelSession } from './model-session.ts'
import type { ModelTally } from './model-session.ts'
import type { ModelState } from './model-store.ts'
import { closeWriter, commitWriter, openWriter, writeFrames } from './model-writers.ts'

/** Runs a life of a database. @throws Error that says what is not as it should be */
export async function runModel(
  settings: ModelSettings,
  operations: readonly Operation[],
  tally: ModelTally = { operations: 0, crashes: 0, commits: 0, samples: 0 },
): Promise<void> {
  const run = new ModelRun(new ModelSession(settings, tally))
  try {
    await run.begin()
    for (const operation of operations) await run.perform(operation)
    await run.end()
    assertGuards()
  } finally {
    run.abandon()
  }
}

class ModelRun {
  readonly #session: ModelSession
  #armed: Crash | undefined

  constructor(session: ModelSession) {
    this.#session = session
  }

  async begin(): Promise<void> {
    this.#session.open = await this.#session.machine.open()
    await createChannels(this.#session, 7, [0, 1])
    await createChannels(this.#session, 7, [2, 3, 4])
  }

  /** Nothing of it goes on. */
  abandon(): void {
    this.#session.open?.engine.stopTimers()
    if (!this.#session.machine.disk.isDead) this.#session.machine.disk.killAt(1)
  }

  async perform(operation: Operation): Promise<void> {
    this.#session.tally.operations++
    this.#session.machine.pass(1)
    let next: readonly ModelState[] = []
    try {
      await this.#step(operation)
    } catch (error) {
      if (!(error instanceof Died)) throw error
      next = error.next
    }
    const { held, budget } = this.#session.open.engine.pool
    if (held > budget) throw new Error(`${held} bytes of samples are held: at most ${budget} may be`)
    if (this.#session.machine.disk.isDead) await this.#recover(this.#armed!, next)
  }

  /** Ends the life: everything is there, verifies, is there again after a clean close, and nothing else is. */
  async end(): Promise<void> {
    for (const operation of [
      { do: 'settle' },
      { do: 'check' },
      { do: 'verify' },
      { do: 'reopen' },
    ] as const) {
      await this.perform(operation)
    }
    // What is armed and has not come yet comes no more.
    this.#session.machine.arm(Number.MAX_SAFE_INTEGER - 1e6, false, 0)
    while (this.#session.writers.length > 0) await closeWriter(this.#session, 0)
    while (this.#session.snapshots.length > 0) await closeSnapshot(this.#session, 0)
    await this.#settle()
    await this.#session.open.flusher.flushAll()
    const { held } = this.#session.open.engine.pool
    if (held > 0) throw new Error(`${held} bytes of samples are held for nobody`)
    const { skipped } = await this.#session.open.db.gc({ threshold: 0 })
    const dead = (await this.#session.open.db.stats()).segments.filter((segment) => segment.dead > 0)
    if (dead.length > 0)
      throw new Error(`a collection of all that is dead has left ${JSON.stringify({ dead, skipped })}`)
    await this.#step({ do: 'reopen' })
    await this.#checkFiles()
    const shown = await readByEngine(this.#session.open.db)
    await this.#session.open.db.close()
    assertSame(shown, readBySecondReader(simulatedFiles(this.#session.machine.disk, DIRECTORY)))
  }

  /** The folder holds what the state needs, and no more. */
  async #checkFiles(): Promise<void> {
    const { segments } = await this.#session.open.db.stats()
    const files = this.#session.machine.disk.files().map((path) => path.slice('/data/'.length))
    const found = files.filter((name) => name.startsWith('segments/'))
    const wanted = segments.map(({ name }) => name).sort()
    const rest = files.filter(
      (name) => !/^(FENCE|RESERVE|LEASE-\d+|(segments|journal|manifest)\/\d+-\d+)$/.test(name),
    )
    const logs = files.filter((name) => /^(journal|manifest)\//.test(name))
    if (found.join() === wanted.join() && rest.length === 0 && logs.length <= 2) return
    throw new Error(
      `the folder holds ${files.join(', ')}: should hold ${wanted.join(', ')}, a manifest and a journal file`,
    )
  }

  #step(operation: Operation): Promise<void> {
    switch (operation.do) {
      case 'create':
        return createChannels(this.#session, operation.group, operation.types)
      case 'rename':
        return renameChannel(this.#session, operation.channel, operation.name)
      case 'update':
        return updateChannel(this.#session, operation.channel, operation.note, operation.unit)
      case 'remove':
        return removeChannels(this.#session, operation)
      case 'openWriter':
        return openWriter(this.#session, operation)
      case 'write':
        return writeFrames(this.#session, operation)
      case 'commit':
        return commitWriter(this.#session, operation.writer)
      case 'closeWriter':
        return closeWriter(this.#session, operation.writer)
      case 'delete':
        return deleteRange(this.#session, operation)
      case 'maintain':
        return this.#maintain(operation)
      case 'settle':
        return this.#settle()
      case 'sync':
        return this.#sync()
      case 'turn':
        return new Promise((resolve) => setImmediate(resolve))
      case 'wait':
        this.#session.machine.pass(2 * 3_600_000)
        return Promise.resolve()
      case 'snapshot':
        this.#session.snapshots.push({
          snapshot: this.#session.open.db.snapshot(),
          state: this.#session.state,
        })
        return Promise.resolve()
      case 'closeSnapshot':
        return closeSnapshot(this.#session, operation.snapshot)
      case 'read':
        return readPart(this.#session, operation)
      case 'check':
        return checkAll(this.#session, 'the database')
      case 'peek':
        return peek(this.#session)
      case 'verify':
        return verifyAll(this.#session)
      case 'reopen':
        return this.#reopen()
      case 'crash':
        return this.#crash(operation.crash)
      case 'arm':
        this.#armed = operation.crash
        this.#session.machine.arm(operation.after, operation.crash.isPowerLoss, operation.crash.seed)
        return Promise.resolve()
      default:
        throw new Error(`no operation is called ${String(operation)}`)
    }
  }

  async #maintain({ what, threshold, wait }: Operation & { do: 'maintain' }): Promise<void> {
    const task = this.#maintenance(what, threshold)
    if (!wait) {
      // It fails only where the process dies, or a close ends it: looked at when it is waited for.
      task.catch(() => {})
      this.#session.background.push(task)
      return
    }
    this.#session.expect(what, await this.#session.call(what, undefined, () => task), [])
  }

  async #maintenance(what: Maintenance, threshold: number): Promise<void> {
    const { db, engine, flusher } = this.#session.open
    if (what === 'gc') await db.gc({ threshold })
    else if (what === 'checkpoint') await checkpointNow(engine)
    else {
      await flusher.flushAll()
      if (what === 'retire') await retireOldest(engine)
    }
  }

  async #settle(): Promise<void> {
    const tasks = this.#session.background.splice(0)
    const outcome = await this.#session.call('what runs in the background', undefined, () =>
      Promise.all(tasks),
    )
    this.#session.expect('what runs in the background', outcome, [])
  }

  async #sync(): Promise<void> {
    this.#session.expect(
      'sync',
      await this.#session.call('sync', undefined, () => this.#session.open.db.sync()),
      [],
    )
    this.#session.history.proveAll()
  }

  async #reopen(): Promise<void> {
    for (const task of this.#session.background) task.catch(() => {})
    await this.#settle()
    const outcome = await this.#session.call('close', undefined, () =>
      this.#session.open.db.close({ force: true }),
    )
    this.#session.expect('close', outcome, [])
    this.#forget()
    this.#session.history.proveAll()
    const opened = await this.#session.call('open after a clean close', undefined, () =>
      this.#session.machine.open(),
    )
    this.#session.open = this.#session.expect('open after a clean close', opened, [])!
    await checkAll(this.#session, 'the database after a clean close')
    await verifyAll(this.#session)
  }

  #forget(): void {
    this.#session.open.engine.stopTimers()
    this.#session.writers = []
    this.#session.snapshots = []
    this.#session.background = []
  }

  #crash(crash: Crash): Promise<void> {
    // Whatever was armed comes too late.
    this.#session.machine.disk.killAt(1)
    return this.#recover(crash, [])
  }

  /** The process is dead: what is left must be a prefix of history, as far as was promised. */
  async #recover(crash: Crash, inFlight: readonly ModelState[]): Promise<void> {
    this.#session.tally.crashes++
    this.#forget()
    this.#armed = undefined
    let hasLostPower = crash.isPowerLoss
    this.#session.machine.die(crash.isPowerLoss, crash.seed)
    let opened: OpenDatabase | undefined
    for (const again of crash.again) {
      this.#session.machine.arm(again.after, again.isPowerLoss, again.seed)
      opened = await this.#tryOpen()
      // Not reached: it may come later.
      if (opened !== undefined) {
        this.#armed = { ...again, again: [] }
        break
      }
      hasLostPower ||= again.isPowerLoss
      this.#session.machine.die(again.isPowerLoss, again.seed)
    }
    opened ??= await this.#tryOpen()
    if (opened === undefined) throw new Error('the process died of nothing')
    this.#session.open = opened
    const survivors = this.#session.history.survivors(hasLostPower, inFlight)
    const what = hasLostPower ? 'the database after a power loss' : 'the database after a kill'
    const found = await matchingState(this.#session, what, opened.db, survivors)
    this.#session.history.restart(found)
    await assertAgreement(opened.db, simulatedFiles(this.#session.machine.disk, DIRECTORY))
    // Channels of which nothing is left may have been made and removed, or neither.
    this.#session.nextKey = opened.engine.version.nextKey
    await verifyAll(this.#session)
  }

  async #tryOpen(): Promise<OpenDatabase | undefined> {
    try {
      return await this.#session.machine.open()
    } catch (error) {
      if (this.#session.machine.disk.isDead && !(error instanceof AssertionError)) return undefined
      throw new Error('open after a crash failed', { cause: error })
    }
  }
}
