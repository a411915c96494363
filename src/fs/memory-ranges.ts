// Which bytes of a simulated file were ever written: those take room on the disk, holes do not.
// Invariant: ranges are sorted, disjoint, and do not touch. Called by GrowableBytes.

interface Range {
  start: number
  end: number
}

/** Ranges of one file. Offsets and sizes in bytes. */
export class WrittenRanges {
  #ranges: Range[] = []

  /** Bytes [start, end) were written. */
  add(start: number, end: number): void {
    if (end <= start) return
    const last = this.#ranges.at(-1)
    // Most writes append.
    if (last !== undefined && start >= last.start && start <= last.end) {
      last.end = Math.max(last.end, end)
      return
    }
    const apart = this.#ranges.filter((range) => range.end < start || range.start > end)
    const met = this.#ranges.filter((range) => range.end >= start && range.start <= end)
    const joined = {
      start: met.reduce((least, range) => Math.min(least, range.start), start),
      end: met.reduce((most, range) => Math.max(most, range.end), end),
    }
    this.#ranges = [...apart, joined].sort((a, b) => a.start - b.start)
  }

  /** Nothing from `size` on is there any more. */
  cut(size: number): void {
    this.#ranges = this.#ranges
      .filter(({ start }) => start < size)
      .map(({ start, end }) => ({ start, end: Math.min(end, size) }))
  }

  /** Bytes [start, end) take no room any more. */
  remove(start: number, end: number): void {
    if (end <= start) return
    this.#ranges = this.#ranges
      .flatMap((range) => [
        { start: range.start, end: Math.min(range.end, start) },
        { start: Math.max(range.start, end), end: range.end },
      ])
      .filter((range) => range.start < range.end)
  }

  /** How many blocks of `blockSize` bytes the ranges touch. */
  blocks(blockSize: number): number {
    let count = 0
    let next = 0
    for (const { start, end } of this.#ranges) {
      const first = Math.max(next, Math.floor(start / blockSize))
      next = Math.max(next, Math.ceil(end / blockSize))
      count += Math.max(0, next - first)
    }
    return count
  }

  clone(): WrittenRanges {
    const copy = new WrittenRanges()
    copy.#ranges = this.#ranges.map((range) => ({ ...range }))
    return copy
  }
}
