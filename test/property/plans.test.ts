// Laws of plans: whatever was written, flushed, deleted and collected before, a delete takes exactly what a
// plain list would lose, parts what a plain list would part, and memory, replay and snapshots agree.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DependentDataError } from '../../src/errors.ts'
import type { Snapshot } from '../../src/index.ts'
import { createGroup, frameOf, Stage, timesFrom } from '../pitfalls/stage.ts'
import type { Actor } from '../pitfalls/stage.ts'
import { propertyOptions } from '../support/seeds.ts'

const CHANNELS = ['time', 'a', 'b'] as const
type Name = (typeof CHANNELS)[number]

/** A sample, and whether it goes on with the one before it. */
interface Sample {
  readonly time: number
  joined: boolean
}

type Action =
  | {
      readonly kind: 'write'
      readonly gap: number
      readonly count: number
      readonly step: number
      readonly anew: boolean
    }
  | {
      readonly kind: 'delete'
      readonly names: readonly Name[]
      readonly from: number
      readonly width: number
    }
  | { readonly kind: 'flush' | 'collect' | 'snapshot' | 'kill' }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      gap: fc.nat({ max: 30 }),
      // Some are large enough for an extent of their own.
      count: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 60, max: 200 })),
      step: fc.integer({ min: 1, max: 4 }),
      anew: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      names: fc.subarray([...CHANNELS], { minLength: 1 }),
      from: fc.nat({ max: 1000 }),
      width: fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 600 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'collect' as const, 'snapshot' as const, 'kill' as const),
    }),
  },
)

class Oracle {
  readonly samples: Record<Name, Sample[]> = { time: [], a: [], b: [] }

  write(times: readonly number[], goesOn: Readonly<Record<Name, boolean>>): void {
    for (const name of CHANNELS) {
      times.forEach((time, i) => this.samples[name].push({ time, joined: i > 0 || goesOn[name] }))
    }
  }

  /** Whether data channels outside the call have samples where the index channel would lose its own. */
  isDependent(names: readonly Name[], start: number, end: number): boolean {
    if (!names.includes('time')) return false
    return CHANNELS.some(
      (name) => !names.includes(name) && this.samples[name].some(({ time }) => time >= start && time < end),
    )
  }

  delete(names: readonly Name[], start: number, end: number): Record<string, number> {
    const removed: Record<string, number> = {}
    for (const name of names) {
      const before = this.samples[name]
      const left = before.filter(({ time }) => time < start || time >= end)
      removed[name] = before.length - left.length
      const next = left.find(({ time }) => time >= end)
      if (removed[name] > 0 && next !== undefined) next.joined = false
      this.samples[name] = left
    }
    return removed
  }

  /** Lengths of the contiguous stretches: those that touch are one. */
  series(name: Name): number[] {
    const lengths: number[] = []
    let last: number | undefined
    for (const { time, joined } of this.samples[name]) {
      if (lengths.length > 0 && (joined || time === last! + 1)) lengths[lengths.length - 1]!++
      else lengths.push(1)
      last = time
    }
    return lengths
  }

  times(name: Name): number[] {
    return this.samples[name].map(({ time }) => time)
  }
}

async function compare(source: Actor['db'] | Snapshot, oracle: Oracle): Promise<void> {
  for (const name of CHANNELS) {
    const frame = await source.read(name, {}, { timestamps: true })
    expect([...frame.timestamps(name)].map(Number)).toEqual(oracle.times(name))
    if (name !== 'time')
      expect([...(frame.column(name) as Float64Array)]).toEqual(oracle.times(name).map((time) => time * 0.5))
    expect(frame.series(name).map(({ length }) => length)).toEqual(oracle.series(name))
  }
}

describe('the plan of a delete', () => {
  // 0003-I1, 0006-I2
  it('takes and parts what a plain list would, in pointers, extents and rows alike', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 16 }), async (actions) => {
        const stage = new Stage({}, { inlineLimit: 512, extentLimit: 1024 })
        let actor = await stage.open()
        await createGroup(actor.db, 'time', ['a', 'b'])
        const oracle = new Oracle()
        const pinned: { snapshot: Snapshot; times: Oracle['samples'] }[] = []
        let newest = 0
        let writer = await actor.db.openWriter(['time', 'a', 'b'])
        // The last sample that the open writer has committed; undefined for none.
        let own: number | undefined
        for (const each of actions) {
          const { db, flusher } = actor
          if (each.kind === 'write') {
            if (each.anew) {
              await writer.close()
              writer = await db.openWriter(['time', 'a', 'b'])
              own = undefined
            }
            const times = [...timesFrom(newest + 1 + each.gap, each.count, each.step)].map(Number)
            const goesOn = Object.fromEntries(
              CHANNELS.map((name) => [name, own !== undefined && oracle.samples[name].at(-1)?.time === own]),
            ) as Record<Name, boolean>
            await writer.write(frameOf('time', ['a', 'b'], BigInt64Array.from(times, BigInt)))
            oracle.write(times, goesOn)
            newest = own = times.at(-1)!
          } else if (each.kind === 'delete') {
            const start = Math.floor((each.from * newest) / 1000)
            const end = start + each.width
            const range = { start: BigInt(start), end: BigInt(end) }
            if (oracle.isDependent(each.names, start, end)) {
              await expect(db.delete(each.names, range)).rejects.toThrow(DependentDataError)
            } else
              expect((await db.delete(each.names, range)).samples).toEqual(
                oracle.delete(each.names, start, end),
              )
          } else if (each.kind === 'flush') await flusher.flushAll()
          else if (each.kind === 'collect') await db.gc({ threshold: 0 })
          else if (each.kind === 'snapshot') {
            pinned.push({ snapshot: db.snapshot(), times: structuredClone(oracle.samples) })
          } else {
            pinned.length = 0
            actor = await stage.kill()
            writer = await actor.db.openWriter(['time', 'a', 'b'])
            own = undefined
          }
          await compare(actor.db, oracle)
        }
        for (const { snapshot, times } of pinned) {
          const then = new Oracle()
          Object.assign(then.samples, times)
          await compare(snapshot, then)
          await snapshot.close()
        }
        expect((await actor.db.verify()).problems).toEqual([])
        await actor.db.close({ force: true })
      }),
      propertyOptions(120),
    )
  }, 120_000)
})
