// Power cut after power cut on one real disk: a process opens what the last cut left and works; images are taken
// of the device meanwhile, and then it is cut off for good (or, now and then, only the process is killed). What
// is on the device and in each image must be what the durability promises of a power loss.
//
// Each is opened as it would be after the machine was restarted, and a copy of it as if the disk had only been
// unplugged: then a log that breaks off in another way than a killed process leaves it is a CorruptionError,
// nothing is lost by asking, and after a restart it opens; extents that never came to the disk cannot be read. Called by power.test.ts and power-soak.ts.

import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import { openIn } from '../../src/database/public.ts'
import { CorruptionError } from '../../src/errors.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import type { Account, Loss } from '../process/kill-account.ts'
import { clockUs, settle } from '../process/kill-account.ts'
import type { Plan, Setting } from '../process/kill-plan.ts'
import { readState, textOf } from '../process/kill-steps.ts'
import type { StampedState } from '../process/kill-steps.ts'
import type { RealDisk } from './disk.ts'
import { isExplained, readReadable } from './unplugged.ts'
import { WatchedChild } from './watched-child.ts'

export interface PowerOptions {
  readonly disk: RealDisk
  /** A folder for copies, on another disk. */
  readonly scratch: string
  readonly setting: Setting
  readonly seed: number
}

/** What happened, counted. */
export interface PowerTally {
  /** The device was cut off. */
  cuts: number
  /** An image of it was taken. */
  images: number
  kills: number
  /** Steps that were acknowledged. */
  acknowledged: number
  /** Of the copies that were opened without a restart: those that opened, of which with some samples that cannot be read, and those where that was a CorruptionError. */
  unplugged: { opened: number; damaged: number; refused: number }
  /** What recovery cut off a log, where it did. */
  torn: number
  /** What the process was in the middle of when the power went. */
  readonly phases: Map<string, number>
  /** How long before each image the youngest step was acknowledged that time alone promised, in ms, where the process lived that long. */
  readonly windowsMs: number[]
}

export function newTally(): PowerTally {
  return {
    cuts: 0,
    images: 0,
    kills: 0,
    acknowledged: 0,
    unplugged: { opened: 0, damaged: 0, refused: 0 },
    torn: 0,
    phases: new Map(),
    windowsMs: [],
  }
}

/** States that may be found: those after `least` or more steps from `base`. */
interface Candidate {
  readonly base: StampedState
  readonly account: Account | undefined
  readonly least: number
  readonly atUs: number
}

/** A process that has ended, and how. */
interface Ended {
  readonly account: Account
  readonly atUs: number
  readonly loss: Loss
}

const INTERVAL_MS = 100
/** A process that has not noticed for so long that its disk is gone never will. */
const GIVE_UP_MS = 10_000

export class PowerLane {
  readonly #options: PowerOptions
  readonly #random: SeededRandom
  readonly #tally: PowerTally
  readonly #directory: string
  #base: StampedState = []
  #last: Ended | undefined
  /** The process whose report was compared. */
  #settled: Account | undefined
  #boot = 1
  #stamp = 1
  #round = 0
  #image = 0

  constructor(options: PowerOptions, tally: PowerTally) {
    this.#options = options
    this.#tally = tally
    this.#random = new SeededRandom(options.seed)
    this.#directory = join(options.disk.at, 'store')
  }

  /** One process: some images, and its end. @throws Error that says what is wrong */
  async round(): Promise<void> {
    this.#round++
    const plan: Plan = {
      directory: this.#directory,
      durability: this.#options.setting,
      seed: this.#random.below(2 ** 31),
      stamp: this.#stamp,
      intervalMs: INTERVAL_MS,
      isCalm: this.#random.below(2) === 0,
      bootId: this.#bootId(),
    }
    const child = new WatchedChild(plan)
    try {
      let line = 0
      for (let images = this.#random.below(4); images > 0 && !child.hasEnded; images--) {
        await child.reach((line = this.#nextLine(line, plan)))
        await this.#guarded('image', () => this.#freeze(child))
      }
      await child.reach(this.#nextLine(line, plan))
      const isKill = this.#random.below(8) === 0
      await this.#guarded(isKill ? 'kill' : 'cut', () => (isKill ? this.#kill(child) : this.#cut(child)))
    } catch (error) {
      this.#keep(child.account)
      throw error
    } finally {
      await child.end()
    }
  }

  /** What is on the disk after all, opened in this process. @throws Error that says what is wrong */
  finish(): Promise<void> {
    return this.#guarded('end', async () => {
      await this.#check(this.#directory, this.#before('power'))
    })
  }

  #bootId(): string {
    return `boot-${this.#boot}`
  }

