import { describe, expect, it } from 'vitest'
import { createClock, now, systemClock, type Clock } from '../../src/clock.ts'

const MS = 1_000_000n

/** A clock whose two sources are under the test's hand. */
class Hands {
  monotonic = 0
  wall: number
  readonly clock: Clock

  constructor(wall: number) {
    this.wall = wall
    this.clock = createClock(
      () => this.wall,
      () => this.monotonic,
    )
  }
}

describe('createClock', () => {
  it('counts nanoseconds within the millisecond that the wall clock shows', () => {
    const time = new Hands(1_000)
    expect(time.clock.now()).toBe(1_000n * MS)
    time.monotonic = 0.25
    expect(time.clock.now()).toBe(1_000n * MS + 250_000n)
    time.monotonic = 5
    expect(time.clock.now()).toBe(1_001n * MS - 1n)
    time.wall = 1_005
    expect(time.clock.now()).toBe(1_005n * MS)
  })

  it('follows a wall clock that jumps ahead', () => {
    const time = new Hands(1_000)
    time.wall = 3_600_000
    time.monotonic = 1
    expect(time.clock.now()).toBe(3_600_000n * MS)
  })

  it('stands still while the wall clock is behind what it said', () => {
    const time = new Hands(1_000)
    const before = time.clock.now()
    time.wall = 400
    for (time.monotonic = 0; time.monotonic < 600; time.monotonic += 50, time.wall += 50) {
      expect(time.clock.now()).toBe(before)
    }
    time.wall = 1_001
    expect(time.clock.now()).toBeGreaterThan(before)
  })
})

describe('systemClock', () => {
  it('never goes back and stays with the wall clock', () => {
    const from = BigInt(Date.now()) * MS
    let last = now()
    expect(last).toBeGreaterThanOrEqual(from)
    for (let i = 0; i < 10_000; i++) {
      const next = systemClock.now()
      if (next < last) expect.fail(`${next} came after ${last}`)
      last = next
    }
    expect(last).toBeLessThan(BigInt(Date.now() + 1) * MS)
  })

  it('has a monotonic side', () => {
    const first = systemClock.monotonicMs()
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first)
  })
})
