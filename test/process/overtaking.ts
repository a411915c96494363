// A chain of real processes under load: each takes the database from the one before it, which was stopped
// (SIGSTOP) at a random instant, and which goes on (SIGCONT) while its successor opens, or works. What the
// successor found must hold all that its predecessor was acknowledged, before and after it was stopped, and
// nothing that the predecessor does then may show. Called by takeover.test.ts and takeover-soak.ts.

import { setImmediate as turn } from 'node:timers/promises'
import type { Durability } from '../../src/database/options.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { Oracle, stepOf, StoreChild } from './store-child.ts'
import type { Found, Step } from './store-child.ts'

export interface Tally {
  takeovers: number
  /** Steps that were acknowledged. */
  acknowledged: number
  /** Steps whose acknowledgement was heard of after the stop. */
  afterwards: number
}

interface Lost {
  readonly calls: Readonly<Record<string, string>>
}

/** A child's lines, gathered as they come. */
class Watched {
  readonly child: StoreChild
  readonly steps: Step[] = []
  acknowledged = 0
  /** Steps that lasted in any durability. */
  handedOver = 0
  lost: Lost | undefined
  readonly ended: Promise<void>
  #lines = 0
  #stop: { readonly at: number; readonly phase: string | undefined; readonly resolve: () => void } | undefined

  constructor(child: StoreChild) {
    this.child = child
    this.ended = this.#follow()
  }

  /** Resolves once the child has said so many more lines, or the line of a phase; or has ended. */
  said(lines: number, phase: string | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#stop = { at: this.#lines + lines, phase, resolve }
      void this.ended.then(resolve)
    })
  }

  async #follow(): Promise<void> {
    for (let line = await this.child.line(); line !== undefined; line = await this.child.line()) {
      const step = stepOf(line)
      if (step !== undefined) this.steps.push(step)
      else if (line === '<' || line === '< nothing') {
        this.acknowledged++
        const isDelete = this.steps[this.acknowledged - 1]?.kind === 'd'
        if (isDelete && line === '<') this.handedOver = this.acknowledged
      } else if (line === 'phase open') this.handedOver = this.acknowledged
      else if (line.startsWith('{')) this.lost = JSON.parse(line) as Lost
      this.#lines++
      const stop = this.#stop
      if (stop !== undefined && (this.#lines >= stop.at || line === stop.phase)) stop.resolve()
    }
  }
}

const PHASES = ['phase gc', 'phase close', 'phase open']

/**
 * Runs `rounds` take-overs in `folder`, which no process uses.
 * @param children every process that was started: whoever calls ends those that are left
 * @throws Error naming the round where something is not as it must be
 */
export async function overtake(
  folder: string,
  options: { durability: Durability; withLock: boolean; rounds: number; seed: number },
  children: StoreChild[],
  tally: Tally,
): Promise<void> {
  const { durability, withLock, rounds, seed } = options
  const random = new SeededRandom(seed)
  const oracle = new Oracle()
  const start = async (): Promise<StoreChild> => {
    const child = new StoreChild('take', { folder, durability, seed: random.below(1 << 30), withLock })
    children.push(child)
    if ((await child.line()) !== 'ready') throw new Error(`a child did not start: ${child.errors}`)
    return child
  }
  let holder: Watched | undefined
  let next = await start()
  let newest = 0
  for (let round = 0; round <= rounds; round++) {
    const where = `${durability}, ${withLock ? 'with' : 'without'} the lock, seed ${seed}, take-over ${round}`
    const old = holder
    if (old !== undefined) {
      const phase = PHASES[random.below(6)]
      await old.said(1 + random.below(400), phase)
      for (let turns = random.below(60); turns > 0; turns--) await turn()
      old.child.process.kill('SIGSTOP')
    }
    next.process.stdin.write('go\n')
    // It goes on while the other opens, right after, or while the other works.
    const wakes = random.below(3)
    const before = old?.acknowledged ?? 0
    if (wakes === 0) {
      for (let turns = random.below(20_000); turns > 0; turns--) await turn()
      old?.child.process.kill('SIGCONT')
    }
    const found = await next.answer<Found & Partial<Lost>>()
    if (found.calls !== undefined)
      throw new Error(`${where}: the taker was told ${JSON.stringify(found.calls)}`)
    if (found.problems.length > 0) throw new Error(`${where}: ${JSON.stringify(found.problems)}`)
    if (wakes === 1) old?.child.process.kill('SIGCONT')
    newest = Math.max(
      newest,
      found.newest,
      ...(old?.steps.map(({ kind, to }) => (kind === 'w' ? to : 0)) ?? []),
    )
    holder = new Watched(next)
    next.process.stdin.write(`${newest + 1}\n`)
    const successor = round < rounds ? start() : undefined
    if (old !== undefined) {
      if (wakes === 2) {
        await holder.said(1 + random.below(200), undefined)
        old.child.process.kill('SIGCONT')
      }
      await old.ended
      tally.takeovers++
      tally.acknowledged += old.acknowledged
      tally.afterwards += old.acknowledged - before
      checkLost(old, where)
      try {
        oracle.settle(old.steps, durability === 'relaxed' ? old.handedOver : old.acknowledged, found)
      } catch (error) {
        throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
      }
    }
    if (successor !== undefined) next = await successor
  }
  await holder?.child.kill()
}

/** Whoever was overtaken was told so by every call that changes something. */
function checkLost({ child, lost }: Watched, where: string): void {
  if (child.errors !== '') throw new Error(`${where}: ${child.errors}`)
  if (lost === undefined) throw new Error(`${where}: the old holder ended and did not say how`)
  const { work, count, close, ...changes } = lost.calls
  // It may have been stopped between its close and its next open: then it is refused like anybody else.
  if (work === 'DATABASE_LOCKED') return
  const wrong = Object.entries(changes).filter(([, code]) => code !== 'LEASE_LOST' && code !== 'CLOSED')
  const isTold = work === 'LEASE_LOST' && ['ok', 'LEASE_LOST', 'CLOSED'].includes(count ?? 'ok')
  if (!isTold || wrong.length > 0 || (close !== 'ok' && close !== 'LEASE_LOST'))
    throw new Error(`${where}: the old holder was told ${JSON.stringify(lost.calls)}`)
}
