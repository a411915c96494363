// Keeps the newest week of a recording that never ends: each day what is older is deleted behind the writer,
// and its bytes are given back to the file system. Neither makes the writer wait. A delete cuts pointers and
// rewrites nothing; a collection removes segment files that are dead, and rewrites what is left in those that
// are dead in part: small segments, as here, make that little.
// npx tsx test/examples/keep-a-week.ts [directory]

import { channel, days, hours, open, seconds, timestamp, toISO } from 'rubidium'
import type { TimeStamp } from 'rubidium'

const [directory = 'rubidium-demo/newest-week'] = process.argv.slice(2)
const STEP = seconds(5)
const CHANNELS = ['time', 'temperature', 'fan'] as const

await using db = await open(directory, {
  channels: {
    time: channel.index(),
    temperature: channel.float32({ index: 'time', unit: 'degC' }),
    fan: channel.uint16({ index: 'time', unit: 'rpm' }),
  },
  segmentSize: 1 << 20,
})
await using writer = await db.openWriter(CHANNELS)

const stored = await db.bounds('time')
const begin = stored === undefined ? timestamp('2025-01-01T00:00:00Z') : stored.end - 1n + STEP
for (let day = 1; day <= 14; day++) {
  const midnight = begin + days(day)
  for (let hour = midnight - days(1); hour < midnight; hour += hours(1)) await writer.write(measure(hour))

  const { samples } = await db.delete(CHANNELS, { end: midnight - days(7) })
  const { bytesReclaimed } = await db.gc()
  const { time } = await db.count('time')
  console.log(
    `day ${day}: ${samples['time']} samples deleted, ${bytesReclaimed} bytes given back, ${time} kept`,
  )
}
const kept = await db.bounds('time')
if (kept !== undefined) console.log(`from ${toISO(kept.start)} to ${toISO(kept.end - 1n)}`)

/** An hour of measurements, one each five seconds: one frame, one commit. */
function measure(from: TimeStamp): { time: BigInt64Array; temperature: Float32Array; fan: Uint16Array } {
  const count = Number(hours(1) / STEP)
  const time = BigInt64Array.from({ length: count }, (_, i) => from + BigInt(i) * STEP)
  const temperature = Float32Array.from(time, (ns) => 40 + 10 * Math.sin(Number(ns / STEP) / 2750))
  const fan = Uint16Array.from(temperature, (celsius) => 600 + 40 * Math.round(celsius))
  return { time, temperature, fan }
}
