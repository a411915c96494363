// Names of files: they round-trip, and each number has exactly one.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cleanName,
  unsyncedName,
  epochOf,
  isTempName,
  join,
  journalName,
  leaseName,
  manifestName,
  numberOf,
  parseClean,
  parseUnsynced,
  parseLease,
  parseNumbered,
  segmentFile,
  segmentIdOf,
  segmentName,
  tempName,
} from '../../../src/fs/layout.ts'
import { propertyOptions } from '../../support/seeds.ts'

const safe = fc.maxSafeNat()

describe('file names', () => {
  it('are padded so that they sort as their numbers do', () => {
    expect(leaseName(3)).toBe('LEASE-000003')
    expect(cleanName(3)).toBe('CLEAN-000003')
    expect(unsyncedName(3)).toBe('UNSYNCED-000003')
    expect(manifestName(3, 977)).toBe('manifest/000003-000000000977')
    expect(journalName(3, 978)).toBe('journal/000003-000000000978')
    expect(segmentName(3, 17)).toBe('segments/000003-000000000017')
  })

  it('grow beyond the padding for larger numbers', () => {
    expect(leaseName(1_234_567)).toBe('LEASE-1234567')
    expect(journalName(1_234_567, 1_234_567_890_123)).toBe('journal/1234567-1234567890123')
  })

  it('give back the numbers they were made of', () => {
    fc.assert(
      fc.property(safe, safe, (epoch, number) => {
        for (const make of [manifestName, journalName, segmentName]) {
          const [, name = ''] = make(epoch, number).split('/')
          expect(parseNumbered(name)).toEqual({ epoch, number })
        }
        expect(parseLease(leaseName(epoch))).toBe(epoch)
        expect(parseClean(cleanName(epoch))).toBe(epoch)
        expect(parseUnsynced(unsyncedName(epoch))).toBe(epoch)
      }),
      propertyOptions(200),
    )
  })

  it('are refused where a number is written in another way, or is too large to be exact', () => {
    for (const name of [
      '00003-000000000977',
      '0000003-000000000977',
      '000003-0000000000977',
      '000003-00000000977',
      '000003-000000000977.bak',
      '000003-00000000097x',
      '000003-9999999999999999',
      'journal/000003-000000000977',
      ' 000003-000000000977',
      '000003-000000000977\n',
      '',
    ]) {
      expect(parseNumbered(name), name).toBeUndefined()
    }
    for (const name of [
      'LEASE-3',
      'LEASE-0000003',
      'LEASE-',
      'lease-000003',
      'CLEAN-000003',
      'LEASE-1e6000',
    ]) {
      expect(parseLease(name), name).toBeUndefined()
    }
    for (const name of ['CLEAN-3', 'CLEAN-0000003', 'LEASE-000003', 'CLEAN-000003\n']) {
      expect(parseClean(name), name).toBeUndefined()
      expect(parseUnsynced(name), name).toBeUndefined()
    }
  })

  it('are made of non-negative safe integers only', () => {
    for (const number of [-1, 0.5, NaN, 2 ** 53]) {
      expect(() => leaseName(number)).toThrow('safe integer')
      expect(() => journalName(1, number)).toThrow('safe integer')
    }
  })

  it('tell files under construction from all others', () => {
    expect(tempName('LEASE-000003', 'k9')).toBe('.tmp-LEASE-000003-k9')
    expect(isTempName(tempName('LEASE-000003', 'k9'))).toBe(true)
    expect(isTempName('LEASE-000003')).toBe(false)
    expect(parseLease(tempName('LEASE-000003', 'k9'))).toBeUndefined()
    expect(() => tempName('journal/000003', 'k9')).toThrow('one directory')
  })

  it('join a directory with one slash', () => {
    expect(join('/db', 'LOCK')).toBe('/db/LOCK')
    expect(join('/db/', 'LOCK')).toBe('/db/LOCK')
    expect(join('/', 'LOCK')).toBe('/LOCK')
    expect(join('', 'LOCK')).toBe('LOCK')
  })
})

describe('segment ids', () => {
  it('hold epoch and number exactly', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 21 - 1),
        fc.maxSafeNat().map((n) => n % 2 ** 32),
        (epoch, number) => {
          const id = segmentIdOf(epoch, number)
          expect(Number.isSafeInteger(id)).toBe(true)
          expect([epochOf(id), numberOf(id)]).toEqual([epoch, number])
          expect(segmentFile(id)).toBe(segmentName(epoch, number))
        },
      ),
      propertyOptions(200),
    )
  })

  it('are exact at the largest epoch and number', () => {
    const id = segmentIdOf(2 ** 21 - 1, 2 ** 32 - 1)
    expect(id).toBe(Number.MAX_SAFE_INTEGER)
    expect([epochOf(id), numberOf(id)]).toEqual([2 ** 21 - 1, 2 ** 32 - 1])
  })

  it('are refused out of range', () => {
    expect(() => segmentIdOf(2 ** 21, 0)).toThrow('epoch')
    expect(() => segmentIdOf(-1, 0)).toThrow('epoch')
    expect(() => segmentIdOf(0, 2 ** 32)).toThrow('number')
    expect(() => segmentIdOf(0, -1)).toThrow('number')
    expect(() => epochOf(2 ** 53)).toThrow('safe integer')
    expect(() => numberOf(-1)).toThrow('safe integer')
  })
})
