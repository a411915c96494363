// Guards under a random load of acquisitions, releases, aborts and time-outs, against the obvious model: a
// list of holders and a queue. Proves 0004-I4 (fair), 0004-I5 (who leaves wakes) and that nothing leaks.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GuardSet } from '../../src/guard/guard-set.ts'
import type { GuardRequest } from '../../src/guard/guard-set.ts'
import { unguarded } from '../../src/guard/held.ts'
import type { Held, Mode } from '../../src/guard/held.ts'
import { propertyOptions } from '../support/seeds.ts'

type Step =
  | { kind: 'take' | 'try'; key: number; mode: Mode; timeoutMs: number | undefined }
  | { kind: 'release' | 'abort'; which: number }
  | { kind: 'pass'; ms: number }

interface Taker {
  readonly mode: Mode
  readonly deadline: number
  readonly abort: AbortController
  outcome: 'waiting' | 'held' | 'refused'
  held: Held | undefined
}

/** One guard, as slow and as plain as can be. */
class Model {
  holders: Taker[] = []
  queue: Taker[] = []

  free(mode: Mode): boolean {
    return mode === 'exclusive'
      ? this.holders.length === 0
      : this.holders.every((one) => one.mode === 'shared')
  }

  take(taker: Taker): void {
    this.queue.push(taker)
    this.grant()
  }

  leave(gone: (taker: Taker) => boolean): void {
    this.queue = this.queue.filter((taker) => !gone(taker))
    this.holders = this.holders.filter((taker) => !gone(taker))
    this.grant()
  }

  grant(): void {
    for (let first = this.queue[0]; first !== undefined && this.free(first.mode); first = this.queue[0]) {
      this.holders.push(first)
      this.queue.shift()
    }
  }
}

const modes = fc.constantFrom<Mode>('shared', 'exclusive')
const takes = fc.record({
  kind: fc.constantFrom('take', 'take', 'take', 'try'),
  key: fc.nat(2),
  mode: modes,
  timeoutMs: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
})
const steps: fc.Arbitrary<Step> = fc.oneof(
  takes as fc.Arbitrary<Step>,
  fc.record({
    kind: fc.constantFrom('release', 'release', 'abort'),
    which: fc.nat(20),
  }) as fc.Arbitrary<Step>,
  fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 40 }) }) as fc.Arbitrary<Step>,
)

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

/** Lets time pass to one moment after another, so that the model sees time-outs in their order. */
async function pass(ms: number, models: readonly Model[]): Promise<void> {
  for (let passed = 0; passed < ms; passed++) {
    await vi.advanceTimersByTimeAsync(1)
    const now = Date.now()
    for (const model of models) model.leave((taker) => model.queue.includes(taker) && taker.deadline <= now)
  }
}

describe('guards under a random load', () => {
  it('are held by whom the model says, one key at a time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async (load) => {
        const set = new GuardSet({ clock: { monotonicMs: () => Date.now() } })
        const models = [new Model(), new Model(), new Model()]
        const takers: Taker[] = []
        for (const step of load) {
          await play(step, set, models, takers)
          await settle()
          for (const taker of takers) {
            const holds = models.some((model) => model.holders.includes(taker))
            expect(taker.held !== undefined && !taker.held.isReleased).toBe(holds)
            expect(taker.outcome === 'waiting').toBe(models.some((model) => model.queue.includes(taker)))
          }
          expect(set.keyedCount).toBe(models.filter((model) => model.holders.length > 0).length)
        }
        for (const taker of takers) taker.abort.abort()
        await settle()
        for (const taker of takers) taker.held?.release()
        await settle()
        expect(set.keyedCount).toBe(0)
        expect(vi.getTimerCount()).toBe(0)
      }),
      propertyOptions(150),
    )
  })

  it('never exclude each other wrongly nor deadlock when each wants several keys', async () => {
    const wishes = fc.array(
      fc.record({
        keys: fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 4 }),
        mode: modes,
        holdMs: fc.nat(15),
        startMs: fc.nat(30),
        timeoutMs: fc.option(fc.nat(40), { nil: undefined }),
        abortMs: fc.option(fc.nat(60), { nil: undefined }),
      }),
      { maxLength: 25 },
    )
    await fc.assert(
      fc.asyncProperty(wishes, async (load) => {
        const set = new GuardSet({ clock: { monotonicMs: () => Date.now() } })
        const holders = new Map<number, Mode[]>()
        let settled = 0
        const all = load.map(async ({ keys, mode, holdMs, startMs, timeoutMs, abortMs }) => {
          await delay(startMs)
          const abort = new AbortController()
          if (abortMs !== undefined) void delay(abortMs).then(() => abort.abort())
          const request: GuardRequest<'index', Mode> = {
            rank: 'index',
            mode,
            keys,
            purpose: 'load',
            timeoutMs,
            signal: abort.signal,
          }
          const held = await set.acquire(unguarded, request).catch(() => undefined)
          if (held !== undefined) {
            for (const key of keys) {
              const others = holders.get(key) ?? []
              expect(
                others.length === 0 || (mode === 'shared' && others.every((one) => one === 'shared')),
              ).toBe(true)
              holders.set(key, [...others, mode])
            }
            await delay(holdMs)
            for (const key of keys) holders.get(key)?.pop()
            held.release()
          }
          settled++
        })
        // Longer than all holding one after another: who has not settled by then never will.
        await vi.advanceTimersByTimeAsync(25 * 15 + 200)
        expect(settled).toBe(load.length)
        await Promise.all(all)
        expect(set.keyedCount).toBe(0)
        expect(vi.getTimerCount()).toBe(0)
      }),
      propertyOptions(150),
    )
  })
})

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

async function play(step: Step, set: GuardSet, models: readonly Model[], takers: Taker[]): Promise<void> {
  switch (step.kind) {
    case 'pass':
      return pass(step.ms, models)
    case 'release':
    case 'abort': {
      const taker = takers[step.which % Math.max(takers.length, 1)]
      if (taker === undefined) return
      if (step.kind === 'abort') {
        taker.abort.abort()
        for (const model of models) model.leave((one) => one === taker && model.queue.includes(one))
      } else {
        if (taker.held === undefined) return
        taker.held.release()
        for (const model of models) model.leave((one) => one === taker)
      }
      return
    }
    default: {
      const { key, mode, timeoutMs } = step
      const model = models[key]
      if (model === undefined) return
      const abort = new AbortController()
      const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs
      const taker: Taker = { mode, deadline, abort, outcome: 'waiting', held: undefined }
      takers.push(taker)
      const request = { rank: 'index', mode, keys: [key], purpose: 'load' } as const
      if (step.kind === 'try') {
        const mayHold = model.queue.length === 0 && model.free(mode)
        taker.held = set.tryAcquire(unguarded, request)
        taker.outcome = taker.held === undefined ? 'refused' : 'held'
        expect(taker.held !== undefined).toBe(mayHold)
        if (mayHold) model.take(taker)
        return
      }
      model.take(taker)
      set.acquire(unguarded, { ...request, timeoutMs, signal: abort.signal }).then(
        (held) => {
          taker.held = held
          taker.outcome = 'held'
        },
        () => {
          taker.outcome = 'refused'
        },
      )
    }
  }
}
