// A process that works on a disk whose power is going to be cut, and ways to wait for what it says: instants are
// lines that it has said, so that nothing waits for time to pass. Called by power-rounds.ts.

import { PlannedChild } from '../process/kill-account.ts'
import type { Account } from '../process/kill-account.ts'
import type { Plan } from '../process/kill-plan.ts'

/** A process, and ways to wait for what it says. */
export class WatchedChild {
  readonly #child: PlannedChild
  readonly #ended: Promise<unknown>
  #waiting: { readonly line: number; readonly resolve: () => void } | undefined
  #failure: Error | undefined
  hasEnded = false

  constructor(plan: Plan) {
    this.#child = new PlannedChild(plan, true, ({ lines }) => {
      if (this.#waiting !== undefined && lines.length >= this.#waiting.line) this.#wake()
    })
    this.#ended = this.#child.ended().then(
      () => this.#over(),
      (error: unknown) => {
        this.#failure = error as Error
        this.#over()
      },
    )
  }

  get account(): Account {
    return this.#child.account
  }

  /** Resolves when it has said so many lines. @throws Error when it has ended before */
  async reach(line: number): Promise<void> {
    if (this.account.lines.length < line && !this.hasEnded)
      await new Promise<void>((resolve) => (this.#waiting = { line, resolve }))
    if (!this.hasEnded) return
    throw this.#failure ?? new Error(`it ended by itself: ${JSON.stringify(this.account.refusal)}`)
  }

  stop(): void {
    this.#child.process.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.process.kill('SIGCONT')
  }

  /** Resolves when it has ended and all that it said is read; it is killed if that takes more than `withinMs`. */
  async end(withinMs = 0): Promise<void> {
    const timer = setTimeout(() => this.#child.kill(), withinMs)
    await this.#ended
    clearTimeout(timer)
    if (this.#failure !== undefined) throw this.#failure
  }

  #over(): void {
    this.hasEnded = true
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
