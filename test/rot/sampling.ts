// What tests of rot take of all there is: stores that are made once, since damage is done to copies, and some damages
// of many. Called by rot.test.ts, verify.test.ts and repair.test.ts; the soak scripts take all.

import type { SeededRandom } from '../../src/fs/seeded-random.ts'
import { makeStore } from './stores.ts'
import type { Ending, Store } from './stores.ts'

const made = new Map<string, Promise<Store>>()

/** Made once: damage is done to copies. */
export function storeOf(name: string, ending: Ending): Promise<Store> {
  const key = `${name},${ending}`
  let store = made.get(key)
  if (store === undefined) made.set(key, (store = makeStore(name, ending)))
  return store
}

/** About `count` of a row, evenly spread from where `random` begins. */
export function some<T>(all: readonly T[], count: number, random: SeededRandom): T[] {
  const stride = Math.max(1, Math.floor(all.length / count))
  const first = random.below(stride)
  return all.filter((_, i) => i % stride === first)
}
