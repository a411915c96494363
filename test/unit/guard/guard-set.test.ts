import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AssertionError } from '../../../src/assert.ts'
import { LockOrderError, LockTimeoutError } from '../../../src/errors.ts'
import { GuardSet, withGuards } from '../../../src/guard/guard-set.ts'
import { assertHeld, unguarded } from '../../../src/guard/held.ts'
import type { Held, Under } from '../../../src/guard/held.ts'
import type { RankName } from '../../../src/guard/rank.ts'

const clock = { monotonicMs: (): number => Date.now() }

/** Passes a Held where the types would not let it through. */
function against<N extends RankName>(held: Held): Under<N> {
  return held as unknown as Under<N>
}

function newSet(): GuardSet {
  return new GuardSet({ clock })
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('the ranks', () => {
  it('are acquired downwards', async () => {
    const set = newSet()
    const lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'delete' })
    const catalog = await set.acquire(lease, { rank: 'catalog', mode: 'shared', purpose: 'delete' })
    const index = await set.acquire(catalog, {
      rank: 'index',
      mode: 'exclusive',
      keys: [1],
      purpose: 'delete',
    })
    const journal = await set.acquire(index, { rank: 'journal', mode: 'exclusive', purpose: 'delete' })
    expect(journal.under).toBe(index)
    expect(index.under).toBe(catalog)
    for (const held of [journal, index, catalog, lease]) held.release()
    expect(set.tryAcquire(unguarded, { rank: 'lease', mode: 'exclusive', purpose: 'close' })).toBeDefined()
  })

  it('are refused upwards at run time, naming both guards (0004-I1)', async () => {
    const set = newSet()
    const index = await set.acquire(unguarded, { rank: 'index', mode: 'shared', keys: [7], purpose: 'read' })
    const wrong = set.acquire(against<'catalog'>(index), {
      rank: 'catalog',
      mode: 'shared',
      purpose: 'rename',
    })
    await expect(wrong).rejects.toBeInstanceOf(LockOrderError)
    await expect(wrong).rejects.toThrow(
      'catalog (shared, "rename") was asked for while index 7 (shared, "read") is held',
    )
    expect(set.tryAcquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'next' })).toBeDefined()
  })

  it('are compared with the whole chain', async () => {
    const set = newSet()
    const lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'a' })
    const journal = await set.acquire(lease, { rank: 'journal', mode: 'shared', purpose: 'b' })
    const manifest = await set.acquire(journal, { rank: 'manifest', mode: 'shared', purpose: 'c' })
    expect(() =>
      set.tryAcquire(against<'journal'>(manifest), { rank: 'journal', mode: 'shared', purpose: 'd' }),
    ).toThrow('while manifest (shared, "c") is held')
    lease.release()
    expect(() =>
      set.tryAcquire(against<'manifest'>(journal), { rank: 'manifest', mode: 'shared', purpose: 'd' }),
    ).toThrow('manifest (shared, "d") was asked for under lease (shared, "a"), which was released')
  })

  it('are taken once each', async () => {
    const set = newSet()
    const index = await set.acquire(unguarded, { rank: 'index', mode: 'shared', keys: [1], purpose: 'a' })
    const twice = set.acquire(against<'index'>(index), {
      rank: 'index',
      mode: 'shared',
      keys: [2],
      purpose: 'b',
    })
    await expect(twice).rejects.toThrow('several of one rank are taken in one call')
  })

  it('take keys where they have several guards, and none where they have one', async () => {
    const set = newSet()
    const without = set.acquire(unguarded, { rank: 'index', mode: 'shared', purpose: 'a' })
    await expect(without).rejects.toBeInstanceOf(AssertionError)
    const needless = set.acquire(unguarded, { rank: 'catalog', mode: 'shared', keys: [1], purpose: 'a' })
    await expect(needless).rejects.toBeInstanceOf(AssertionError)
  })
})

