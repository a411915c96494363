// What commands say of dead bytes: what a collection gave back, what stays and why, and which command takes
// it. A hint names a command only where it does what the hint says. Called by `gc`, `delete` and `info`;
// pure.

import type { GcReport, ReaderStats, Stats } from '../index.ts'
import { bytes, several, whole } from './figures.ts'

type Segments = Stats['segments']

/** The threshold of a collection that is given none. */
const DEFAULT_THRESHOLD = 0.2
/**
 * Dead bytes are worth a rewrite of what lives beside them from here on, and from this share of all segments.
 */
const WORTHWHILE_BYTES = 1024 * 1024
const WORTHWHILE_SHARE = 0.01
/** A command gives dead bytes back where it takes about all of them. */
const ABOUT_ALL = 0.9

/** The command that gives about all dead bytes of segments back. */
export function commandFor(segments: Segments): string {
  const reached = segments.filter(({ dead, total }) => dead >= DEFAULT_THRESHOLD * total)
  const takesAll = deadIn(reached) >= ABOUT_ALL * deadIn(segments)
  return takesAll ? 'rubidium gc DIR' : 'rubidium gc DIR --threshold 0'
}

/** Bytes that are not given back while read-only processes are registered as they are now, at most. */
export function keptFor(readers: readonly ReaderStats[]): number {
  return Math.max(0, ...readers.map(({ bytes: kept }) => kept))
}

/** What a collection did. */
export function gcLine({ bytesReclaimed, segmentsCollected, segmentsScanned }: GcReport): string {
  const what = `collected ${whole(segmentsCollected)} of ${several(segmentsScanned, 'segment')}`
  return bytesReclaimed < 0
    ? `Takes ${bytes(-bytesReclaimed)} more on the disk for now: ${what}`
    : `Gave ${bytes(bytesReclaimed)} back: ${what}`
}

/**
 * What there is to know after a collection, a line each.
 * @param stats taken after it, by the process that collected
 * @param threshold undefined for the default
 */
export function gcNotes(
  { bytesReclaimed, skipped }: GcReport,
  { segments, readers }: Pick<Stats, 'segments' | 'readers'>,
  threshold: number | undefined,
): string[] {
  const notes = skipped.map(({ segment, reason }) => `${segment} was left as it is: ${reason}`)
  if (bytesReclaimed < 0)
    notes.push(
      'Samples that are merged or moved are written first: their old bytes go with a later collection',
    )
  const kept = keptFor(readers)
  if (kept > 0) {
    notes.push(
      `Read-only processes keep up to ${bytes(kept)} from being given back: \`rubidium info DIR\` names them`,
    )
    return notes
  }
  if (threshold === 0) return notes
  const left = new Set(skipped.map(({ segment }) => segment))
  const dead = deadIn(segments.filter(({ name }) => !left.has(name)))
  const all = segments.reduce((sum, { total }) => sum + total, 0)
  if (dead >= WORTHWHILE_BYTES && dead >= WORTHWHILE_SHARE * all)
    notes.push(
      `${bytes(dead)} of deleted samples stay, in segments with few of them: --threshold 0 takes them all`,
    )
  return notes
}

function deadIn(segments: Segments): number {
  return segments.reduce((sum, { dead }) => sum + dead, 0)
}
