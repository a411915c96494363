// Where the time axis has its ticks and what they are called, by the calendar in UTC: a label says what
// changes from tick to tick, and the rest stands once beside the axis. Recordings that count from 0 (their
// times lie near 1970) are labelled with the time passed, which may be negative. Invariant: ticks increase
// and lie within the range. Pure. Called by `figureOf`.

/** Ticks of a time axis, and what their labels leave out: '' where that is nothing. */
export interface TimeTicks {
  readonly times: readonly bigint[]
  readonly labels: readonly string[]
  readonly context: string
}

const MICRO = 1000n
const MILLI = 1_000_000n
const SECOND = 1_000_000_000n
const MINUTE = 60n * SECOND
const HOUR = 60n * MINUTE
const DAY = 24n * HOUR
/** A Monday, for steps of a week. */
const MONDAY = 4n * DAY
/** Nobody recorded anything on the first days of 1970: times there count from a start. */
const RELATIVE_START: bigint = -DAY
const RELATIVE_END: bigint = 100n * HOUR

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Steps of equal length, in nanoseconds. */
const STEPS: readonly bigint[] = [
  ...[1n, 10n, 100n, 1000n, 10_000n, 100_000n, MILLI, 10n * MILLI, 100n * MILLI].flatMap((unit) => [
    unit,
    2n * unit,
    5n * unit,
  ]),
  ...[1n, 2n, 5n, 10n, 15n, 30n].map((count) => count * SECOND),
  ...[1n, 2n, 5n, 10n, 15n, 30n].map((count) => count * MINUTE),
  ...[1n, 2n, 3n, 6n, 12n].map((count) => count * HOUR),
  ...[1n, 2n, 7n].map((count) => count * DAY),
]
/** Steps of the calendar, in months. */
const MONTH_STEPS: readonly number[] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200]

/** Characters between two labels. */
const SPACE = 3

/**
 * The finest ticks whose labels fit beside each other.
 * @param start left edge, nanoseconds since 1970
 * @param end right edge, later
 * @param room characters that the axis is wide
 */
export function timeTicks(start: bigint, end: bigint, room: number): TimeTicks {
  const isRelative = start >= RELATIVE_START && end <= RELATIVE_END
  const fits = ({ labels }: TimeTicks): boolean =>
    labels.reduce((width, label) => Math.max(width, label.length + SPACE), 0) * labels.length <= room + SPACE
  const most = Math.floor(room / 4) + 2
  for (const step of STEPS) {
    if ((end - start) / step > most) continue
    const times = multiples(start, end, step)
    const ticks = isRelative ? relativeTicks(times, start, step) : calendarTicks(times, start, step)
    if (fits(ticks)) return ticks
  }
  for (const months of MONTH_STEPS) {
    const ticks = monthTicks(start, end, months)
    if (fits(ticks)) return ticks
  }
  return { times: [], labels: [], context: `${dateOf(start)} UTC` }
}

function multiples(start: bigint, end: bigint, step: bigint): bigint[] {
  const origin = step === 7n * DAY ? MONDAY : 0n
  const times: bigint[] = []
  let time = floorTo(start - origin, step) + origin
  if (time < start) time += step
  for (; time <= end; time += step) times.push(time)
  return times
}

function floorTo(time: bigint, step: bigint): bigint {
  const rest = time % step
  return rest < 0n ? time - rest - step : time - rest
}

function relativeTicks(times: bigint[], start: bigint, step: bigint): TimeTicks {
  if (step < MILLI) return fineTicks(times, start, step, (base) => passed(base, SECOND))
  return { times, labels: times.map((time) => passed(time, step)), context: '' }
}

/** Hours, minutes, seconds since 0, with the decimals of a step: `00:02:30`, `-00:00:00.5`. */
function passed(time: bigint, step: bigint): string {
  const size = time < 0n ? -time : time
  const clock = [size / HOUR, (size / MINUTE) % 60n, (size / SECOND) % 60n].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${time < 0n ? '-' : ''}${clock.join(':')}${fraction(size, step)}`
}

function calendarTicks(times: bigint[], start: bigint, step: bigint): TimeTicks {
  if (step < MILLI)
    return fineTicks(times, start, step, (base) => `${dateOf(base)} ${clockOf(base, SECOND)} UTC`)
  if (step >= DAY) {
    let shown = partsOf(start).year
    const labels = times.map((time) => {
      const { year, month, day } = partsOf(time)
      const isNew = year !== shown
      shown = year
      return `${MONTHS[month]} ${day}${isNew ? ` ${year}` : ''}`
    })
    return { times, labels, context: String(partsOf(start).year) }
  }
  const labels = times.map((time) => {
    const { month, day } = partsOf(time)
    return time % DAY === 0n && times.length > 1 ? `${MONTHS[month]} ${day}` : clockOf(time, step)
  })
  return { times, labels, context: `${dateOf(start)} UTC` }
}

/** Below a millisecond clocks are long: what passed since the second before the first tick. */
function fineTicks(times: bigint[], start: bigint, step: bigint, name: (base: bigint) => string): TimeTicks {
  const base = floorTo(start, SECOND)
  const decimals = step >= MICRO ? 3 : 6
  const labels = times.map((time) => {
    const since = time - base
    const rest = String(since % MILLI)
      .padStart(6, '0')
      .slice(0, decimals)
    return `+${since / MILLI}.${rest} ms`
  })
  return { times, labels, context: name(base) }
}

function monthTicks(start: bigint, end: bigint, step: number): TimeTicks {
  const times: bigint[] = []
  const labels: string[] = []
  const { year, month } = partsOf(start)
  const total = year * 12 + month
  const isOneYear = year === partsOf(end).year
  for (let at = Math.floor(total / step) * step; ; at += step) {
    const time = BigInt(Date.UTC(Math.floor(at / 12), at % 12)) * MILLI
    if (time > end) break
    if (time < start) continue
    times.push(time)
    labels.push(at % 12 === 0 && !(isOneYear && step < 12) ? String(at / 12) : MONTHS[at % 12]!)
  }
  return { times, labels, context: step >= 12 ? '' : String(year) }
}

function partsOf(time: bigint): { year: number; month: number; day: number } {
  const date = new Date(Number(floorTo(time, MILLI) / MILLI))
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate() }
}

function dateOf(time: bigint): string {
  return new Date(Number(floorTo(time, MILLI) / MILLI)).toISOString().slice(0, 10)
}

/** The time of day, as finely as the step needs it: `08:30`, `08:30:15`, `08:30:15.25`. */
function clockOf(time: bigint, step: bigint): string {
  const ofDay = time - floorTo(time, DAY)
  const clock = passed(ofDay, step)
  return step % MINUTE === 0n ? clock.slice(0, 5) : clock
}

/** Decimals of a second, down to milliseconds, as many as the step has. */
function fraction(time: bigint, step: bigint): string {
  if (step % SECOND === 0n) return ''
  const digits = step % (100n * MILLI) === 0n ? 1 : step % (10n * MILLI) === 0n ? 2 : 3
  return `.${String((time % SECOND) / MILLI)
    .padStart(3, '0')
    .slice(0, digits)}`
}