describe('a Held', () => {
  it('is refused once it was released', async () => {
    const set = newSet()
    const lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'a' })
    expect(() => assertHeld(lease)).not.toThrow()
    lease.release()
    expect(lease.isReleased).toBe(true)
    expect(() => assertHeld(lease)).toThrow(LockOrderError)
    const under = set.acquire(lease, { rank: 'catalog', mode: 'shared', purpose: 'b' })
    await expect(under).rejects.toBeInstanceOf(LockOrderError)
  })

  it('that is released while its holder waits for more makes that acquisition fail and leaks nothing', async () => {
    const set = newSet()
    const lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'a' })
    const other = await set.acquire(unguarded, {
      rank: 'index',
      mode: 'exclusive',
      keys: [1],
      purpose: 'other',
    })
    const waiting = set.acquire(lease, { rank: 'index', mode: 'shared', keys: [1], purpose: 'b' })
    const refused = expect(waiting).rejects.toBeInstanceOf(LockOrderError)
    lease.release()
    other.release()
    await refused
    expect(set.keyedCount).toBe(0)
  })

  it('gives back once, however often it is released', async () => {
    const set = newSet()
    const first = await set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'first' })
    first.release()
    const second = await set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'second' })
    first.release()
    expect(set.tryAcquire(unguarded, { rank: 'catalog', mode: 'shared', purpose: 'third' })).toBeUndefined()
    expect(second.isReleased).toBe(false)
  })

  it('is released at the end of a block that declares it with using', async () => {
    const set = newSet()
    {
      using held = await set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'block' })
      expect(held.covers()).toBe(true)
    }
    expect(set.tryAcquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'next' })).toBeDefined()
  })

  it('says which keys it covers', async () => {
    const set = newSet()
    const held = await set.acquire(unguarded, { rank: 'index', mode: 'shared', keys: [1, 2], purpose: 'a' })
    expect(held.covers(2)).toBe(true)
    expect(held.covers(3)).toBe(false)
    expect(held.covers()).toBe(false)
    expect(() => assertHeld(held, 1)).not.toThrow()
    expect(() => assertHeld(held, 3)).toThrow('does not cover index 3')
  })
})

