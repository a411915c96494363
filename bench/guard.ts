// What does an uncontended guard cost? Acquire and release, which are to take less than 1 us, against awaiting a bare
// promise, interleaved in one run; ratios first, medians. No sync, no disk. Run with `node --import tsx bench/guard.ts`.

import { Bench } from 'tinybench'
import { GuardSet } from '../src/guard/guard-set.ts'
import { unguarded } from '../src/guard/held.ts'

// A single call is shorter than the timer's resolution is good for, so each measurement makes many.
const calls = 1000
const set = new GuardSet({ clock: { monotonicMs: () => performance.now() } })
let counted = 0

async function bare(): Promise<number> {
  return 1
}

const baseline = 'await a bare promise'
const bench = new Bench({ time: 500, warmupTime: 200 })
bench
  .add(baseline, async () => {
    for (let call = 0; call < calls; call++) counted += await bare()
  })
  .add('catalog, shared', async () => {
    for (let call = 0; call < calls; call++) {
      const held = await set.acquire(unguarded, { rank: 'catalog', mode: 'shared', purpose: 'bench' })
      counted += held.isReleased ? 0 : 1
      held.release()
    }
  })
  .add('index, exclusive, one key', async () => {
    for (let call = 0; call < calls; call++) {
      const held = await set.acquire(unguarded, {
        rank: 'index',
        mode: 'exclusive',
        keys: [7],
        purpose: 'bench',
      })
      counted += held.isReleased ? 0 : 1
      held.release()
    }
  })
  .add('segment, exclusive, one key, tried', async () => {
    for (let call = 0; call < calls; call++) {
      const held = set.tryAcquire(unguarded, {
        rank: 'segment',
        mode: 'exclusive',
        keys: [7],
        purpose: 'bench',
      })
      counted += held === undefined ? 0 : 1
      held?.release()
    }
  })
  .add('lease > catalog > index, what a delete takes', async () => {
    for (let call = 0; call < calls; call++) {
      const purpose = 'bench'
      using lease = await set.acquire(unguarded, { rank: 'lease', mode: 'shared', purpose })
      using catalog = await set.acquire(lease, { rank: 'catalog', mode: 'shared', purpose })
      using index = await set.acquire(catalog, { rank: 'index', mode: 'exclusive', keys: [7], purpose })
      counted += index.isReleased ? 0 : 1
    }
  })
await bench.run()

const medians = new Map<string, number>()
let measured = 0
for (const { name, result } of bench.tasks) {
  if (result.state !== 'completed') throw new Error(`${name} did not complete`)
  medians.set(name, (result.latency.p50 * 1000) / calls)
  measured += result.latency.samplesCount * calls
}
if (counted < measured || set.keyedCount !== 0) throw new Error('what was measured was not held')
const base = medians.get(baseline) ?? Number.NaN
for (const [name, micros] of medians) {
  console.log(`${(micros / base).toFixed(2).padStart(6)} x  ${micros.toFixed(3)} us  ${name}`)
}
