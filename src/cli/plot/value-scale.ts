// From values to heights in a panel. Invariant: heights lie from 0 (bottom) to 1 (top): what lies beyond the
// range, infinities too, is drawn at the edge. Pure. Called by `panelsOf`.

/** The range of a value axis. */
export interface ValueScale {
  /** Finite, less than `high`; positive where equal factors get equal heights. */
  readonly low: number
  readonly high: number
  readonly isLogarithmic: boolean
}

/** What a person asks of the value axes. */
export interface ScaleOptions {
  readonly isLogarithmic: boolean
  /** Ends of the axis, in place of the lowest and the highest value. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Share of the height that stays free above and below the values: 0 to 0.4. */
  readonly padding: number
}

/**
 * The scale on which values from `lowest` to `highest` are drawn.
 * @param lowest finite, at most `highest`; positive where the scale is logarithmic
 */
export function scaleOf(lowest: number, highest: number, options: ScaleOptions): ValueScale {
  const { isLogarithmic, min, max, padding } = options
  let [low, high] = [min ?? lowest, max ?? highest]
  if (low >= high) {
    // One value alone lies in the middle; an end that was asked for stays.
    const room = Math.max(Math.abs(low), Math.abs(high)) * 0.1 || 1
    const [below, above] = isLogarithmic ? [high / 2, low * 2] : [high - room, Math.max(low, high) + room]
    if (min === undefined) low = Math.max(below, isLogarithmic ? Number.MIN_VALUE : -Number.MAX_VALUE)
    if (max === undefined) high = Math.min(above, Number.MAX_VALUE)
    return { low, high, isLogarithmic }
  }
  if (isLogarithmic) {
    const factor = Math.exp((Math.log(high) - Math.log(low)) * padding)
    if (min === undefined) low = Math.max(low / factor, Number.MIN_VALUE)
    if (max === undefined) high = Math.min(high * factor, Number.MAX_VALUE)
    return { low, high, isLogarithmic }
  }
  // The range may be more than a number holds, and nothing of that is no number.
  const room = padding === 0 ? 0 : Math.min((high - low) * padding, Number.MAX_VALUE / 4)
  // Of values that are never negative and come near 0, the 0 is the bottom.
  const isFromZero = padding > 0 && low >= 0 && low < high / 10
  if (min === undefined) low = isFromZero ? 0 : Math.max(low - room, -Number.MAX_VALUE)
  if (max === undefined) high = Math.min(high + room, Number.MAX_VALUE)
  return { low, high, isLogarithmic }
}

/** The height of a value: 0 to 1. */
export function heightOf({ low, high, isLogarithmic }: ValueScale, value: number): number {
  if (value <= low) return 0
  if (value >= high) return 1
  // Differences of logarithms, since a ratio may be more than a number holds.
  if (isLogarithmic) {
    const range = Math.log(high) - Math.log(low)
    // Of neighbours among all numbers the logarithms are the same.
    return range > 0 ? Math.min(1, Math.max(0, (Math.log(value) - Math.log(low)) / range)) : 0.5
  }
  const range = high - low
  // Halves where the whole range is more than a number holds.
  return Number.isFinite(range) ? (value - low) / range : (value / 2 - low / 2) / (high / 2 - low / 2)
}