describe('guards of several keys', () => {
  it('are taken in ascending order, each once, whatever order they are named in (0004-I3)', async () => {
    const set = newSet()
    const held = await set.acquire(unguarded, {
      rank: 'index',
      mode: 'exclusive',
      keys: new Set([10, 'b', 9, 'a', 100]),
      purpose: 'a',
    })
    expect(held.keys).toEqual([9, 10, 100, 'a', 'b'])
    held.release()
    const again = await set.acquire(unguarded, {
      rank: 'index',
      mode: 'shared',
      keys: [2, 1, 2],
      purpose: 'b',
    })
    expect(again.keys).toEqual([1, 2])
    expect(set.keyedCount).toBe(2)
  })

  it('do not deadlock when two callers name them the other way round', async () => {
    const set = newSet()
    const done: string[] = []
    const use = async (purpose: string, keys: number[]): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        await withGuards(set, unguarded, { rank: 'index', mode: 'exclusive', keys, purpose }, settle)
      }
      done.push(purpose)
    }
    await Promise.all([use('up', [1, 2, 3]), use('down', [3, 2, 1]), use('ends', [3, 1])])
    expect(done.toSorted()).toEqual(['down', 'ends', 'up'])
    expect(set.keyedCount).toBe(0)
  })

  it('are all given back when one of them times out (0004-I3)', async () => {
    const set = newSet()
    const busy = await set.acquire(unguarded, {
      rank: 'index',
      mode: 'exclusive',
      keys: [2],
      purpose: 'busy',
    })
    const wanted = set.acquire(unguarded, {
      rank: 'index',
      mode: 'exclusive',
      keys: [1, 2, 3],
      purpose: 'all',
      timeoutMs: 100,
    })
    const refused = expect(wanted).rejects.toThrow(
      'waited 100 ms for the guard index 2 (exclusive), held by "busy"',
    )
    expect(
      set.tryAcquire(unguarded, { rank: 'index', mode: 'shared', keys: [1], purpose: 'x' }),
    ).toBeUndefined()
    expect(set.keyedCount).toBe(2)
    await vi.advanceTimersByTimeAsync(100)
    await refused
    expect(set.keyedCount).toBe(1)
    busy.release()
    expect(set.keyedCount).toBe(0)
  })

  it('share one time-out', async () => {
    const set = newSet()
    const one = await set.acquire(unguarded, { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'one' })
    const two = await set.acquire(unguarded, { rank: 'index', mode: 'exclusive', keys: [2], purpose: 'two' })
    const keys = [1, 2]
    const wanted = set.acquire(unguarded, {
      rank: 'index',
      mode: 'shared',
      keys,
      purpose: 'both',
      timeoutMs: 100,
    })
    const refused = expect(wanted).rejects.toBeInstanceOf(LockTimeoutError)
    await vi.advanceTimersByTimeAsync(70)
    one.release()
    await vi.advanceTimersByTimeAsync(29)
    expect(
      set.tryAcquire(unguarded, { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'x' }),
    ).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    await refused
    two.release()
    expect(set.keyedCount).toBe(0)
  })

  it('that are tried are all taken or none', async () => {
    const set = newSet()
    const busy = await set.acquire(unguarded, {
      rank: 'segment',
      mode: 'shared',
      keys: [2],
      purpose: 'append',
    })
    const keys = [1, 2]
    expect(
      set.tryAcquire(unguarded, { rank: 'segment', mode: 'exclusive', keys, purpose: 'gc' }),
    ).toBeUndefined()
    expect(set.keyedCount).toBe(1)
    expect(
      set.tryAcquire(unguarded, { rank: 'segment', mode: 'shared', keys, purpose: 'append' })?.keys,
    ).toEqual(keys)
    busy.release()
  })

  it('are dropped when nobody uses them, so that 10,000 groups leave nothing behind', async () => {
    const set = newSet()
    for (let key = 0; key < 10_000; key++) {
      const held = await set.acquire(unguarded, {
        rank: 'index',
        mode: 'shared',
        keys: [key],
        purpose: 'read',
      })
      held.release()
    }
    expect(set.keyedCount).toBe(0)
  })

  it('stay one guard a key when a waiter leaves while the holder releases and another takes', async () => {
    const set = newSet()
    const request = { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'a' } as const
    const first = await set.acquire(unguarded, request)
    const abort = new AbortController()
    const leaver = set.acquire(unguarded, { ...request, signal: abort.signal })
    abort.abort('gone')
    first.release()
    const second = set.tryAcquire(unguarded, request)
    await expect(leaver).rejects.toBe('gone')
    expect(second?.isReleased).toBe(false)
    expect(set.tryAcquire(unguarded, request)).toBeUndefined()
    expect(set.keyedCount).toBe(1)
  })

  it('of different keys and ranks do not wait for each other', async () => {
    const set = newSet()
    await set.acquire(unguarded, { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'a' })
    const request = { mode: 'exclusive', purpose: 'b' } as const
    expect(set.tryAcquire(unguarded, { ...request, rank: 'index', keys: [2] })).toBeDefined()
    expect(set.tryAcquire(unguarded, { ...request, rank: 'segment', keys: [1] })).toBeDefined()
    expect(set.tryAcquire(unguarded, { ...request, rank: 'catalog' })).toBeDefined()
  })
})

