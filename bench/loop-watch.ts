// How long the event loop is kept, seen by a timer of 1 ms: by the clock, which also counts whatever else the machine
// does, and by the processor time of the thread between two ticks, which counts only what this process computes
// (Linux: /proc/thread-self/schedstat). Collections of V8's garbage are told apart: nobody can slice those.

import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** The longest of each while it was watched, in milliseconds. */
export interface LoopReport {
  readonly lateMs: number
  readonly late99Ms: number
  /** Processor time between two ticks; NaN where the system does not tell. */
  readonly busyMs: number
  readonly garbageMs: number
  readonly tookMs: number
}

const SCHEDSTAT = '/proc/thread-self/schedstat'

/** Watches the loop while `work` runs. */
export async function watchLoop<T>(work: () => Promise<T>): Promise<{ result: T; loop: LoopReport }> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const stat = existsSync(SCHEDSTAT) ? openSync(SCHEDSTAT, 'r') : undefined
  const buffer = Buffer.alloc(64)
  const processorMs = (): number =>
    stat === undefined
      ? Number.NaN
      : Number(buffer.toString('latin1', 0, readSync(stat, buffer, 0, 64, 0)).split(' ')[0]) / 1e6
  let garbageMs = 0
  const garbage = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) garbageMs = Math.max(garbageMs, duration)
  })
  garbage.observe({ entryTypes: ['gc'] })
  delay.enable()
  await sleep(20)
  // After a reset the histogram leaves the first tick out.
  delay.reset()
  await sleep(5)
  let busyMs = stat === undefined ? Number.NaN : 0
  let lastMs = processorMs()
  const look = (): void => {
    const nowMs = processorMs()
    busyMs = Math.max(busyMs, nowMs - lastMs)
    lastMs = nowMs
  }
  const ticking = setInterval(look, 1)
  const beganMs = performance.now()
  try {
    const result = await work()
    const tookMs = performance.now() - beganMs
    await sleep(5)
    look()
    return {
      result,
      loop: { lateMs: delay.max / 1e6, late99Ms: delay.percentile(99) / 1e6, busyMs, garbageMs, tookMs },
    }
  } finally {
    clearInterval(ticking)
    delay.disable()
    garbage.disconnect()
    if (stat !== undefined) closeSync(stat)
  }
}
