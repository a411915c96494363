// What a process that is killed said until then (child-killed.ts), and what follows from it: how many of its
// steps must be there, by what their durability promises. Where the promise is one of time, the interval
// begins with the acknowledgement, and time in which the machine did not let the process run, or in which the
// disk was syncing, does not count. Called by kill-rounds.ts, test/power.

import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Found, Plan } from './kill-plan.ts'
import { apply, textOf } from './kill-steps.ts'
import type { StampedState, Step } from './kill-steps.ts'

const script = fileURLToPath(new URL('child-killed.ts', import.meta.url))

/** A heartbeat that comes this much late says that the process did not run, in microseconds. */
const LATE_US = 12_000
/** What timers and the way of an acknowledgement may take besides, in microseconds. */
const SLACK_US = 30_000

/** The machine's monotonic clock in microseconds: the same in all its processes. */
export function clockUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

export type Loss = 'kill' | 'power' | 'image'

interface Interval {
  readonly from: number
  /** Infinity while it lasts. */
  readonly to: number
}

/** Everything that one process said. Times in microseconds of `clockUs`. */
export class Account {
  readonly plan: Plan
  readonly steps: Step[] = []
  /** When each step was acknowledged, by its number. */
  readonly acknowledged: Map<number, number> = new Map<number, number>()
  readonly refused: number[] = []
  found: Found | undefined
  /** Why it gave up, where it did. */
  refusal: { readonly name: string; readonly code?: string; readonly message: string } | undefined
  /** After it gave up, its close came to an end. */
  hasClosed = false
  /** What it was in the middle of. */
  phase = ''
  /** Every line, as it came. */
  readonly lines: string[] = []
  /** Steps that changed nothing: they promise nothing. */
  readonly #empty: Set<number> = new Set<number>()
  readonly #syncs: Interval[] = []
  readonly #beats: number[] = []

  constructor(plan: Plan) {
    this.plan = plan
  }

  /** Takes a line. */
  add(line: string): void {
    this.lines.push(line)
    const rest = line.slice(2)
    switch (line[0]) {
      case 'o':
        this.phase = rest
        break
      case 'f':
        this.found = JSON.parse(rest) as Found
        break
      case '>':
        this.steps.push(JSON.parse(rest) as Step)
        break
      case '<': {
        const [number, time, mark] = rest.split(' ')
        this.acknowledged.set(Number(number), Number(time))
        if (mark === '-') this.#empty.add(Number(number))
        break
      }
      case 's':
        this.#syncs.push({ from: Number(rest), to: Infinity })
        break
      case 'e': {
        // Which of those under way has ended does not matter: together they last as long.
        const open = this.#syncs.findIndex(({ to }) => to === Infinity)
        if (open >= 0) this.#syncs[open] = { ...this.#syncs[open]!, to: Number(rest) }
        break
      }
      case 'h':
        this.#beats.push(Number(rest))
        break
      case 'x':
        this.refused.push(Number(rest))
        break
      case '!':
        this.refusal = JSON.parse(rest) as NonNullable<Account['refusal']>
        break
      case 'c':
        this.hasClosed = true
        break
      default:
        throw new Error(`a line that means nothing: ${line}`)
    }
  }