describe('waiting', () => {
  it('does not happen when the guard is free: the grant comes before the next macrotask', async () => {
    const set = newSet()
    let held: Held | undefined
    void set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'a' }).then((got) => {
      held = got
    })
    await settle()
    expect(held?.isReleased).toBe(false)
  })

  it('is first come, first served', async () => {
    const set = newSet()
    const first = await set.acquire(unguarded, { rank: 'catalog', mode: 'shared', purpose: 'first' })
    const order: string[] = []
    const take = (purpose: string, mode: 'shared' | 'exclusive'): Promise<void> =>
      withGuards(set, unguarded, { rank: 'catalog', mode, purpose }, () => {
        order.push(purpose)
      })
    const all = [take('create', 'exclusive'), take('read', 'shared'), take('rename', 'exclusive')]
    await settle()
    expect(order).toEqual([])
    expect(set.tryAcquire(unguarded, { rank: 'catalog', mode: 'shared', purpose: 'barge' })).toBeUndefined()
    first.release()
    await Promise.all(all)
    expect(order).toEqual(['create', 'read', 'rename'])
  })

  it('says in a time-out how long holders have held since they got what they waited for', async () => {
    const set = newSet()
    const first = await set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'first' })
    const second = set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'second' })
    await vi.advanceTimersByTimeAsync(1000)
    first.release()
    const held = await second
    expect(held.sinceMs).toBe(Date.now())
    const third = set.acquire(unguarded, {
      rank: 'catalog',
      mode: 'shared',
      purpose: 'third',
      timeoutMs: 200,
    })
    const refused = expect(third).rejects.toThrow('held by "second" (exclusive, for 200 ms)')
    await vi.advanceTimersByTimeAsync(200)
    await refused
  })

  it('ends with the reason of the signal, at once when it is aborted already', async () => {
    const set = newSet()
    const request = { rank: 'lease', mode: 'exclusive', purpose: 'a' } as const
    const gone = set.acquire(unguarded, { ...request, signal: AbortSignal.abort('gone') })
    await expect(gone).rejects.toBe('gone')
    const held = await set.acquire(unguarded, request)
    const abort = new AbortController()
    const waiting = set.acquire(unguarded, { ...request, signal: abort.signal })
    abort.abort('later')
    await expect(waiting).rejects.toBe('later')
    held.release()
    expect(set.tryAcquire(unguarded, request)).toBeDefined()
  })
})

describe('a waiter that leaves', () => {
  it.each(['abort', 'time-out', 'grant'] as const)(
    'leaves no trace: no listener, no timer, no place in the queue, no guard of its keys (%s)',
    async (how) => {
      const set = newSet()
      const request = { rank: 'index', mode: 'exclusive', keys: [1, 2, 3], purpose: 'delete' } as const
      const first = await set.acquire(unguarded, { ...request, keys: [2] })
      const abort = new AbortController()
      const timeoutMs = how === 'time-out' ? 10 : 1000
      const waiter = set.acquire(unguarded, { ...request, timeoutMs, signal: abort.signal })
      const outcome = waiter.then(
        (held) => held.release(),
        (error: unknown) => error,
      )
      await settle()
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
      expect(vi.getTimerCount()).toBe(1)
      expect(set.keyedCount).toBe(2)
      if (how === 'abort') abort.abort(new Error('gone'))
      if (how === 'time-out') vi.advanceTimersByTime(10)
      if (how === 'grant') first.release()
      await outcome
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
      expect(vi.getTimerCount()).toBe(0)
      expect(set.keyedCount).toBe(how === 'grant' ? 0 : 1)
      first.release()
      expect(set.keyedCount).toBe(0)
      const next = set.tryAcquire(unguarded, request)
      expect(next?.keys).toEqual([1, 2, 3])
      next?.release()
      abort.abort()
    },
  )
})

describe('withGuards', () => {
  it('hands the body its result and its error on, and releases either way', async () => {
    const set = newSet()
    const request = { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'a' } as const
    await expect(withGuards(set, unguarded, request, (held) => held.keys)).resolves.toEqual([1])
    await expect(
      withGuards(set, unguarded, request, () => Promise.reject(new Error('late'))),
    ).rejects.toThrow('late')
    const early = withGuards(set, unguarded, request, () => {
      throw new Error('early')
    })
    await expect(early).rejects.toThrow('early')
    expect(set.keyedCount).toBe(0)
  })
})
