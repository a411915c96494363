// Every extent that says of itself what it is, wherever it lies in the segments of a damaged database: what
// is left to be believed where no log names it. Headers alone are read; samples are judged when they are
// copied. Called by damaged.ts.

import type { FileSystem } from '../../fs/file-system.ts'
import { MAX_SEGMENT_EPOCH, segmentIdOf, SEGMENTS_PER_EPOCH } from '../../fs/layout.ts'
import type { ExtentHeader } from '../../segment/extent-header.ts'
import type { DataType } from '../../telem/data-type.ts'
import type { ExtentPiece } from './pieces.ts'
import type { Untold } from './report.ts'
import { ByPlace } from '../survey/by-place.ts'
import { seedOfName } from '../survey/survey.ts'
import type { Survey } from '../survey/survey.ts'
import { walkExtents } from '../survey/extents.ts'
import { SurveyFile } from '../survey/file.ts'

/** An extent that was found. */
export interface FoundExtent {
  readonly key: number
  readonly type: DataType
  readonly isIndex: boolean
  readonly epoch: number
  /** The newest LSN when it was written: what named it came later. */
  readonly lsn: number
  /** All of it. Whether it goes on with another nobody knows. */
  readonly piece: ExtentPiece
}

/** Extents by place: no two begin at one. */
export type FoundExtents = Pick<ByPlace<FoundExtent>, 'get' | 'values'>

/** @throws the system's error where a segment cannot be opened, the signal's reason */
export async function findExtents(
  files: FileSystem,
  survey: Survey,
  databaseId: Uint8Array,
  untold: Untold[],
  signal: AbortSignal | undefined,
): Promise<FoundExtents> {
  const found = new ByPlace<FoundExtent>()
  for (const each of survey.files) {
    if (each.kind !== 'segment') continue
    if (each.refusal !== undefined) {
      untold.push({ what: `the segment cannot be read: ${each.refusal.message}`, file: each.path })
      continue
    }
    const [epoch, number] = [each.epoch!, each.number!]
    // No segment has such a name: somebody's file.
    if (epoch >= MAX_SEGMENT_EPOCH || number >= SEGMENTS_PER_EPOCH) continue
    const segment = segmentIdOf(epoch, number)
    const file = SurveyFile.open(files, each.path)
    try {
      for await (const step of walkExtents(file, seedOfName(each, databaseId), { samples: false, signal })) {
        if (step.what === 'gap' || step.type === undefined || step.length !== step.header.length) continue
        const { offset, length } = step
        found.set({ segment, offset }, extentOf(step.header, step.type, { segment, offset, length }))
      }
    } finally {
      file.close()
    }
  }
  return found
}

function extentOf(
  header: ExtentHeader,
  type: DataType,
  place: { readonly segment: number; readonly offset: number; readonly length: number },
): FoundExtent {
  const { channel, isIndex, epoch, lsn, firstTime, lastTime, count } = header
  const end = lastTime + 1n
  const written = { epoch, lsn }
  const range = { start: firstTime, end, count, joined: false, skip: 0 }
  const piece: ExtentPiece = { kind: 'extent', ...range, ...place, written, isUnnamed: true }
  return { key: channel, type, isIndex, epoch, lsn, piece }
}
