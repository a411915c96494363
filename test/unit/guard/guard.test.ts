import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LockTimeoutError } from '../../../src/errors.ts'
import { Guard } from '../../../src/guard/guard.ts'
import type { Holding, WaitLimits } from '../../../src/guard/guard.ts'
import type { Mode } from '../../../src/guard/held.ts'

function holding(mode: Mode, purpose: string, sinceMs = 0): Holding {
  return { mode, purpose, sinceMs }
}

const unlimited: WaitLimits = { timeoutMs: undefined, signal: undefined, now: () => Date.now() }

/** Queues `taker` up and notes its purpose in `granted` when its turn comes. */
function queue(guard: Guard, taker: Holding, granted: string[], limits = unlimited): Promise<void> {
  return guard.wait(taker, limits).then(() => {
    granted.push(taker.purpose)
  })
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('a guard', () => {
  it('admits any number of shared holders, or one exclusive', () => {
    const guard = new Guard('catalog')
    const [a, b, c] = [holding('shared', 'a'), holding('shared', 'b'), holding('exclusive', 'c')]
    expect(guard.tryTake(a)).toBe(true)
    expect(guard.tryTake(b)).toBe(true)
    expect(guard.tryTake(c)).toBe(false)
    guard.giveBack(a)
    expect(guard.tryTake(c)).toBe(false)
    guard.giveBack(b)
    expect(guard.tryTake(c)).toBe(true)
    expect(guard.tryTake(a)).toBe(false)
    guard.giveBack(c)
    expect(guard.isIdle).toBe(true)
  })

  it('makes a shared taker wait behind a queued exclusive one, and grants neighbours together (0004-I4)', async () => {
    const guard = new Guard('catalog')
    const reader = holding('shared', 'reader')
    const writer = holding('exclusive', 'writer')
    const granted: string[] = []
    guard.tryTake(reader)
    const late = [holding('shared', 'one'), holding('shared', 'two')] as const
    const last = holding('exclusive', 'last')
    const all = [writer, ...late, last].map((taker) => queue(guard, taker, granted))
    expect(guard.tryTake(holding('shared', 'barger'))).toBe(false)
    await settle()
    expect(granted).toEqual([])
    guard.giveBack(reader)
    await settle()
    expect(granted).toEqual(['writer'])
    guard.giveBack(writer)
    await settle()
    expect(granted).toEqual(['writer', 'one', 'two'])
    guard.giveBack(late[0])
    await settle()
    expect(granted).toHaveLength(3)
    guard.giveBack(late[1])
    await Promise.all(all)
    expect(granted).toEqual(['writer', 'one', 'two', 'last'])
  })

  it('wakes those behind a waiter that times out (0004-I5)', async () => {
    const guard = new Guard('catalog')
    guard.tryTake(holding('shared', 'reader'))
    const granted: string[] = []
    const writer = guard.wait(holding('exclusive', 'writer'), { ...unlimited, timeoutMs: 50 })
    const refused = expect(writer).rejects.toBeInstanceOf(LockTimeoutError)
    const behind = queue(guard, holding('shared', 'behind'), granted)
    await vi.advanceTimersByTimeAsync(49)
    expect(granted).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await refused
    await behind
    expect(granted).toEqual(['behind'])
  })

  it('wakes those behind a waiter that is aborted, and rejects with the reason (0004-I5)', async () => {
    const guard = new Guard('catalog')
    guard.tryTake(holding('shared', 'reader'))
    const granted: string[] = []
    const abort = new AbortController()
    const writer = guard.wait(holding('exclusive', 'writer'), {
      ...unlimited,
      signal: abort.signal,
      timeoutMs: 50,
    })
    const refused = expect(writer).rejects.toBe('enough')
    const behind = queue(guard, holding('shared', 'behind'), granted)
    abort.abort('enough')
    await refused
    await behind
    expect(granted).toEqual(['behind'])
  })

  it('keeps its order when one in the middle of the queue leaves', async () => {
    const guard = new Guard('catalog')
    const first = holding('exclusive', 'first')
    guard.tryTake(first)
    const granted: string[] = []
    const abort = new AbortController()
    const second = holding('exclusive', 'second')
    const ahead = queue(guard, second, granted)
    const leaver = guard.wait(holding('exclusive', 'leaver'), { ...unlimited, signal: abort.signal })
    const behind = queue(guard, holding('exclusive', 'behind'), granted)
    abort.abort()
    await expect(leaver).rejects.toBe(abort.signal.reason)
    expect(granted).toEqual([])
    guard.giveBack(first)
    await ahead
    guard.giveBack(second)
    await behind
    expect(granted).toEqual(['second', 'behind'])
  })

  it('keeps a grant that was made before the abort', async () => {
    const guard = new Guard('catalog')
    const first = holding('exclusive', 'first')
    const second = holding('exclusive', 'second')
    guard.tryTake(first)
    const abort = new AbortController()
    const granted = guard.wait(second, { ...unlimited, signal: abort.signal, timeoutMs: 10 })
    guard.giveBack(first)
    const behind: string[] = []
    const third = queue(guard, holding('exclusive', 'third'), behind)
    abort.abort()
    await expect(granted).resolves.toBeUndefined()
    expect(behind).toEqual([])
    guard.giveBack(second)
    await third
    expect(behind).toEqual(['third'])
  })

  it('does not queue up for a signal that is aborted already, nor for a time-out of 0', async () => {
    const guard = new Guard('catalog')
    guard.tryTake(holding('shared', 'reader'))
    const gone = guard.wait(holding('exclusive', 'a'), { ...unlimited, signal: AbortSignal.abort('gone') })
    await expect(gone).rejects.toBe('gone')
    const refused = guard.wait(holding('exclusive', 'b'), { ...unlimited, timeoutMs: 0 })
    await expect(refused).rejects.toBeInstanceOf(LockTimeoutError)
    expect(guard.tryTake(holding('shared', 'next'))).toBe(true)
  })

  it('waits for ever where the time-out is longer than timers reach', async () => {
    const guard = new Guard('catalog')
    const first = holding('exclusive', 'first')
    guard.tryTake(first)
    const granted: string[] = []
    const waiting = queue(guard, holding('shared', 'patient'), granted, { ...unlimited, timeoutMs: 1e12 })
    await vi.advanceTimersByTimeAsync(60_000)
    guard.giveBack(first)
    await waiting
    expect(granted).toEqual(['patient'])
  })

  it('names holders, their purpose and how long they have held, and who waits before, in a time-out', async () => {
    const guard = new Guard('index 7')
    guard.tryTake(holding('shared', 'export', Date.now() - 1200))
    const writer = guard.wait(holding('exclusive', 'delete'), unlimited)
    writer.catch(() => undefined)
    const refused = guard.wait(holding('shared', 'read'), { ...unlimited, timeoutMs: 300 })
    const message = refused.catch((error: unknown) => String(error))
    await vi.advanceTimersByTimeAsync(300)
    expect(await message).toBe(
      'LockTimeoutError: "read" waited 300 ms for the guard index 7 (shared), held by "export" (shared, for 1500 ms)' +
        '; before it in the queue: "delete" (exclusive). Try again, or raise lockTimeout',
    )
  })

  it('names no more than eight of a crowd', async () => {
    const guard = new Guard('lease')
    for (let reader = 0; reader < 100; reader++) guard.tryTake(holding('shared', `reader ${reader}`))
    const refused = guard.wait(holding('exclusive', 'close'), { ...unlimited, timeoutMs: 0 })
    await expect(refused).rejects.toThrow(/"reader 7" \(shared, for \d+ ms\) and 92 more\. Try/)
  })

  it('ignores a holding that is not there', () => {
    const guard = new Guard('lease')
    const one = holding('exclusive', 'one')
    guard.tryTake(one)
    guard.giveBack(holding('exclusive', 'other'))
    expect(guard.tryTake(holding('shared', 'two'))).toBe(false)
  })
})
