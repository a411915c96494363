// Decimal text in some unit as whole nanoseconds, digit by digit: a double would turn 8.001000000000001 s,
// and every time since 1970 in nanoseconds, into another. What lies below a nanosecond is rounded, halves
// away from zero. Pure. Called for each row by the formats of numbers.

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/
/** No time has more digits: 19 in 64 bits. */
const MOST_DIGITS = 40
const POWERS = Array.from({ length: 10 }, (_, power) => 10 ** power)
const BIG_POWERS = POWERS.map(BigInt)

/**
 * The nanoseconds that a decimal text means, or `undefined` where it is no decimal number.
 * @param power the unit as a power of ten in nanoseconds: 9 for seconds, 6, 3, 0
 */
export function nanosOfDecimal(text: string, power: number): bigint | undefined {
  const { length } = text
  const sign = text.charCodeAt(0)
  const isNegative = sign === 45
  let at = isNegative || sign === 43 ? 1 : 0
  const first = at
  let whole = 0
  for (; at < length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) break
    whole = whole * 10 + digit
  }
  const wholeDigits = at - first
  // Times in nanoseconds are this: more digits than a double holds, and nothing else.
  if (at === length && power === 0 && wholeDigits > 0 && wholeDigits < MOST_DIGITS) return BigInt(text)
  let nanos = 0
  let fractionDigits = 0
  if (at < length) {
    if (text.charCodeAt(at) !== 46) return exactly(text, power)
    at++
    const fraction = at
    for (; at < length; at++) {
      const digit = text.charCodeAt(at) - 48
      if (!(digit >= 0 && digit <= 9)) return exactly(text, power)
      if (at - fraction < power) nanos = nanos * 10 + digit
      else if (at - fraction === power && digit >= 5) nanos++
    }
    fractionDigits = at - fraction
  }
  if (wholeDigits + fractionDigits === 0) return undefined
  if (whole > Number.MAX_SAFE_INTEGER) return exactly(text, power)
  if (fractionDigits < power) nanos *= POWERS[power - fractionDigits]!
  const size = BigInt(whole) * BIG_POWERS[power]! + BigInt(nanos)
  return isNegative ? -size : size
}

/** The same by integers of any size: for exponents and long numbers. */
function exactly(text: string, power: number): bigint | undefined {
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole.length + fraction.length === 0) return undefined
  const digits = `${whole}${fraction}`.replace(/^0+(?=.)/, '')
  const scale = power + Number(exponent) - fraction.length
  if (digits === '0') return 0n
  if (digits.length + scale > MOST_DIGITS) return undefined
  if (digits.length + scale < 0) return 0n
  let size = BigInt(digits)
  if (scale >= 0) size *= 10n ** BigInt(scale)
  else {
    const divisor = 10n ** BigInt(-scale)
    size = (2n * size + divisor) / (2n * divisor)
  }
  return sign === '-' ? -size : size
}
