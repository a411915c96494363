// What the package root exports: what is built, and nothing that is still to come.

import { expect, it } from 'vitest'
import * as root from '../../src/index.ts'

it('exports the functions and classes of the contract', () => {
  const functions = [
    'open',
    'verify',
    'dump',
    'repair',
    'now',
    'timestamp',
    'span',
    'toDate',
    'toISO',
    'nanos',
    'micros',
    'millis',
    'seconds',
    'minutes',
    'hours',
    'days',
  ]
  const classes = ['Channels', 'Database', 'Frame', 'Series', 'Snapshot', 'Writer']
  const errors = Object.keys(root).filter((name) => name.endsWith('Error'))
  expect(Object.keys(root).sort()).toEqual([...functions, ...classes, ...errors, 'channel'].sort())
  expect(
    [...functions, ...classes, ...errors].every((name) => typeof Reflect.get(root, name) === 'function'),
  ).toBe(true)
})

it('does not export what is not built', () => {
  for (const name of ['FrameIterator', 'Streamer', 'UnauthorizedError', 'OverflowError'])
    expect(root).not.toHaveProperty(name)
  for (const name of ['stream', 'openIterator', 'control'])
    expect(root.Database.prototype).not.toHaveProperty(name)
  expect(root.Writer.prototype).not.toHaveProperty('setAuthority')
  expect(root.channel).not.toHaveProperty('virtual')
})

it('converts times and spans as the contract says', () => {
  expect(root.timestamp('2024-02-29T12:00:00.123456789+01:00')).toBe(1709204400123456789n)
  expect(root.toISO(1709204400123456789n)).toBe('2024-02-29T11:00:00.123456789Z')
  expect(root.toDate(-1n)).toEqual(new Date(-1))
  expect([root.span('1.5s'), root.span('250ms'), root.span(5n)]).toEqual([1_500_000_000n, 250_000_000n, 5n])
  expect([
    root.nanos(1),
    root.micros(1),
    root.millis(1),
    root.seconds(0.5),
    root.minutes(1n),
    root.hours(1),
    root.days(1),
  ]).toEqual([1n, 1000n, 1_000_000n, 500_000_000n, 60_000_000_000n, 3_600_000_000_000n, 86_400_000_000_000n])
  for (const wrong of [
    () => root.timestamp(5 as never),
    () => root.span('1 s'),
    () => root.span(5 as never),
    () => root.seconds(1e-10),
  ]) {
    expect(wrong).toThrow(root.ValidationError)
  }
  const first = root.now()
  expect(root.now()).toBeGreaterThanOrEqual(first)
})
