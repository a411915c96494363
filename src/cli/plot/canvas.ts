// Pixels, and strokes with round ends drawn on them with smooth edges: how much of a pixel a stroke covers
// follows from the distance of their middles. A call covers each pixel once, however often its strokes cross.
// Called by `toPng`.

/** A picture in 8-bit red, green and blue. */
export class Canvas {
  readonly width: number
  readonly height: number
  /** Three bytes a pixel, rows from the top. */
  readonly pixels: Uint8Array
  /** How much of each pixel the strokes under way cover: 0 to 255; 0 between calls. */
  readonly #cover: Uint8Array

  /** @param paper `#rrggbb` */
  constructor(width: number, height: number, paper: string) {
    this.width = width
    this.height = height
    this.pixels = new Uint8Array(width * height * 3)
    this.#cover = new Uint8Array(width * height)
    const colour = channelsOf(paper)
    for (let i = 0; i < this.pixels.length; i++) this.pixels[i] = colour[i % 3]!
  }

  /**
   * Draws strokes in one colour; what lies outside is left out.
   * @param strokes x and y in turn; one point is a dot
   * @param width in pixels, at least 1
   * @param colour `#rrggbb`
   */
  stroke(strokes: readonly (readonly number[])[], width: number, colour: string): void {
    const rows = { first: this.height, last: -1 }
    for (const points of strokes) {
      if (points.length === 2) this.#cover1(points[0]!, points[1]!, points[0]!, points[1]!, width / 2, rows)
      for (let i = 2; i < points.length; i += 2)
        this.#cover1(points[i - 2]!, points[i - 1]!, points[i]!, points[i + 1]!, width / 2, rows)
    }
    this.#paint(channelsOf(colour), rows)
  }

  /** Covers what lies within `radius` of the straight line between two points. */
  #cover1(
    fromX: number,
    fromY: number,
    toX: number,
    toY: number,
    radius: number,
    rows: { first: number; last: number },
  ): void {
    const [dx, dy] = [toX - fromX, toY - fromY]
    const square = dx * dx + dy * dy
    const reach = radius + 1
    const first = Math.max(0, Math.floor(Math.min(fromY, toY) - reach))
    const last = Math.min(this.height - 1, Math.ceil(Math.max(fromY, toY) + reach))
    rows.first = Math.min(rows.first, first)
    rows.last = Math.max(rows.last, last)
    for (let row = first; row <= last; row++) {
      const y = row + 0.5
      // Where the line passes this row, so that a long slope costs its length and not its square.
      const [a, b] = dy === 0 ? [0, 1] : ordered((y - reach - fromY) / dy, (y + reach - fromY) / dy)
      const [low, high] = ordered(fromX + dx * Math.max(0, a), fromX + dx * Math.min(1, b))
      const end = Math.min(this.width - 1, Math.ceil(high + reach))
      for (let column = Math.max(0, Math.floor(low - reach)); column <= end; column++) {
        const x = column + 0.5
        const along = square === 0 ? 0 : ((x - fromX) * dx + (y - fromY) * dy) / square
        const nearest = Math.min(1, Math.max(0, along))
        const distance = Math.hypot(x - fromX - nearest * dx, y - fromY - nearest * dy)
        const cover = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - distance)))
        const at = row * this.width + column
        if (cover > this.#cover[at]!) this.#cover[at] = cover
      }
    }
  }

  #paint(colour: readonly number[], { first, last }: { first: number; last: number }): void {
    for (let at = first * this.width; at < (last + 1) * this.width; at++) {
      const cover = this.#cover[at]!
      if (cover === 0) continue
      this.#cover[at] = 0
      for (let channel = 0; channel < 3; channel++) {
        const i = at * 3 + channel
        this.pixels[i] = Math.round((this.pixels[i]! * (255 - cover) + colour[channel]! * cover) / 255)
      }
    }
  }
}

function ordered(a: number, b: number): readonly [number, number] {
  return a < b ? [a, b] : [b, a]
}

function channelsOf(colour: string): readonly number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
}
