// Pins: who still reads an older state. What a record freed is destroyed only when every pin, looked
// at after the record was proven, is at or past its LSN (S2).

/** Keeps everything that was there at its LSN, until it is released. */
export interface Pin {
  readonly lsn: number
}

export class Pins {
  readonly #pins = new Set<Pin>()

  pin(lsn: number): Pin {
    const pin = { lsn }
    this.#pins.add(pin)
    return pin
  }

  release(pin: Pin): void {
    this.#pins.delete(pin)
  }

  /** The oldest pin's LSN; infinite where there is none. */
  get oldest(): number {
    let oldest = Infinity
    for (const pin of this.#pins) oldest = Math.min(oldest, pin.lsn)
    return oldest
  }
}
