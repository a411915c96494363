// Reduces a window of a recording to a minimum and a maximum for each pixel of a chart, so that no spike is
// lost however far it is zoomed out. `frames` walks over the window in steps of one pixel, in bounded memory:
// the window may be far larger than what fits into it. Pixels in which nothing was recorded stay empty.
// npx tsx test/examples/min-max-per-pixel.ts [directory]

import { channel, millis, minutes, open, seconds, timestamp } from 'rubidium'
import type { TimeRange, TimeStamp } from 'rubidium'

const [directory = 'rubidium-demo/vibration'] = process.argv.slice(2)
const PIXELS = 60
const start = timestamp('2025-01-01T12:00:00Z')

await using db = await open(directory, {
  channels: { time: channel.index(), velocity: channel.float64({ index: 'time', unit: 'mm/s' }) },
})
if (!(await db.hasData('time', {}))) await record(db, start)

const window = { start, end: start + minutes(10) }
for (const [pixel, extremes] of (await minMaxPerPixel(db, 'velocity', window, PIXELS)).entries()) {
  const shown =
    extremes === undefined ? 'nothing' : `${extremes.min.toFixed(3)} to ${extremes.max.toFixed(3)}`
  console.log(`pixel ${pixel}: ${shown}`)
}

interface Extremes {
  min: number
  max: number
}

/** Smallest and largest sample of each of `pixels` equal parts of the window; `undefined` where there is none. */
async function minMaxPerPixel(
  from: typeof db,
  name: 'velocity',
  range: TimeRange,
  pixels: number,
): Promise<(Extremes | undefined)[]> {
  const result = Array.from<Extremes | undefined>({ length: pixels })
  // Rounded up, so that the last pixel is at most a little narrower than the others.
  const span = (range.end - range.start + BigInt(pixels) - 1n) / BigInt(pixels)
  for await (const frame of from.frames(name, range, { span })) {
    // A pixel with very many samples comes in several frames.
    const [first] = frame.series(name)
    const pixel = Number((first!.timeRange.start - range.start) / span)
    const extremes = (result[pixel] ??= { min: Infinity, max: -Infinity })
    for (const value of frame.column(name)) {
      if (value < extremes.min) extremes.min = value
      if (value > extremes.max) extremes.max = value
    }
  }
  return result
}

/** Nine minutes at 200 Hz with a stop in the middle of the window, and one spike of a single sample. */
async function record(into: typeof db, from: TimeStamp): Promise<void> {
  await using writer = await into.openWriter(['time', 'velocity'])
  for (let minute = 0n; minute < 10n; minute++) {
    if (minute === 5n) continue
    const time = BigInt64Array.from(
      { length: 12_000 },
      (_, i) => from + minutes(minute) + BigInt(i) * millis(5),
    )
    const velocity = Float64Array.from(time, (ns) => 3 * Math.sin(Number(ns % seconds(30)) / 2e8))
    if (minute === 7n) velocity[6005] = 25
    await writer.write({ time, velocity })
  }
}
