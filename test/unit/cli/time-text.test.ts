// Times as rows print them.

import { expect, it } from 'vitest'
import { timePrinter } from '../../../src/cli/time-text.ts'
import { timestamp } from '../../../src/index.ts'

it('prints ISO times without zeros that end the fraction', () => {
  const print = timePrinter('iso')
  const of = (text: string): string => print(timestamp(text))
  expect(of('2025-01-01T12:00:00Z')).toBe('2025-01-01T12:00:00Z')
  expect(of('2025-01-01T12:00:00.500Z')).toBe('2025-01-01T12:00:00.5Z')
  expect(of('2025-01-01T12:59:59.010Z')).toBe('2025-01-01T12:59:59.01Z')
  expect(of('2025-01-01T13:00:00.000100Z')).toBe('2025-01-01T13:00:00.0001Z')
  expect(of('2025-01-01T12:30:01.000000001Z')).toBe('2025-01-01T12:30:01.000000001Z')
  expect(of('2025-01-01T12:30:01.123456780Z')).toBe('2025-01-01T12:30:01.12345678Z')
  expect(of('1969-12-31T23:59:59.999999999Z')).toBe('1969-12-31T23:59:59.999999999Z')
})

it('prints nanoseconds whole', () => {
  expect(timePrinter('ns')(1735732800000000001n)).toBe('1735732800000000001')
  expect(timePrinter('ns')(-1n)).toBe('-1')
})
