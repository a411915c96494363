// The one bounded pool that samples are held in before they reach a segment (0001-I9). Pages have
// the sizes that are asked for, powers of two; a frame asks for all of its pages at once, with no
// guard held, because what frees them, a flush, needs guards. Nobody fails for want of a page: who
// cannot have any waits, first come, first served.

/** A piece of memory of the pool. */
export interface Page {
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Waiter {
  readonly sizes: readonly number[]
  readonly total: number
  resolve(pages: Page[]): void
  reject(error: unknown): void
}

export class PagePool {
  /** Most bytes in pages at any time. */
  readonly budget: number
  readonly #pressed: () => void
  readonly #free = new Map<number, Page[]>()
  readonly #waiters: Waiter[] = []
  #held = 0
  #cached = 0
  #returned = 0

  /**
   * @param pressed called when somebody begins to wait, or half of the budget is used: it must get a flush
   * going
   */
  constructor(budget: number, pressed: () => void) {
    this.budget = budget
    this.#pressed = pressed
  }

  /** Bytes in pages that are in use. */
  get held(): number {
    return this.#held
  }

  /** Bytes ever given back: grows with every progress of a flush. */
  get returned(): number {
    return this.#returned
  }

  /** Whether somebody waits for pages. */
  get hasWaiters(): boolean {
    return this.#waiters.length > 0
  }

  /** More than half of the budget is used. */
  get isPressed(): boolean {
    return this.#held > this.budget / 2
  }

  /** Pages that somebody else still reads: they count no more, and are never handed out again. */
  forget(pages: readonly Page[]): void {
    for (const page of pages) this.#held -= page.bytes.length
    this.#serve()
  }

  /** Pages of these sizes (bytes, powers of two), all or none; undefined where they must be waited for. */
  tryTake(sizes: readonly number[]): Page[] | undefined {
    const total = sum(sizes)
    if (this.#waiters.length > 0 || this.#held + total > this.budget) return undefined
    return this.#take(sizes)
  }

  /**
   * As `tryTake`, waiting until there are enough. The sizes together are at most the budget.
   * @throws the error given to `fail`
   */
  take(sizes: readonly number[]): Promise<Page[]> {
    const pages = this.tryTake(sizes)
    if (pages !== undefined) return Promise.resolve(pages)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ sizes, total: sum(sizes), resolve, reject })
      this.#pressed()
    })
  }

  /** Gives pages back and serves those who wait. */
  give(pages: readonly Page[]): void {
    for (const page of pages) {
      const size = page.bytes.length
      this.#held -= size
      this.#returned += size
      if (this.#held + this.#cached + size > this.budget) continue
      this.#cached += size
      const list = this.#free.get(size)
      if (list === undefined) this.#free.set(size, [page])
      else list.push(page)
    }
    this.#serve()
  }

  /** Everybody who waits is told that nothing will come. */
  fail(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  #serve(): void {
    for (;;) {
      const next = this.#waiters[0]
      if (next === undefined || this.#held + next.total > this.budget) return
      this.#waiters.shift()
      next.resolve(this.#take(next.sizes))
    }
  }

  #take(sizes: readonly number[]): Page[] {
    const pages = sizes.map((size) => {
      const cached = this.#free.get(size)?.pop()
      if (cached === undefined) return { bytes: new Uint8Array(size) }
      this.#cached -= size
      return cached
    })
    this.#held += sum(sizes)
    if (this.#held + this.#cached > this.budget) this.#trim()
    if (this.isPressed) this.#pressed()
    return pages
  }

  #trim(): void {
    this.#free.clear()
    this.#cached = 0
  }
}

function sum(sizes: readonly number[]): number {
  let total = 0
  for (const size of sizes) total += size
  return total
}
