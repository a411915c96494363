import { describe, expect, it } from 'vitest'
import { takeSteps } from '../../../src/steps.ts'
import { checkEnd, joinChain } from '../../../src/database/opening/believe.ts'
import type { FoundEpoch } from '../../../src/database/opening/find-epoch.ts'
import { CorruptionError } from '../../../src/errors.ts'
import type { JournalRecord } from '../../../src/journal/record.ts'
import type { JournalContents } from '../../../src/journal/replay.ts'

const torn = new CorruptionError('journal', 0, 'the header is not whole')

/** A journal file of the records `first` to `last`. */
function file(first: number, last: number, rest: Partial<JournalContents> = {}): JournalContents {
  const records = Array.from({ length: last - first + 1 }, (_, i): JournalRecord => ({
    kind: 'commit',
    lsn: first + i,
    proven: 0,
    offset: 64 + i,
    sections: [],
  }))
  const path = `journal/${first}`
  return {
    path,
    epoch: 1,
    firstLsn: first,
    records,
    end: 100,
    fault: 'end',
    soundBehind: false,
    proven: 0,
    last: undefined,
    ...rest,
  }
}

function epochOf(journals: readonly JournalContents[]): FoundEpoch {
  return {
    epoch: 1,
    databaseId: new Uint8Array(16),
    base: undefined,
    journals,
    sizes: new Map(),
    notWhole: [],
    bootId: 'a',
  }
}

/** LSNs that are believed, or the error. */
function believed(journals: readonly JournalContents[], isSameBoot: boolean, proven = 0): unknown {
  const found = epochOf(journals)
  const chain = takeSteps(joinChain(found, 0))
  try {
    checkEnd(found, chain, proven, isSameBoot, undefined)
    return chain.records.map(({ lsn }) => lsn)
  } catch (error) {
    return error
  }
}

describe('what is believed of a row of journal files', () => {
  it('takes a file of as many small records as fit in one: more than a call has room for arguments', () => {
    const found = epochOf([file(1, 250_000), file(250_001, 250_010)])
    const { records } = takeSteps(joinChain(found, 0))
    expect([records.length, records.at(-1)!.lsn]).toEqual([250_010, 250_010])
  })

  // 0005-I3
  const gap = [file(1, 3), file(7, 8, { fault: 'short' })]

  it('refuses a gap where the machine was not restarted, also before a file that ends short', () => {
    expect(believed(gap, true)).toBeInstanceOf(CorruptionError)
    expect(believed([file(1, 3), file(7, 8)], true)).toBeInstanceOf(CorruptionError)
  })

  it('cuts at a gap beyond the mark after a power loss, and refuses one at or below it', () => {
    expect(believed(gap, false)).toEqual([1, 2, 3])
    expect(believed(gap, false, 3)).toEqual([1, 2, 3])
    expect(believed(gap, false, 4)).toBeInstanceOf(CorruptionError)
  })

  it('takes a newest file that a kill cut within its header for one that was never begun', () => {
    const unborn = { fault: 'short', headerFault: torn, end: 0 } as const
    expect(believed([file(1, 3), file(4, 3, unborn)], true)).toEqual([1, 2, 3])
    expect(believed([file(1, 3), file(5, 4, unborn)], true)).toBeInstanceOf(CorruptionError)
    expect(believed([file(1, 3), file(4, 3, { ...unborn, fault: 'damaged' })], true)).toBe(torn)
  })

  it('cuts what a failed append left before a newest file that was never begun', () => {
    const unborn = { fault: 'short', headerFault: torn, end: 0 } as const
    const left = file(1, 3, { fault: 'short' })
    expect(believed([left, file(4, 3, unborn)], true)).toEqual([1, 2, 3])
    expect(believed([left, file(5, 4, unborn)], true)).toBeInstanceOf(CorruptionError)
    expect(believed([{ ...left, soundBehind: true }, file(4, 3, unborn)], true)).toBeInstanceOf(
      CorruptionError,
    )
  })

  it('cuts an incomplete last record, and refuses a damaged one in the same boot', () => {
    expect(believed([file(1, 3, { fault: 'short' })], true)).toEqual([1, 2, 3])
    expect(believed([file(1, 3, { fault: 'damaged' })], true)).toBeInstanceOf(CorruptionError)
    expect(believed([file(1, 3, { fault: 'damaged' })], false)).toEqual([1, 2, 3])
  })

  it('ends a file where the next one begins: what failed there was appended to that', () => {
    expect(believed([file(1, 4, { fault: 'damaged' }), file(4, 6)], true)).toEqual([1, 2, 3, 4, 5, 6])
  })
})
