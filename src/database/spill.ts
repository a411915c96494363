// Spilling: samples that were written and not committed leave memory as extents that no record names
// yet. They stay reserved until their commit names them, or their writer gives them up.

import type { PendingRun, Stream } from '../domain/stream.ts'
import type { ExtentPlace } from '../journal/record.ts'
import { releaseStrip } from './commit.ts'
import type { Engine } from './engine.ts'
import { ExtentBatch } from './extent-batch.ts'

type PendingRows = PendingRun & { kind: 'rows' }

/**
 * Spills what every writer has pending in pages.
 * @throws StorageError; what was not spilled stays where it was
 */
export async function spillPending(engine: Engine): Promise<void> {
  for (const group of [...engine.groups.values()]) {
    for (const stream of [...group.streams]) {
      for (const run of [...stream.pending]) if (run.kind === 'rows') await spillRun(engine, stream, run)
    }
  }
}

async function spillRun(engine: Engine, stream: Stream, run: PendingRows): Promise<void> {
  const { strip, from } = run
  // From now on the run does not grow: what is written next goes to another strip.
  if (stream.strip === strip) stream.strip = undefined
  const { to } = run
  const { shape, times } = strip
  const count = to - from
  const [first, last] = [times[from]!, times[to - 1]!]
  const batch = new ExtentBatch(engine)
  const places: ExtentPlace[] = []
  try {
    for (let i = 0; i < shape.keys.length; i++) {
      const width = shape.widths[i]!
      const source = strip.page.bytes.subarray(
        strip.offsets[i]! + from * width,
        strip.offsets[i]! + to * width,
      )
      const { segment, offset, length } = await batch.add({
        channel: shape.keys[i]!,
        type: shape.types[i]!,
        isIndex: i === 0,
        firstTime: first,
        lastTime: last,
        count,
        sources: [source],
      })
      places.push({ segment, offset, length })
      const turn = engine.turns.due()
      if (turn !== undefined) await turn
    }
    await batch.finish()
  } catch (error) {
    await batch.idle()
    batch.giveUp(error)
    throw error
  }
  const position = stream.pending.indexOf(run)
  if (position < 0) {
    // Committed or given up meanwhile, from its page.
    batch.settle(engine.lastLsn, false, [])
    return
  }
  stream.pending[position] = { kind: 'extents', count, first, last, places }
  strip.written = strip.committed
  releaseStrip(engine, stream, strip)
}
