// Logs a 1 kHz pressure sensor so that a crash costs nothing that was acknowledged. Kill it at any moment and
// start it again: what it said is stored is there, and it goes on behind the newest sample. In `batched`, the
// default, an acknowledged frame survives the death of the process; `strict` survives a power loss too.
// npx tsx test/examples/sensor-logger.ts [directory] [seconds]

import { channel, open, seconds, span, timestamp, toISO } from 'rubidium'
import type { TimeStamp } from 'rubidium'

const [directory = 'rubidium-demo/sensor-log', duration = '1'] = process.argv.slice(2)

await using db = await open(directory, {
  durability: 'batched',
  channels: {
    time: channel.index(),
    pressure: channel.float64({ index: 'time', unit: 'bar' }),
    valve: channel.boolean({ index: 'time' }),
  },
})
const stored = await db.bounds('time')
if (stored !== undefined) {
  const { time } = await db.count('time')
  console.log(`found ${time} samples up to ${toISO(stored.end - 1n)}`)
}
const start = stored?.end ?? timestamp('2025-01-01T12:00:00Z')

await using writer = await db.openWriter({ channels: ['time', 'pressure', 'valve'], start })
for await (const batch of readSensor(start, Number(duration))) {
  // The frame is one commit: after a crash all three channels have it, or none.
  await writer.write(batch)
  console.log(`stored up to ${toISO(batch.time.at(-1)!)}`)
}

interface Batch {
  time: BigInt64Array
  pressure: Float64Array
  valve: Uint8Array
}

/** Stands for a driver: a hundred times a second it hands over the ten samples that have come in since. */
async function* readSensor(from: TimeStamp, forSeconds: number): AsyncGenerator<Batch> {
  const step = span('1ms')
  const first = from - (from % step) + step
  for (let at = first; at < first + seconds(forSeconds); at += 10n * step) {
    const time = BigInt64Array.from({ length: 10 }, (_, i) => at + BigInt(i) * step)
    const pressure = Float64Array.from(time, (ns) => 2 + Math.sin(Number(ns % seconds(60)) / 1e9))
    const valve = Uint8Array.from(pressure, (bar) => (bar > 2.5 ? 1 : 0))
    yield { time, pressure, valve }
  }
}
