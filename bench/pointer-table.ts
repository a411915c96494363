// Does the cost of an append or a splice grow with the pointer table? The same change at 1 k, 100 k
// and 1 M pointers, interleaved in one run; about flat is what is promised. Also what loading costs a
// pointer, and looking up a time. No disk, no sync. Run: npx tsx bench/pointer-table.ts

import { Bench } from 'tinybench'
import { type PointerTable, PointerTableBuilder } from '../src/version/pointer-table.ts'
import type { Pointer } from '../src/version/pointer.ts'

const SIZES = [1_000, 100_000, 1_000_000]
const APPENDS = 256
const SPLICES = 64
const LOOKUPS = 1_000

function pointer(start: number, span: number): Pointer {
  return {
    start: BigInt(start),
    end: BigInt(start + span),
    joined: false,
    segment: 2 ** 32,
    offset: start,
    length: 8_192,
    skip: 0,
    count: 1_000,
    live: 8_192,
  }
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`)
}

function build(size: number): PointerTable {
  const builder = new PointerTableBuilder()
  for (let i = 0; i < size; i++) builder.push(pointer(i * 100, 50))
  return builder.build()
}

const bench = new Bench({ time: 300, warmupTime: 100 })
for (const size of SIZES) {
  const base = build(size)
  const appended = Array.from({ length: APPENDS }, (_, i) => [pointer((size + i) * 100, 50)])
  bench.add(`append ${size}`, () => {
    let table = base
    for (const one of appended) table = table.splice(table.length, 0, one)
    expectEqual(table.length, size + APPENDS, 'pointers after appends')
    expectEqual(table.endAt(table.length - 1), BigInt((size + APPENDS) * 100 - 50), 'the last end')
    expectEqual(base.samples, size * 1_000, 'samples of the version before')
  })

  const stride = Math.floor(size / SPLICES)
  const cuts = Array.from({ length: SPLICES }, (_, i) => {
    const position = i * stride + (stride >> 1)
    return { position, halves: [pointer(position * 100, 10), pointer(position * 100 + 20, 10)] }
  })
  bench.add(`splice ${size}`, () => {
    for (const { position, halves } of cuts) {
      const table = base.splice(position, 1, halves)
      expectEqual(table.length, size + 1, 'pointers after a cut')
      expectEqual(table.startAt(position + 1), BigInt(position * 100 + 20), 'the second half')
    }
  })

  const middle = Math.floor(size / 4)
  bench.add(`drop half of ${size}`, () => {
    const table = base.splice(middle, size / 2, [])
    expectEqual(table.samples, (size / 2) * 1_000, 'samples after dropping half')
  })

  bench.add(`look up ${size}`, () => {
    for (let i = 0; i < LOOKUPS; i++) {
      const position = (i * 7_919) % size
      expectEqual(base.lowerBound(BigInt(position * 100 + 7)), position, 'a position')
    }
  })

  const pointers = Array.from(base.slice())
  bench.add(`load ${size}`, () => {
    const builder = new PointerTableBuilder()
    for (const one of pointers) builder.push(one)
    expectEqual(builder.build().samples, size * 1_000, 'samples loaded')
  })
}

await bench.run()

const UNITS: [string, (size: number) => number][] = [
  ['append', () => APPENDS],
  ['splice', () => SPLICES],
  ['drop half of', () => 1],
  ['look up', () => LOOKUPS],
  ['load', (size) => size],
]
const rows = UNITS.map(([name, unit]) => {
  const costs = SIZES.map((size) => {
    const { result } = bench.getTask(`${name} ${size}`) ?? {}
    if (result === undefined || !('latency' in result)) throw new Error(`${name} ${size} did not complete`)
    return (result.latency.p50 * 1e6) / unit(size)
  })
  const [small = NaN] = costs
  return {
    change: name,
    'ratio 100 k : 1 k': ((costs[1] ?? NaN) / small).toFixed(2),
    'ratio 1 M : 1 k': ((costs[2] ?? NaN) / small).toFixed(2),
    'ns at 1 k': small.toFixed(0),
    'ns at 100 k': (costs[1] ?? NaN).toFixed(0),
    'ns at 1 M': (costs[2] ?? NaN).toFixed(0),
  }
})
console.table(rows)
