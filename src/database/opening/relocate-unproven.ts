// What recovery does with extents that only records beyond the mark name: they are copied into segments
// of the new epoch, because a later sync of the old file proves nothing (S3). One that cannot be read
// stays where it is: a bad block costs that block, and reads of it say so. Called while an epoch begins.

import { CorruptionError, UnsupportedVersionError } from '../../errors.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import { FIRST_EXTENT } from '../../segment/segment-file.ts'
import type { Pointer, SegmentId } from '../../version/pointer.ts'
import type { Engine } from '../engine.ts'
import { relocate, wherever } from '../collection/relocate.ts'
import { SLICE_MS } from '../turns.ts'
import type { Turns } from '../turns.ts'
import { extentKey } from './unproven.ts'

/**
 * Copies extents that are live and can be read.
 * @param unproven extents by segment, offset and length
 * @throws StorageError
 */
export async function relocateUnproven(engine: Engine, unproven: ReadonlySet<string>): Promise<void> {
  let wanted = unproven
  while (wanted.size > 0) {
    try {
      const isWanted = (pointer: Pointer): boolean => wanted.has(extentKey(pointer))
      const segments = await segmentsOf(engine.turns, wanted)
      await relocate(engine, undefined, wherever(engine.turns, segments, isWanted))
      return
    } catch (error) {
      const sound = [...wanted].filter((key) => !isIn(engine, key, error))
      if (sound.length === wanted.size) throw error
      wanted = new Set(sound)
    }
  }
}

async function segmentsOf(turns: Turns, extents: ReadonlySet<string>): Promise<Set<SegmentId>> {
  const segments = new Set<SegmentId>()
  for (const key of extents) {
    segments.add(Number(key.slice(0, key.indexOf(':'))))
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  return segments
}

/** Whether an error tells of damage in an extent, or at the head of its file. */
function isIn(engine: Engine, key: string, error: unknown): boolean {
  if (!(error instanceof CorruptionError) && !(error instanceof UnsupportedVersionError)) return false
  const [segment = 0, offset = 0, length = 0] = key.split(':').map(Number)
  if (error.file !== join(engine.directory, segmentFile(segment))) return false
  if (error instanceof UnsupportedVersionError || error.offset < FIRST_EXTENT) return true
  return error.offset >= offset && error.offset < offset + length
}
