// Laws of what the command line prints and counts: times read back, rows are what a slow merge gives, and
// how samples are cut into pieces makes no difference.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, duration } from '../../src/cli/figures.ts'
import { IntervalWatch } from '../../src/cli/intervals.ts'
import { csvField } from '../../src/cli/row-format.ts'
import { timePrinter } from '../../src/cli/time-text.ts'
import { timeOf } from '../../src/cli/time-words.ts'
import { valueWatch } from '../../src/cli/value-summary.ts'
import { channel, open, toISO } from '../../src/index.ts'
import { run } from '../support/run-command.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { propertyOptions } from '../support/seeds.ts'

const anyTime = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 2n })

describe('times', () => {
  it('that are printed read back to the nanosecond, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyTime, fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n }))),
        (pairs) => {
          const print = timePrinter('iso')
          for (const [base, step] of pairs) {
            for (const time of [base, base + step]) {
              if (time < -(2n ** 63n) || time > 2n ** 63n - 2n) continue
              expect(timeOf(print(time))).toBe(time)
              expect(print(time)).toBe(toISO(time).replace(/\.?0+Z$/, 'Z'))
            }
          }
        },
      ),
      propertyOptions(300),
    )
  })
})

describe('a field of CSV', () => {
  it('reads back to the name, and is one field', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é') }), (name) => {
        const field = csvField(name)
        const match = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))$/.exec(field)
        expect(match?.[1]?.replaceAll('""', '"') ?? match?.[2]).toBe(name)
      }),
      propertyOptions(300),
    )
  })
})

describe('figures', () => {
  it('have a unit and few digits, whatever they are of', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
        expect(bytes(value)).toMatch(/^[\d,]{1,5}(\.\d{1,2})? ([KMGT]iB|B)$/)
        expect(duration(BigInt(value))).toMatch(/^[\d,]{1,7}(\.\d{1,2})? (d|h|min|s|ms|us|ns)$/)
      }),
      propertyOptions(300),
    )
  })
})

describe('intervals', () => {
  it('are what a look at all times at once gives, however the times are cut', () => {
    const steps = fc.array(fc.oneof(fc.bigInt(1n, 3n), fc.bigInt(1n, 100n)), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 70 }),
        fc.infiniteStream(fc.nat(5)),
        (spans, sample, cuts) => {
          const times = spans.reduce((all, span) => [...all, all.at(-1)! + span], [7n])
          const watch = new IntervalWatch(sample)
          for (let from = 0; from < times.length;) {
            const to = from + cuts.next().value!
            watch.add(BigInt64Array.from(times.slice(from, to)))
            from = to
          }
          const measured = spans.slice(0, sample).sort((a, b) => Number(a - b))
          const typical = measured[Math.floor((measured.length - 1) / 2)]!
          const gaps = spans.filter((span) => span > typical * 10n)
          const report = watch.report()!
          expect([report.typical, report.gaps]).toEqual([typical, gaps.length])
          const longest = gaps.length === 0 ? undefined : gaps.reduce((a, b) => (b > a ? b : a))
          expect(report.longest && report.longest.to - report.longest.from).toBe(longest)
          if (report.longest !== undefined) expect(times).toContain(report.longest.from)
        },
      ),
      propertyOptions(300),
    )
  })
})

describe('the figures of values', () => {
  it('do not depend on how the values are cut', () => {
    const values = fc.array(fc.double({ min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(values, fc.nat(40), (numbers, at) => {
        const whole = valueWatch('float64')
        whole.add(Float64Array.from(numbers))
        const parts = valueWatch('float64')
        parts.add(Float64Array.from(numbers.slice(0, at)))
        parts.add(Float64Array.from(numbers.slice(at)))
        expect(parts.report()).toEqual(whole.report())
        const proper = numbers.filter((value) => !Number.isNaN(value))
        const { min, max, mean, nans } = whole.report()
        expect(nans).toBe(numbers.length - proper.length)
        if (proper.length === 0) return
        // Whether a zero has a sign is of no account.
        expect([Number(min) + 0, Number(max) + 0]).toEqual([Math.min(...proper) + 0, Math.max(...proper) + 0])
        expect(mean).toBeGreaterThanOrEqual((min as number) - 1e-6)
        expect(mean).toBeLessThanOrEqual((max as number) + 1e-6)
      }),
      propertyOptions(300),
    )
  })
})

describe('rows', () => {
  // A soak runs it many times, each with a database of its own.
  it('are those of a slow merge, over groups with holes', { timeout: 600_000 }, async () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 25 })
    const hole = fc.tuple(fc.nat(40), fc.nat(40))
    const selection = fc.subarray(['t1', 'a', 'b', 't2', 'c'], { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(times, times, hole, hole, selection, async (first, second, holeA, holeC, names) => {
        const directory = `${temporaryDirectory()}/db`
        const db = await open(directory, {
          gc: false,
          channels: {
            t1: channel.index(),
            a: channel.int32({ index: 't1' }),
            b: channel.int32({ index: 't1' }),
            t2: channel.index(),
            c: channel.int32({ index: 't2' }),
          },
        })
        const samples: Record<string, Map<number, number>> = {}
        const write = async (
          index: string,
          at: readonly number[],
          data: readonly string[],
        ): Promise<void> => {
          const sorted = [...at].sort((x, y) => x - y)
          for (const name of [index, ...data]) samples[name] = new Map(sorted.map((time) => [time, time]))
          if (sorted.length === 0) return
          await using writer = await db.openWriter([index, ...data] as 't1'[])
          await writer.write(
            Object.fromEntries([[index, sorted.map(BigInt)], ...data.map((name) => [name, sorted])]) as {
              t1: bigint[]
            },
          )
        }
        await write('t1', first, ['a', 'b'])
        await write('t2', second, ['c'])
        for (const [name, [from, length]] of [
          ['a', holeA],
          ['c', holeC],
        ] as const) {
          await db.delete(name, { start: BigInt(from), end: BigInt(from + length) })
          for (let time = from; time < from + length; time++) samples[name]!.delete(time)
        }
        await db.close()
        const data = names.filter((name) => !name.startsWith('t'))
        const all = [...new Set(names.flatMap((name) => [...samples[name]!.keys()]))].sort((x, y) => x - y)
        const expected = all.map((time) =>
          [time, ...data.map((name) => samples[name]!.get(time) ?? '')].join(','),
        )
        const { output } = await run(['read', directory, ...names, '--times', 'ns', '--no-header'])
        expect(output).toBe(expected.map((row) => `${row}\n`).join(''))
      }),
      propertyOptions(25),
    )
  })
})
