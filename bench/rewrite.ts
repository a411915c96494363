// What does a collection that rewrites pay for finding what lies in the segments of a batch? A table of 1,000,000
// pointers into 1,000 segments, of which one in ten is written again, one a batch: by the sums of live bytes that
// nodes and leaves keep, as it is done, beside a look at every pointer for each batch. The first batch, which adds the
// sums up, apart. Between two batches an edit moves what was found. In memory; medians of repeats.
//
//   npx tsx bench/rewrite.ts [--pointers N] [--segments N] [--repeats N]

import { parseArgs } from 'node:util'
import { systemClock } from '../src/clock.ts'
import { wherever } from '../src/database/collection/relocate.ts'
import { Turns } from '../src/database/turns.ts'
import { walkPointers } from '../src/database/walk-pointers.ts'
import type { Pointer } from '../src/version/pointer.ts'
import { PointerTableBuilder } from '../src/version/pointer-table.ts'
import type { PointerTable } from '../src/version/pointer-table.ts'

const { values } = parseArgs({
  options: {
    pointers: { type: 'string', default: '1000000' },
    segments: { type: 'string', default: '1000' },
    repeats: { type: 'string', default: '5' },
  },
})
const POINTERS = Number(values.pointers)
const SEGMENTS = Number(values.segments)
const EACH = POINTERS / SEGMENTS
const LENGTH = 8192
const turns = new Turns(systemClock)

function tableOf(): PointerTable {
  const builder = new PointerTableBuilder()
  for (let i = 0; i < POINTERS; i++) {
    const place = { segment: Math.floor(i / EACH), offset: (i % EACH) * LENGTH, length: LENGTH, live: LENGTH }
    builder.push({ start: BigInt(2 * i), end: BigInt(2 * i + 1), joined: false, ...place, skip: 0, count: 1 })
  }
  return builder.build()
}

type Find = (table: PointerTable, segment: number) => Promise<Pointer[]>

async function bySums(table: PointerTable, segment: number): Promise<Pointer[]> {
  const found: Pointer[] = []
  for await (const run of wherever(turns, new Set([segment]))(1, table, 1)) found.push(...run)
  return found
}

async function byWalking(table: PointerTable, segment: number): Promise<Pointer[]> {
  const found: Pointer[] = []
  await walkPointers(turns, table, (pointer) => {
    if (pointer.segment === segment) found.push(pointer)
  })
  return found
}

/** Milliseconds of each batch. */
async function batches(find: Find): Promise<number[]> {
  let table = tableOf()
  const took: number[] = []
  for (let segment = 0; segment < SEGMENTS; segment += 10) {
    const begun = performance.now()
    const found = await find(table, segment)
    took.push(performance.now() - begun)
    if (found.length !== EACH) throw new Error(`${found.length} pointers into segment ${segment}`)
    const moved = found.map((pointer) => ({ ...pointer, segment: SEGMENTS + segment }))
    table = table.splice(table.startBound(moved[0]!.start), moved.length, moved)
  }
  return took
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1]!

const first: number[] = []
const later: number[] = []
const walked: number[] = []
for (let i = 0; i < Number(values.repeats); i++) {
  const [begins, ...others] = await batches(bySums)
  first.push(begins!)
  later.push(median(others))
  walked.push(median(await batches(byWalking)))
}
const [a, b, c] = [median(later), median(walked), median(first)]
process.stdout.write(
  `${POINTERS.toLocaleString('en')} pointers, ${EACH} a batch: ${(b / a).toFixed(0)} times as fast by sums ` +
    `(${a.toFixed(2)} ms a batch beside ${b.toFixed(1)} ms; the first ${c.toFixed(1)} ms)\n`,
)
