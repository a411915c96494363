// What must not compile about guards: wrong orders and wrong modes (0004-I1, 0004-I2). Checked by `tsc`
// alone, which also fails where an expected error has gone; nothing here runs.

import { unguarded } from '../../src/guard/held.ts'
import type { Held } from '../../src/guard/held.ts'
import { withGuards } from '../../src/guard/guard-set.ts'
import type { GuardSet } from '../../src/guard/guard-set.ts'
import type { Below, NameBelow, RankOf } from '../../src/guard/rank.ts'

type Equal<A, B> = [A, B] extends [B, A] ? true : false
export const ranksBelowIndex: Equal<Below<RankOf<'index'>>, 1 | 2 | 3> = true
export const namesBelowIndex: Equal<NameBelow<'index'>, 'lease' | 'catalog' | 'segment'> = true
export const nothingBelowLease: Equal<NameBelow<'lease'>, never> = true

function cut(index: Held<'index', 'exclusive'>): void {
  index.release()
}

function look(index: Held<'index', 'shared'>): void {
  index.release()
}

export async function orders(set: GuardSet): Promise<void> {
  const lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose: 'delete' })
  const catalog = await set.acquire(lease, { rank: 'catalog', mode: 'shared', purpose: 'delete' })
  const index = await set.acquire(catalog, { rank: 'index', mode: 'exclusive', keys: [1], purpose: 'delete' })
  const journal = await set.acquire(lease, { rank: 'journal', mode: 'exclusive', purpose: 'append' })

  // @ts-expect-error upwards: the catalogue comes before the index guards
  await set.acquire(index, { rank: 'catalog', mode: 'shared', purpose: 'wrong' })
  // @ts-expect-error the same rank twice
  await set.acquire(index, { rank: 'index', mode: 'exclusive', keys: [2], purpose: 'wrong' })
  // @ts-expect-error nothing comes before the lease
  await set.acquire(catalog, { rank: 'lease', mode: 'shared', purpose: 'wrong' })
  // @ts-expect-error segments come before the index guards
  set.tryAcquire(index, { rank: 'segment', mode: 'exclusive', keys: [1], purpose: 'wrong' })
  // @ts-expect-error upwards through the helper
  await withGuards(set, journal, { rank: 'index', mode: 'shared', keys: [1], purpose: 'wrong' }, look)
  // @ts-expect-error what is held must be said
  await set.acquire(undefined, { rank: 'lease', mode: 'shared', purpose: 'wrong' })
  // @ts-expect-error no such rank
  await set.acquire(lease, { rank: 'pages', mode: 'shared', purpose: 'wrong' })
  // @ts-expect-error a purpose is not optional: time-outs name it
  await set.acquire(lease, { rank: 'catalog', mode: 'shared' })
}

export async function modes(set: GuardSet): Promise<void> {
  const shared = await set.acquire(unguarded, { rank: 'index', mode: 'shared', keys: [1], purpose: 'read' })
  const exclusive = await set.acquire(unguarded, {
    rank: 'index',
    mode: 'exclusive',
    keys: [1],
    purpose: 'cut',
  })
  const catalog = await set.acquire(unguarded, { rank: 'catalog', mode: 'exclusive', purpose: 'create' })

  look(shared)
  look(exclusive)
  cut(exclusive)
  // @ts-expect-error shared is not enough where exclusive is demanded
  cut(shared)
  // @ts-expect-error another rank is no substitute
  look(catalog)
  // @ts-expect-error a Held is not made by hand
  look({ rank: 'index', mode: 'shared', keys: [1] })
}
