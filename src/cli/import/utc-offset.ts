// Offsets from UTC as people and files write them: `Z`, `+08:00`, `-0330`, `+8`. Pure.

const OFFSET = /^([+-])(\d{1,2})(?::?(\d\d))?$/

/** Seconds east of UTC, or `undefined` where the word is no offset. */
export function offsetOf(word: string): number | undefined {
  if (/^(?:z|utc|gmt)$/i.test(word)) return 0
  const match = OFFSET.exec(word)
  if (match === null) return undefined
  const hours = Number(match[2])
  const minutes = Number(match[3] ?? 0)
  if (hours > 23 || minutes > 59) return undefined
  const seconds = hours * 3600 + minutes * 60
  return match[1] === '-' ? -seconds : seconds
}
