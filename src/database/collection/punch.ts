// Holes: dead bytes of segments go back to the file system in place. No bytes move and no pointer changes.
// The record that freed them is on the disk and all pins were looked at before; then the holes are made, the
// file is synced, and only then a record says what was punched (0006-I8): whatever it names is a hole. What
// was punched and is in no record yet is still dead, and punched again. So many holes at a time that no step
// of it is long. Called by collections.

import { CorruptionError } from '../../errors.ts'
import type { File } from '../../fs/file-system.ts'
import { join, segmentFile } from '../../fs/layout.ts'
import { isDiskFull, storageError } from '../../fs/storage-error.ts'
import { hasCode } from '../../fs/system-error.ts'
import { openSegment } from '../../segment/segment-file.ts'
import type { Segment } from '../../segment/segment-pool.ts'
import { sizeOf } from '../../version/byte-ranges.ts'
import type { ByteRange } from '../../version/byte-ranges.ts'
import { HolePlan } from './collect-plan.ts'
import type { DeadRanges } from './dead-ranges.ts'
import { oldestPinAfter } from './destroying.ts'
import type { Engine } from '../engine.ts'
import { settleDoubts } from './settle-doubts.ts'
import { SLICE_MS } from '../turns.ts'

/**
 * Gives back what is dead in a segment and nobody needs, as far as it makes whole blocks.
 *
 * **Guard:** the caller holds the segment's, exclusive. **Durable:** the holes before the record that names
 * them.
 * @returns bytes given back; where the file system cannot, 0, and `canPunch` of the engine is false
 * @throws StorageError, LeaseLostError, the signal's reason; what was punched until then may be known as dead
 * still
 */
export async function punchSegment(
  engine: Engine,
  segment: Segment,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { deadSpace } = engine
  await settleDoubts(engine, segment)
  // What is freed from here on waits for the next run: its record is not on the disk yet.
  const dead = deadSpace.deadOf(segment.id)
  const { newest } = dead
  const oldest = Math.min(newest, await oldestPinAfter(engine, newest))
  let bytes = 0
  for await (const holes of holesIn(engine, dead, oldest)) {
    if (!segment.sealed) engine.segments.seal(segment)
    const { made, error } = await makeHoles(engine, segment, holes, signal)
    if (made.length > 0) {
      engine.publishEdit({ kind: 'punch', segments: [{ segment: segment.id, ranges: made }] })
      await deadSpace.take(segment.id, made, engine.turns)
    }
    if (error !== undefined) throw error
    signal?.throwIfAborted()
    bytes += sizeOf(made)
    if (made.length < holes.length) break
  }
  return bytes
}

/** Where holes can be, in order: as many at a time as a record is to name. The loop turns in between. */
async function* holesIn(
  { turns, tuning }: Engine,
  dead: Pick<DeadRanges, 'portions'>,
  oldest: number,
): AsyncGenerator<readonly ByteRange[], void, void> {
  const plan = new HolePlan(oldest, tuning.holeSize)
  let holes: ByteRange[] = []
  for (const portion of dead.portions()) {
    for (const hole of plan.add(portion)) {
      holes.push(hole)
      if (holes.length < tuning.holesARecord) continue
      yield holes
      holes = []
    }
    const turn = turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  holes.push(...plan.finish())
  if (holes.length > 0) yield holes
}

/** What is punched and on the disk; and what ended it before all was. */
interface Made {
  readonly made: readonly ByteRange[]
  readonly error?: Error
}

async function makeHoles(
  engine: Engine,
  { id }: Segment,
  holes: readonly ByteRange[],
  signal: AbortSignal | undefined,
): Promise<Made> {
  const { files, directory, databaseId } = engine
  let file: File
  try {
    file = openSegment(files, directory, id, databaseId, 'write')
  } catch (cause) {
    // Who was overtaken may find that the segment has gone.
    engine.lookNow()
    // A rewrite tells of damage.
    if (cause instanceof CorruptionError) return { made: [] }
    throw storageError('Cannot open a segment', join(directory, segmentFile(id)), cause)
  }
  try {
    const made: ByteRange[] = []
    const error = await punchAll(engine, file, holes, made, signal)
    if (made.length > 0) await syncHoles(engine, file)
    return error === undefined ? { made } : { made, error }
  } finally {
    file.closeNow()
  }
}

/**
 * Punches one hole after the other until it is aborted, and adds them to `made`. Returns what went wrong.
 * @throws LeaseLostError
 */
async function punchAll(
  engine: Engine,
  file: File,
  holes: readonly ByteRange[],
  made: ByteRange[],
  signal: AbortSignal | undefined,
): Promise<Error | undefined> {
  for (const hole of holes) {
    if (signal?.aborted === true) return undefined
    // A stop between this look and the hole does no harm: whoever takes over has read the record that freed
    // it.
    engine.lookNow()
    try {
      if (file.punch === undefined) throw Object.assign(new Error('no holes'), { code: 'EOPNOTSUPP' })
      await file.punch(hole.start, hole.end - hole.start)
    } catch (cause) {
      if (hasCode(cause, 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS')) {
        engine.canPunch = false
        return undefined
      }
      // The file system wants room to note the hole: a rewrite may do without.
      if (isDiskFull(cause)) return undefined
      return storageError('Cannot punch a hole into a segment', file.path, cause)
    }
    made.push(hole)
  }
  return undefined
}

/** @throws StorageError; then writes are refused, as after any failed sync */
async function syncHoles(engine: Engine, file: File): Promise<void> {
  try {
    await file.sync()
  } catch (cause) {
    engine.syncer.refuse(cause)
  }
  if (engine.failure !== undefined) throw engine.failure
}
