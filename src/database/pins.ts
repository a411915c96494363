// Pins: who still needs an older state. What a record freed is destroyed only when every pin, looked at
// after the record was proven, is at or past its LSN (S2): those of this process, which are always known,
// and those of registered read-only processes, which are known as they were at the last look (`oldestPin`
// of the engine looks). Called by snapshots, reads and whatever destroys.

/** Keeps everything that was there at its LSN, until it is released. */
export interface Pin {
  readonly lsn: number
}

export class Pins {
  readonly #pins = new Set<Pin>()
  /** The oldest pin of registered read-only processes when they were last looked at; infinite for none. */
  registered: number = Infinity
  /** Called after a pin was released. */
  onRelease: () => void = () => {}

  pin(lsn: number): Pin {
    const pin = { lsn }
    this.#pins.add(pin)
    return pin
  }

  release(pin: Pin): void {
    if (this.#pins.delete(pin)) this.onRelease()
  }

  /** The oldest pin of this process; infinite where there is none. */
  get own(): number {
    let oldest = Infinity
    for (const pin of this.#pins) oldest = Math.min(oldest, pin.lsn)
    return oldest
  }

  /** The oldest pin of all, registrations as they were last looked at; infinite where there is none. */
  get oldest(): number {
    return Math.min(this.own, this.registered)
  }
}
