// Registrations of read-only processes as `stats` reports them: who, since when, and how many bytes cannot be
// given back because of each. So a forgotten reader shows. Called by stats.ts.

import { join, parseNumbered, SEGMENT_DIRECTORY, segmentFile, segmentIdOf } from '../fs/layout.ts'
import { timestamp } from '../telem/timestamp.ts'
import type { RegisteredReader } from '../lease/registered-readers.ts'
import type { Engine } from './engine.ts'
import { listIfThere } from './opening/find-epoch.ts'

/** A read-only process that is registered and not known to be dead. */
export interface ReaderStats {
  /** Process id; 0 where the registration cannot be read. */
  readonly pid: number
  /** Name of its host; empty where the registration cannot be read. */
  readonly host: string
  /** Instant at which it registered; empty where the registration cannot be read. */
  readonly since: string
  /** How long ago that is, as a span such as `'93.5s'`; empty where the registration cannot be read. */
  readonly age: string
  /**
   * Bytes that are not given back while it is registered as it is now; asked of a read-only process, which
   * does not know when what was freed: at most so many.
   */
  readonly bytes: number
  /**
   * Name of the registration, which may be removed by hand where nobody can tell that its process is dead.
   */
  readonly file: string
  /** It is this open database's own. */
  readonly own?: true
}

/** Dead bytes of a segment, and the LSN of the record that made the last of them. */
export interface DeadBytes {
  readonly dead: number
  readonly freed: number
}

/** None where they cannot be listed: a disk that fails keeps nobody from the other reports. */
export async function readerStats(engine: Engine, segments: readonly DeadBytes[]): Promise<ReaderStats[]> {
  let readers: RegisteredReader[]
  let unknown: number
  try {
    readers = await engine.lookAtReaders()
    unknown = engine.reader === undefined || readers.length === 0 ? 0 : await unknownBytes(engine)
  } catch {
    return []
  }
  const now = engine.clock.now()
  const { reader } = engine
  const keptBy = (pin: number): number => {
    if (reader !== undefined && pin >= engine.lastLsn) return 0
    const kept = segments.filter(({ freed }) => reader !== undefined || freed > pin)
    return kept.reduce((sum, { dead }) => sum + dead, unknown)
  }
  return readers.map(({ name, content, pin }) => ({
    pid: content?.pid ?? 0,
    host: content?.host ?? '',
    since: content?.since ?? '',
    age: content === undefined ? '' : ageOf(content.since, now),
    bytes: keptBy(pin),
    file: name,
    ...(name === reader?.registration ? { own: true } : {}),
  }))
}

/**
 * Bytes of segments that the state of a read-only process does not name: they were dropped, and are still
 * there.
 */
async function unknownBytes({ files, directory, segments }: Engine): Promise<number> {
  let sum = 0
  for (const name of await listIfThere(files, join(directory, SEGMENT_DIRECTORY))) {
    const parsed = parseNumbered(name)
    if (parsed === undefined) continue
    const id = segmentIdOf(parsed.epoch, parsed.number)
    if (segments.find(id) !== undefined) continue
    sum += (await files.stat(join(directory, segmentFile(id))))?.size ?? 0
  }
  return sum
}

/** Clocks of two hosts differ: nobody registered in the future. */
function ageOf(since: string, now: bigint): string {
  let span: bigint
  try {
    span = now - timestamp(since)
  } catch {
    return ''
  }
  const ms = span < 0n ? 0n : span / 1_000_000n
  return `${Number(ms) / 1000}s`
}