  #nextLine(line: number, { isCalm }: Plan): number {
    // A calm one says more in less time, and is to live for some intervals.
    return line + 1 + this.#random.below(this.#random.below(3) === 0 ? 40 : isCalm ? 6000 : 900)
  }

  async #guarded(what: string, step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      const { disk, setting, seed } = this.#options
      const place = `${disk.kind}, ${setting}, seed ${seed}, process ${this.#round}, ${what}`
      throw new Error(`${place}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Takes an image of the device, and looks at it while the process stands still. */
  async #freeze(child: WatchedChild): Promise<void> {
    const { disk } = this.#options
    const { account } = child
    const hadFound = account.found !== undefined
    const image = `image-${this.#image++ % 2}`
    const atUs = clockUs()
    await disk.freeze(image)
    this.#tally.images++
    this.#count(account)
    child.stop()
    const folder = join(await disk.look(image), 'store')
    // Until it has said what it found, the device may hold what the last process left, or what was recovered of it.
    const candidates: Candidate[] = hadFound ? [] : this.#before('power')
    if (account.found !== undefined) {
      this.#settle(account)
      candidates.push({
        base: this.#base,
        account,
        least: hadFound ? account.promised('image', atUs) : 0,
        atUs,
      })
      const windowMs = account.windowUs(atUs) / 1000
      if (windowMs < Infinity) this.#tally.windowsMs.push(windowMs)
    }
    await this.#checkUnplugged(folder, candidates)
    await this.#check(folder, candidates)
    child.goOn()
  }

  async #cut(child: WatchedChild): Promise<void> {
    const { account } = child
    const atUs = clockUs()
    await this.#options.disk.cut()
    await child.end(GIVE_UP_MS)
    await this.#options.disk.restore()
    this.#tally.cuts++
    this.#count(account)
    const { refusal } = account
    if (refusal === undefined) throw new Error('the process went on without its disk')
    if (refusal.code !== 'STORAGE') throw new Error(`it gave up with ${JSON.stringify(refusal)}`)
    if (!account.hasClosed) throw new Error('its close did not come to an end')
    const late = account.acknowledgedAfterRefusal()
    if (late.length > 0)
      throw new Error(`steps ${late.join(', ')} were acknowledged behind one that was refused`)
    this.#ended({ account, atUs, loss: 'power' })
    await this.#checkUnplugged(this.#directory, this.#before('power'))
    this.#boot++
  }

  async #kill(child: WatchedChild): Promise<void> {
    const atUs = clockUs()
    await child.end()
    this.#tally.kills++
    this.#ended({ account: child.account, atUs, loss: 'kill' })
  }

  #count({ phase }: Account): void {
    this.#tally.phases.set(phase, (this.#tally.phases.get(phase) ?? 0) + 1)
  }

  #ended(ended: Ended): void {
    const { account } = ended
    this.#tally.acknowledged += account.acknowledged.size
    // What it found when the disk was going away already says nothing.
    if (account.found === undefined || (ended.loss === 'power' && account.found.problems.length > 0)) {
      if (this.#last !== undefined && ended.loss === 'power') this.#last = { ...this.#last, loss: 'power' }
      return
    }
    this.#settle(account)
    this.#last = ended
    this.#stamp += 2 * account.steps.length + 100
  }

  /** What a process found, which is what the last one left. Once it has settled it does not count again. */
  #settle(account: Account): void {
    const { found } = account
    if (found === undefined || this.#settled === account) return
    if (found.problems.length > 0) throw new Error(`damage: ${JSON.stringify(found.problems)}`)
    this.#base = this.#match(found.text, this.#before(this.#last?.loss ?? 'power'))
    this.#last = undefined
    this.#settled = account
  }

  /** What may be there of what the last process left. */
  #before(loss: Loss): Candidate[] {
    const { account, atUs = 0 } = this.#last ?? {}
    return [{ base: this.#base, account, least: account?.promised(loss, atUs) ?? 0, atUs }]
  }

  #match(text: string, candidates: readonly Candidate[]): StampedState {
    const refusals: string[] = []
    for (const { base, account, least, atUs } of candidates) {
      try {
        return settle(base, account?.steps ?? [], least, text)
      } catch (error) {
        refusals.push(`${(error as Error).message}\n${account?.tell(least, atUs) ?? ''}`)
      }
    }
    throw new Error(refusals.join('\n'))
  }

  /** Opened as after a restart of the machine, twice. */
  async #check(directory: string, candidates: readonly Candidate[]): Promise<void> {
    if (!existsSync(directory)) {
      this.#match('', candidates)
      return
    }
    const boot = `boot-${this.#boot + 1}`
    const text = await this.#read(directory, boot)
    this.#match(text, candidates)
    const again = await this.#read(directory, boot)
    if (again !== text) throw new Error('the state is another when it is opened again')
  }

  /** A copy, opened in the run of the machine in which it was written. */
  async #checkUnplugged(directory: string, candidates: readonly Candidate[]): Promise<void> {
    if (!existsSync(directory)) return
    const copy = join(this.#options.scratch, 'unplugged')
    rmSync(copy, { recursive: true, force: true })
    cpSync(directory, copy, { recursive: true })
    try {
      await using db = await this.#open(copy, this.#bootId())
      await this.#checkReadable(db, candidates)
      this.#tally.unplugged.opened++
    } catch (error) {
      if (!(error instanceof CorruptionError))
        throw new Error(`unplugged: ${(error as Error).message}`, { cause: error })
      this.#tally.unplugged.refused++
      try {
        await this.#check(copy, candidates)
      } catch (after) {
        throw new Error(`restarted after ${error.message}: ${(after as Error).message}`, { cause: after })
      }
    }
  }

  /** All that can be read is right, and what cannot was not promised. */
  async #checkReadable(db: Database, candidates: readonly Candidate[]): Promise<void> {
    const steps = candidates.flatMap(({ account }) => account?.steps ?? [])
    const read = await readReadable(db, steps)
    const { problems } = await db.verify()
    const { gaps, wrong } = read
    if (gaps.length > 0) this.#tally.unplugged.damaged++
    if (wrong.length > 0) throw new Error(`unplugged: wrong values: ${JSON.stringify(wrong)}`)
    if (gaps.length > 0 !== problems.length > 0)
      throw new Error(
        `unplugged: ${gaps.length} samples cannot be read, and verify says ${JSON.stringify(problems)}`,
      )
    if (gaps.length === 0) this.#match(textOf(read.state), candidates)
    else if (
      !candidates.some(({ base, account, least }) => isExplained(base, account?.steps ?? [], least, read))
    )
      throw new Error(`unplugged: what was promised cannot be read, or is another: ${JSON.stringify(gaps)}`)
  }

  /** What was said and what is there, for whoever looks into a failure. */
  #keep(account: Account): void {
    const { scratch } = this.#options
    const said = [JSON.stringify(account.plan), textOf(this.#base), ...account.lines]
    writeFileSync(join(scratch, 'said.log'), said.join('\n'))
    try {
      cpSync(this.#directory, join(scratch, 'store'), { recursive: true })
    } catch {
      // The disk may be gone.
    }
  }

  async #open(directory: string, bootId: string): Promise<Database> {
    const system = await systemEnvironment()
    const environment = {
      ...system,
      identity: { ...system.identity, bootId },
      isAlive: () => 'dead' as const,
    }
    return openIn(environment, directory)
  }

  async #read(directory: string, bootId: string): Promise<string> {
    await using db = await this.#open(directory, bootId)
    const { state, wrong } = await readState(db)
    const problems = [...wrong, ...(await db.verify()).problems]
    if (problems.length > 0) throw new Error(`damage: ${JSON.stringify(problems)}`)
    if ((await db.stats()).recovery?.cut !== undefined) this.#tally.torn++
    return textOf(state)
  }
}
