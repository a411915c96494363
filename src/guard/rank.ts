// The ranks of the guards: one total order for the whole engine. Whoever holds guards may acquire
// only of a higher rank, so that no circle of waiters can form (0004-I1). The order lives here once,
// as values for the check at run time and as types for the one at compile time; guard-set.ts uses both.

/** Ranks by name; smaller is acquired earlier. */
export const rankOf = {
  lease: 1,
  catalog: 2,
  segment: 3,
  index: 4,
  journal: 5,
  manifest: 6,
} as const

/** What a guard protects: see section 5 of the architecture. */
export type RankName = keyof typeof rankOf

/** The rank of a name, as a number literal. */
export type RankOf<N extends RankName> = (typeof rankOf)[N]

/** Any rank, 1 to 6. */
export type Rank = RankOf<RankName>

interface RanksBelow {
  readonly 1: never
  readonly 2: 1
  readonly 3: 1 | 2
  readonly 4: 1 | 2 | 3
  readonly 5: 1 | 2 | 3 | 4
  readonly 6: 1 | 2 | 3 | 4 | 5
}

/** The ranks that are acquired before `R`: those numerically smaller. */
export type Below<R extends Rank> = RanksBelow[R]

/** The names of the ranks that are acquired before `N`: what may be held when `N` is asked for. */
export type NameBelow<N extends RankName> = {
  [K in RankName]: RankOf<K> extends Below<RankOf<N>> ? K : never
}[RankName]

/** Tells guards of one rank apart: a channel key of a group, a segment id. */
export type GuardKey = number | string

/** The ranks that have many guards, one a key; the others have one. */
export type KeyedRankName = 'segment' | 'index'

/** Whether a rank has one guard a key. */
export function isKeyed(rank: RankName): rank is KeyedRankName {
  return rank === 'segment' || rank === 'index'
}

/** A guard's name in messages: `catalog`, `index 7`. */
export function guardName(rank: RankName, key?: GuardKey): string {
  return key === undefined ? rank : `${rank} ${key}`
}
