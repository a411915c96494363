// Invariants 4 and 5 as far as numbers tell them: live + dead + reserved + punched bytes of a segment are its
// size less its header; what pointers keep live adds up to what the version says; nothing that they reach was
// punched, or lies in a segment that the version does not have. Called by verify.ts once the extents were
// read.

import { join, segmentFile } from '../../fs/layout.ts'
import { EXTENT_HEADER_SIZE } from '../../segment/extent-layout.ts'
import { byteWidth } from '../../telem/data-type.ts'
import { toISO } from '../../telem/timestamp.ts'
import type { Pointer } from '../../version/pointer.ts'
import type { Version } from '../../version/version.ts'
import { accountOf } from '../collection/collect-run.ts'
import type { Engine } from '../engine.ts'
import { ADVICE } from './report.ts'
import type { Findings } from './report.ts'
import { walkPointers } from '../walk-pointers.ts'

/** Compares the accounts of all segments with what reaches them: of one version, in slices. */
export async function checkAccounts(engine: Engine, findings: Findings): Promise<void> {
  const { version } = engine
  const { segments, channels, pointers } = version
  const live = new Map<number, number>()
  for (const [key, table] of pointers.entries()) {
    const channel = channels[key]
    const width = byteWidth(channel?.type ?? 'uint8')
    await walkPointers(engine.turns, table, (pointer) => {
      const { segment } = pointer
      live.set(segment, (live.get(segment) ?? 0) + pointer.live)
      if (segments.get(segment)?.holes !== undefined && reachesHole(version, pointer, width))
        findings.add({
          what: `invariant 5: a pointer from ${toISO(pointer.start)} on reaches what was punched`,
          file: join(engine.directory, segmentFile(segment)),
          offset: pointer.offset,
          ...(channel === undefined ? {} : { channel: channel.name }),
          advice: ADVICE.fault,
        })
    })
  }
  const add = (id: number, what: string): void => {
    const file = join(engine.directory, segmentFile(id))
    // One that is short or missing was told already.
    if (!findings.blames(file)) findings.add({ what, file, offset: 0, advice: ADVICE.fault })
  }
  for (const [id, entry] of segments.entries()) {
    const sum = live.get(id) ?? 0
    if (sum !== entry.live)
      add(id, `invariant 5: pointers keep ${sum} bytes live where the version says ${entry.live}`)
    live.delete(id)
  }
  for (const id of live.keys())
    add(id, 'invariant 4: pointers reach a segment that the version does not have')
  for (const segment of engine.segments.all()) {
    const { size, needed, punched } = accountOf(engine, segment)
    const what = `invariant 5: ${needed} bytes are live or reserved and ${punched} punched of ${size}`
    if (needed + punched > size) add(segment.id, what)
  }
}

/** Whether a byte that a read of the pointer needs, and no table, was punched. */
function reachesHole(version: Version, { segment, offset, skip, count }: Pointer, width: number): boolean {
  const holes = version.segments.get(segment)?.holes
  const data = offset + EXTENT_HEADER_SIZE
  return (
    holes !== undefined &&
    (holes.meets(offset, data) || holes.meets(data + skip * width, data + (skip + count) * width))
  )
}
