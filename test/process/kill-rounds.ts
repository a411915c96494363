// Kill after kill in one folder: each process opens what the one before it left, says what it found, goes on
// working and is killed at an instant of its own. Who finds something that no promise allows throws, with
// what shows it again. Called by kill.test.ts and kill-soak.ts.

import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { systemEnvironment } from '../../src/database/environment.ts'
import { openIn } from '../../src/database/public.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { clockUs, PlannedChild, settle } from './kill-account.ts'
import type { Account } from './kill-account.ts'
import { PHASES } from './kill-plan.ts'
import type { Plan, Setting } from './kill-plan.ts'
import { readState, textOf } from './kill-steps.ts'
import type { StampedState } from './kill-steps.ts'

export interface LaneOptions {
  readonly directory: string
  readonly setting: Setting
  readonly seed: number
  readonly withLock: boolean
  /** Keep what each process opens beside the folder, and what the one before it said, for whoever looks into a failure. */
  readonly keep?: boolean
}

/** How a process was ended. */
export interface Kill {
  /** What it was in the middle of. */
  readonly phase: string
  /** Steps that it was acknowledged. */
  readonly acknowledged: number
}

/** Of the changes that a process makes in a phase, one of the first so many is what it dies at. */
const REACH: Readonly<Record<string, number>> = {
  open: 60,
  append: 400,
  sync: 60,
  flush: 300,
  roll: 20,
  retire: 12,
  checkpoint: 20,
  collect: 60,
  close: 60,
}

/** Most lines of a process that does not come to the instant it was to die at. */
const MOST_LINES = 6000
const INTERVAL_MS = 50

export class KillLane {
  readonly #options: LaneOptions
  readonly #random: SeededRandom
  #base: StampedState = []
  /** The process that was killed last, and has said what it found. */
  #last: { readonly account: Account; readonly atUs: number } | undefined
  #stamp = 1
  #round = 0

  constructor(options: LaneOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed)
  }

  /** One process: opens, is compared, works, is killed. @throws Error that says what is wrong */
  async kill(): Promise<Kill> {
    this.#round++
    const { directory, setting, withLock } = this.#options
    const plan: Plan = {
      directory,
      durability: setting,
      seed: this.#random.below(2 ** 31),
      stamp: this.#stamp,
      intervalMs: INTERVAL_MS,
      isCalm: false,
      ...this.#death(),
    }
    if (this.#options.keep === true) this.#keep(plan)
    const atLine = plan.die === undefined ? 1 + this.#random.below(1200) : MOST_LINES
    let atUs = 0
    const child = new PlannedChild(plan, withLock, ({ lines }) => {
      if (lines.length < atLine || atUs > 0) return
      atUs = clockUs()
      child.kill()
    })
    const account = await this.#attempt(() => child.ended())
    const { signalCode, exitCode } = child.process
    this.#require(account.refusal === undefined, () => `it gave up: ${JSON.stringify(account.refusal)}`)
    this.#require(signalCode === 'SIGKILL', () => `it ended by itself, with ${signalCode ?? exitCode}`)
    if (account.found !== undefined) {
      this.#compare(account.found.text, account.found.problems)
      // Of one that dies by itself nothing is known later than its last word.
      this.#last = { account, atUs: atUs > 0 ? atUs : Math.max(0, ...account.acknowledged.values()) }
      this.#stamp += 2 * account.steps.length + 100
    }
    return { phase: account.phase, acknowledged: account.acknowledged.size }
  }

  /** Opens what the last process left, in this process. @throws Error that says what is wrong */
  async finish(): Promise<void> {
    this.#round++
    const db = await openIn(await systemEnvironment(), this.#options.directory)
    const { state, wrong } = await readState(db)
    const { problems } = await db.verify()
    await db.close()
    this.#compare(textOf(state), [...wrong, ...problems])
  }

  /** At a change of its own in some phase, or wherever it is after so many lines. */
  #death(): Partial<Plan> {
    const phase = PHASES[this.#random.below(PHASES.length + 3)]
    if (phase === undefined) return { isCalm: this.#random.below(2) === 0 }
    const nth = 1 + this.#random.below(REACH[phase]!)
    return { die: { phase, nth, at: this.#random.below(2) === 0 ? 'before' : 'after' } }
  }

  #compare(text: string, problems: readonly unknown[]): void {
    this.#require(problems.length === 0, () => `damage: ${JSON.stringify(problems)}`)
    const { account, atUs } = this.#last ?? {}
    const least = account === undefined ? 0 : account.promised('kill', atUs!)
    try {
      this.#base = settle(this.#base, account?.steps ?? [], least, text)
    } catch (error) {
      this.#require(false, () => (error as Error).message)
    }
  }

  async #attempt<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      this.#require(false, () => (error as Error).message)
      throw error
    }
  }

  #require(isSo: boolean, what: () => string): void {
    if (isSo) return
    const { setting, seed, withLock } = this.#options
    throw new Error(
      `${setting}, seed ${seed}, ${withLock ? 'with' : 'without'} the lock, process ${this.#round}: ${what()}`,
    )
  }

  #keep(plan: Plan): void {
    const { directory } = this.#options
    rmSync(`${directory}-before`, { recursive: true, force: true })
    if (existsSync(directory)) cpSync(directory, `${directory}-before`, { recursive: true })
    const { account, atUs } = this.#last ?? {}
    const said = {
      plan,
      base: this.#base,
      atUs,
      steps: account?.steps,
      acknowledged: [...(account?.acknowledged ?? [])],
    }
    writeFileSync(`${directory}-before.json`, JSON.stringify(said))
  }
}
