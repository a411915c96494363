// Where a value axis has its ticks, and what they are called: steps of 1, 2 or 5 times a power of ten, or
// powers of ten on a logarithmic axis. Invariant: ticks increase, lie within the range and are no more than
// was asked for. Pure. Called by `figureOf`.

/** Ticks of a value axis and their labels. */
export interface ValueTicks {
  readonly values: readonly number[]
  readonly labels: readonly string[]
}

const SUFFIXES: readonly (readonly [string, number])[] = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
]

/** A zero that could be left out. */
const ENDS_IN_ZERO = /\.\d*0[kMGT]?$/

/**
 * Ticks in steps of 1, 2 or 5.
 * @param low finite, at most `high`
 * @param most at least 2
 */
export function linearTicks(low: number, high: number, most: number): ValueTicks {
  const span = Math.min(high - low, Number.MAX_VALUE)
  if (!(span > 0)) return { values: [low], labels: [significant(low)] }
  for (const [mantissa, exponent] of stepsFrom(span / most)) {
    const values = multiples(mantissa, exponent, low, high, most + 1)
    if (values.length > most) continue
    if (values.length > 0) return { values, labels: labelsOf(values, mantissa * 10 ** exponent) }
    break
  }
  return { values: [low, high], labels: [significant(low), significant(high)] }
}

/**
 * Ticks at powers of ten, closer ones where the range has few of them.
 * @param low positive
 * @param most at least 2
 */
export function logarithmicTicks(low: number, high: number, most: number): ValueTicks {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  const within = (digits: readonly number[], every: number): number[] => {
    const values: number[] = []
    for (let exponent = Math.ceil(from / every) * every; exponent <= to; exponent += every)
      for (const digit of digits) {
        const value = power(digit, exponent)
        if (value >= low && value <= high) values.push(value)
      }
    return values
  }
  const powers = within([1], 1)
  // Less than two powers: equal steps say more.
  if (powers.length < 2) return linearTicks(low, high, most)
  for (const digits of [
    [1, 2, 5],
    [1, 3],
  ]) {
    const values = within(digits, 1)
    if (values.length <= most) return { values, labels: values.map(short) }
  }
  for (let every = 1; ; every++) {
    const values = within([1], every)
    if (values.length <= most) return { values, labels: values.map(short) }
  }
}

/** A value on its own, with about four digits that say something. */
export function significant(value: number): string {
  const size = Math.abs(value)
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (size >= 1e5 && size < 1e15) return short(Number(value.toPrecision(4)))
  if (size < 1e-4 || size >= 1e15) return plainExponent(value.toExponential(3))
  return grouped(String(Number(value.toPrecision(size >= 1000 ? 6 : 4))))
}

/** The ends of a range, as finely as a thousandth of it: `-40.0 to 302.5`. */
export function rangeText(low: number, high: number): string {
  const span = Math.min(high - low, Number.MAX_VALUE)
  if (!(span > 0)) return significant(low)
  let labels = labelsOf([low, high], 10 ** (Math.floor(Math.log10(span)) - 3))
  while (
    labels.some((label) => label !== '0') &&
    labels.every((label) => label === '0' || ENDS_IN_ZERO.test(label))
  )
    labels = labels.map((label) => label.replace(/\.?0(?=[kMGT]?$)/, (zero) => (label === '0' ? zero : '')))
  return labels.join(' to ')
}

/** 1, 2 and 5 times powers of ten, from the largest that is not above `least` on. */
function* stepsFrom(least: number): Generator<readonly [number, number]> {
  let exponent = Math.max(Math.floor(Math.log10(least)), -323)
  for (; exponent <= 308; exponent++) for (const mantissa of [1, 2, 5]) yield [mantissa, exponent]
}

/** Multiples of a step within a range, at most `most` of them. */
function multiples(mantissa: number, exponent: number, low: number, high: number, most: number): number[] {
  const step = power(mantissa, exponent)
  const first = Math.ceil(low / step)
  const values: number[] = []
  for (let i = 0; values.length < most && i <= most + 1; i++) {
    const value = power((first + i) * mantissa, exponent)
    if (value > high) break
    if (value >= low && value > (values.at(-1) ?? -Infinity)) values.push(value)
  }
  return values
}

/** The number nearest to `factor` times ten to the power of `exponent`: 3 and -1 make 0.3. */
function power(factor: number, exponent: number): number {
  return Number(`${factor}e${exponent}`)
}

/** All in one form: as many decimals as the step has, one suffix for all that are large. */
function labelsOf(values: readonly number[], step: number): string[] {
  const largest = values.reduce((size, value) => Math.max(size, Math.abs(value)), 0)
  if (largest >= 1e15 || largest < 1e-4)
    return values.map((value) =>
      value === 0 ? '0' : plainExponent(value.toExponential(digitsFor(value, step))),
    )
  const [suffix, factor] = largest >= 1e5 ? SUFFIXES.find(([, each]) => largest >= each)! : ['', 1]
  const decimals = decimalsOf(step / factor)
  // A suffix makes a label short, or it is left out.
  if (decimals > 3 && suffix !== '') return plainLabels(values, decimalsOf(step), 1, '')
  return plainLabels(values, decimals, factor, suffix)
}

function plainLabels(values: readonly number[], decimals: number, factor: number, suffix: string): string[] {
  return values.map((value) => {
    const label = `${grouped((value / factor).toFixed(decimals))}${suffix}`
    return /[1-9]/.test(label) ? label : '0'
  })
}

/** Decimals of multiples of a step. */
function decimalsOf(step: number): number {
  return Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))
}

/** Digits after the first one, for a value that is a multiple of `step`. */
function digitsFor(value: number, step: number): number {
  return Math.min(
    17,
    Math.max(0, Math.floor(Math.log10(Math.abs(value))) - Math.floor(Math.log10(step) + 1e-9)),
  )
}

/** One value in its shortest form: `0.002`, `50`, `2k`, `1e-7`. */
function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e15 || size < 1e-4) return plainExponent(value.toExponential())
  const [suffix, factor] = SUFFIXES.find(([, each]) => size >= each && size >= 1e4) ?? ['', 1]
  return `${grouped(String(Number((value / factor).toPrecision(12))))}${suffix}`
}

function plainExponent(text: string): string {
  return text.replace(/\.?0*e\+?/, 'e')
}

/** `12345.5` as `12,345.5`. */
function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.')
  const groups = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? groups : `${groups}.${fraction}`
}
