// Where the rows of each commit end in a strip that was read from a log: a flush names the newest commit that
// it has turned into pointers (0003), and a reader that reads on finds the rows by that. Copies of a strip
// share it. Called by tail-replay.ts.

import { partitionPoint } from '../binary-search.ts'

export class CommitEnds {
  readonly #lsns: number[] = []
  readonly #rows: number[] = []

  /**
   * The commit `lsn` has put rows [from, to) behind those of the commits before it. What a try that was given
   * up has noted beyond `from` counts no more.
   */
  note(lsn: number, from: number, to: number): void {
    while ((this.#rows.at(-1) ?? 0) > from) {
      this.#rows.pop()
      this.#lsns.pop()
    }
    this.#lsns.push(lsn)
    this.#rows.push(to)
  }

  /** Where the rows of the commits up to `lsn` end; 0 where there is none. */
  endOf(lsn: number): number {
    const count = partitionPoint(0, this.#lsns.length, (i) => this.#lsns[i]! <= lsn)
    return count === 0 ? 0 : this.#rows[count - 1]!
  }
}
