// What commands say of dead bytes: hints that are true, and only where they are worth it.

import { describe, expect, it } from 'vitest'
import { commandFor, gcLine, gcNotes } from '../../../src/cli/dead-text.ts'
import type { GcReport, ReaderStats, Stats } from '../../../src/index.ts'

const MIB = 1024 * 1024
const REPORT: GcReport = {
  segmentsScanned: 3,
  segmentsCollected: 2,
  segmentsRemoved: 1,
  bytesReclaimed: 5 * MIB,
  bytesPunched: 2 * MIB,
  extentsMerged: 0,
  skipped: [],
}
const READER: ReaderStats = { pid: 7, host: 'h', since: '', age: '', bytes: 3 * MIB, file: 'readers/7-a' }

function segment(name: string, dead: number, total: number): Stats['segments'][number] {
  return { name, live: total - dead, dead, total }
}

describe('what a collection gave', () => {
  it('counts holes once', () => {
    expect(gcLine(REPORT)).toBe('Gave 5 MiB back: collected 2 of 3 segments')
  })

  it('is less than nothing where it wrote more than it could give back', () => {
    const grew = { ...REPORT, bytesReclaimed: -MIB, bytesPunched: 0 }
    expect(gcLine(grew)).toBe('Takes 1 MiB more on the disk for now: collected 2 of 3 segments')
    expect(gcNotes(grew, { segments: [], readers: [] }, undefined).join()).toContain('are written first')
  })
})

describe('what stays after a collection', () => {
  it('is named with the threshold that takes it, where it is worth a rewrite', () => {
    const notes = gcNotes(REPORT, { segments: [segment('a', 2 * MIB, 100 * MIB)], readers: [] }, undefined)
    expect(notes).toEqual([
      '2 MiB of deleted samples stay, in segments with few of them: --threshold 0 takes them all',
    ])
  })

  it.each([
    ['little', [segment('a', MIB - 1, 2 * MIB)], [], undefined, []],
    ['a small share', [segment('a', 2 * MIB, 201 * MIB)], [], undefined, []],
    ['taken already as far as it can be', [segment('a', 2 * MIB, 100 * MIB)], [], 0, []],
    [
      'left for a reason that a threshold does not change',
      [segment('a', 2 * MIB, 100 * MIB)],
      [],
      undefined,
      ['a'],
    ],
    ['kept by a reader', [segment('a', 2 * MIB, 100 * MIB)], [READER], undefined, []],
  ])('has no hint where it is %s', (_, segments, readers, threshold, left) => {
    const skipped = left.map((name) => ({ segment: name, reason: 'it is damaged' }))
    const notes = gcNotes({ ...REPORT, skipped }, { segments, readers }, threshold)
    expect(notes.join('\n')).not.toContain('--threshold')
  })

  it('is told with the reasons of segments that were left, and the readers that keep it', () => {
    const skipped = [{ segment: 'segments/1', reason: 'a reader needs it' }]
    expect(gcNotes({ ...REPORT, skipped }, { segments: [], readers: [READER] }, 0.2)).toEqual([
      'segments/1 was left as it is: a reader needs it',
      'Read-only processes keep up to 3 MiB from being given back: `rubidium info DIR` names them',
    ])
  })
})

describe('the command for dead bytes', () => {
  it.each([
    ['rubidium gc DIR', [segment('a', 20, 100)]],
    ['rubidium gc DIR', []],
    ['rubidium gc DIR', [segment('a', 90, 100), segment('b', 2, 100)]],
    ['rubidium gc DIR --threshold 0', [segment('a', 19, 100)]],
    ['rubidium gc DIR --threshold 0', [segment('a', 60, 100), segment('b', 15, 100)]],
  ])('is `%s` for segments %j', (command, segments) => {
    expect(commandFor(segments)).toBe(command)
  })
})
