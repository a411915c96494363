// The one file that reads the clock: everything else is given a `Clock`. Within a process `now` never
// goes back, and it lies in the millisecond that the wall clock shows, as long as that clock does not
// go back itself; then it stands still until the wall clock has caught up.

import type { TimeStamp } from './telem/timestamp.ts'

/** Where the engine gets its times from. */
export interface Clock {
  /** Nanoseconds since the epoch; never less than what an earlier call returned, perhaps equal. */
  now(): TimeStamp
  /** Milliseconds since some fixed instant, with fractions; only differences mean something. */
  monotonicMs(): number
}

const NANOS_PER_MILLI = 1e6

/**
 * A clock of two: the wall clock says which millisecond it is, the monotonic one where in it.
 * @param wallMs whole milliseconds since the epoch; may jump either way.
 * @param monotonicMs milliseconds with fractions; never goes back, may stand still in a suspended machine.
 */
export function createClock(wallMs: () => number, monotonicMs: () => number): Clock {
  const originMs = wallMs()
  const origin = BigInt(originMs) * BigInt(NANOS_PER_MILLI)
  // Nanoseconds after `originMs` as numbers: exact for 104 days, to 2 ns for 200, and no bigint arithmetic.
  let offset = -monotonicMs() * NANOS_PER_MILLI
  let last = 0
  return {
    now(): TimeStamp {
      const first = (wallMs() - originMs) * NANOS_PER_MILLI
      const after = first + NANOS_PER_MILLI - 1
      const elapsed = monotonicMs() * NANOS_PER_MILLI
      if (offset + elapsed < first) offset = first - elapsed
      else if (offset + elapsed > after) offset = after - elapsed
      last = Math.max(last, Math.floor(offset + elapsed))
      return origin + BigInt(last)
    },
    monotonicMs,
  }
}

/** The clock of this machine. */
export const systemClock: Clock = createClock(
  () => Date.now(),
  () => performance.now(),
)

/** The time of this machine; never goes back within the process. */
export function now(): TimeStamp {
  return systemClock.now()
}