  /**
   * How many steps, from the first on, must be there after the process or the power was gone at `atUs`.
   * @param kind what was lost: the process; with it all that was not on the disk; or that in an image of the
   * disk, while the process went on
   */
  promised(kind: Loss, atUs: number): number {
    const windowUs = this.windowUs(atUs)
    let least = 0
    for (const [number, time] of this.acknowledged) {
      if (number < least || this.#empty.has(number) || (kind === 'image' && time > atUs)) continue
      const step = this.steps[number]!
      const isNow =
        step.do === 'sync' ||
        step.do === 'close' ||
        step.by === 'strict' ||
        (kind === 'kill' && (step.by === 'batched' || step.do !== 'write'))
      if (isNow || time + windowUs <= atUs) least = number + 1
    }
    return least
  }

  /** The step that makes `promised` what it is, for whoever looks into a failure. */
  tell(least: number, atUs: number): string {
    const step = this.steps[least - 1]
    if (step === undefined) return 'nothing is promised'
    const agoMs = (atUs - this.acknowledged.get(least - 1)!) / 1000
    return `step ${least - 1}, a ${step.by} ${step.do}, was acknowledged ${agoMs.toFixed(1)} ms before, in ${this.phase}; the window is ${this.windowUs(atUs) / 1000} ms`
  }

  /** How long before `atUs` a step must have been acknowledged to be on the disk then whatever its durability. */
  windowUs(atUs: number): number {
    const least = this.plan.intervalMs * 1000 + SLACK_US
    let window = least
    // A longer window may hold more that does not count; one that is longer than the process has lived says nothing.
    for (;;) {
      if (atUs - window < (this.#beats[0] ?? Infinity)) return Infinity
      const longer = least + this.#busyUs(atUs - window, atUs)
      if (longer <= window) break
      window = longer
    }
    return window
  }

  /** Of [from, to), how long a sync was under way or the process did not run. */
  #busyUs(from: number, to: number): number {
    const beats = [...this.#beats.filter((beat) => beat < to), to]
    const gaps = beats.flatMap((beat, i) => {
      const before = beats[i - 1] ?? beat
      return beat - before > LATE_US ? [{ from: before, to: beat }] : []
    })
    const busy = [...gaps, ...this.#syncs].sort((a, b) => a.from - b.from)
    let sum = 0
    let end = from
    for (const interval of busy) {
      const begun = Math.max(interval.from, end)
      const ended = Math.min(interval.to, to)
      if (ended <= begun) continue
      sum += ended - begun
      end = ended
    }
    return sum
  }

  /** Steps that were acknowledged as handed over or synced behind one that was refused: then those that are there need be no prefix. */
  acknowledgedAfterRefusal(): number[] {
    const first = Math.min(...this.refused, Infinity)
    return [...this.acknowledged.keys()].filter(
      (number) => number > first && this.steps[number]!.by !== 'relaxed',
    )
  }
}

/**
 * The state that was found, which must be the one after `least` or more of the steps.
 * @throws Error where it is none of those
 */
export function settle(
  base: StampedState,
  steps: readonly Step[],
  least: number,
  text: string,
): StampedState {
  let state = base
  const texts: string[] = []
  for (let done = 0; done <= steps.length; done++) {
    if (done > 0) state = apply(state, steps[done - 1]!)
    if (done < least) continue
    const expected = textOf(state)
    if (expected === text) return state
    if (texts.length < 1) texts.push(expected)
  }
  throw new Error(
    `the state is that after none of steps ${least} to ${steps.length}; found (-) differs from the one after ${least} (+):\n` +
      difference(text, texts[0] ?? '') +
      `\nand it is ${earlier(base, steps, least, text)}`,
  )
}

function earlier(base: StampedState, steps: readonly Step[], least: number, text: string): string {
  let state = base
  for (let done = 0; done < least; done++) {
    if (textOf(state) === text) return `the one after step ${done}: what came later was lost`
    state = apply(state, steps[done]!)
  }
  return 'no earlier one'
}

function difference(found: string, expected: string): string {
  const [a, b] = [found.split('\n'), expected.split('\n')]
  const lines = [
    ...a.filter((line) => !b.includes(line)).map((line) => `- ${shortened(line)}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `+ ${shortened(line)}`),
  ]
  return lines.join('\n')
}

function shortened(line: string): string {
  return line.length <= 300 ? line : `${line.slice(0, 60)} ... ${line.slice(-230)}`
}

/** A process that carries out a plan. */
export class PlannedChild {
  readonly account: Account
  readonly process: ChildProcessByStdio<null, Readable, Readable>
  readonly #exited: Promise<unknown[]>
  readonly #onLine: (account: Account, line: string) => void
  errors = ''

  /** @param onLine called after each line was taken */
  constructor(plan: Plan, withLock: boolean, onLine: (account: Account, line: string) => void = () => {}) {
    this.account = new Account(plan)
    this.#onLine = onLine
    this.process = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(plan)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RUBIDIUM_NO_OS_LOCK: withLock ? '' : '1' },
    })
    this.process.stderr.on('data', (data: Buffer) => (this.errors += data.toString()))
    this.#exited = once(this.process, 'exit')
  }

  /** Takes lines until the process has ended and everything it said is read. */
  async ended(): Promise<Account> {
    for await (const line of createInterface({ input: this.process.stdout })) {
      this.account.add(line)
      this.#onLine(this.account, line)
    }
    await this.#exited
    if (this.errors !== '') throw new Error(`a child said: ${this.errors}`)
    return this.account
  }

  kill(): void {
    this.process.kill('SIGKILL')
  }
}
