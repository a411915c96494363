// Corrects a stretch of a recording: for ten minutes a transducer reported psi where bar was meant. The stretch
// is read, deleted, and written again into the freed time, while the recording goes on behind it. A delete takes
// all channels of the stretch at once; what was right, the temperature here, is written again along with it.
// Between the delete and the write others see a gap, and a process that dies there leaves it: keep a copy of what
// cannot be had again. A snapshot that was taken before goes on showing the stretch as it was.
// npx tsx test/examples/correct-a-stretch.ts [directory]

import { channel, minutes, open, seconds, timestamp } from 'rubidium'

const [directory = 'rubidium-demo/corrected'] = process.argv.slice(2)
const BAR_PER_PSI = 0.0689475729
const CHANNELS = ['time', 'pressure', 'temperature'] as const

await using db = await open(directory, {
  channels: {
    time: channel.index(),
    pressure: channel.float64({ index: 'time', unit: 'bar' }),
    temperature: channel.float32({ index: 'time', unit: 'degC' }),
  },
})
const start = (await db.bounds('time'))?.end ?? timestamp('2025-01-01T12:00:00Z')
const bad = { start: start + minutes(20), end: start + minutes(30) }

await using live = await db.openWriter(CHANNELS)
await live.write(measure(0, 3600))
await tell('recorded')

const before = db.snapshot()
const stretch = await db.read(CHANNELS, bad)
await db.delete(CHANNELS, bad)
await tell('deleted')

// `start` puts this writer into the gap; the live one goes on at the end, undisturbed.
await using repair = await db.openWriter({ channels: CHANNELS, start: bad.start })
await repair.write({
  time: stretch.column('time'),
  pressure: stretch.column('pressure').map((psi) => psi * BAR_PER_PSI),
  temperature: stretch.column('temperature'),
})
await live.write(measure(3600, 60))
await tell('corrected')
await tell('as it was', before)
await before.close()

/** How many samples there are from `start` on, and the largest pressure among them. */
async function tell(what: string, at: typeof db | typeof before = db): Promise<void> {
  const pressure = (await at.read('pressure', { start })).column('pressure')
  const largest = pressure.reduce((most, each) => Math.max(most, each), 0)
  console.log(`${what}: ${pressure.length} samples, the largest ${largest.toFixed(2)} bar`)
}

/** One sample a second, from so many seconds after the start on; in the bad stretch the pressure is in psi. */
function measure(
  from: number,
  count: number,
): { time: BigInt64Array; pressure: Float64Array; temperature: Float32Array } {
  const time = BigInt64Array.from({ length: count }, (_, i) => start + seconds(from + i))
  const isBad = (ns: bigint): boolean => ns >= bad.start && ns < bad.end
  const pressure = Float64Array.from(time, (ns) => 4 / (isBad(ns) ? BAR_PER_PSI : 1))
  return { time, pressure, temperature: new Float32Array(count).fill(21.5) }
}
