// Which life of the engine (architecture.md, section 4) an operation on the disk belongs to: that of the
// call that led to it; what began before it was watched, and timers, are the background. Known only
// while it is watched, because following calls through the event loop makes everything slower.

import { AsyncLocalStorage } from 'node:async_hooks'

export const LIVES = [
  'commit',
  'spill',
  'flush',
  'sync',
  'read',
  'delete',
  'collection',
  'channel edit',
  'retire',
  'checkpoint',
  'close',
  'open',
  'recovery',
  'take-over',
  'read-only open',
  'background',
] as const

export type Life = (typeof LIVES)[number]

const lives = new AsyncLocalStorage<Life>()
let isWatched = false

/** Makes a call that belongs to `life`; undefined: to none. */
export function during<T>(life: Life | undefined, call: () => Promise<T>): Promise<T> {
  return isWatched && life !== undefined ? lives.run(life, call) : call()
}

/** The life of what runs now. */
export function lifeNow(): Life {
  return lives.getStore() ?? 'background'
}

/** Makes `lifeNow` known until `run` is over. One at a time. */
export async function watchingLives<T>(run: () => Promise<T>): Promise<T> {
  isWatched = true
  try {
    return await run()
  } finally {
    isWatched = false
    lives.disable()
  }
}
