// The unsynced changes to one thing of the simulated disk (a file's contents, a directory's names), in
// the order they were made. Invariant: the oldest change is never a synced one, because `sync` hands
// those out to be folded into what is durable. Called by MemoryInode and MemoryDirectory.

// dirty: a sync will write it. synced: surely on disk, but behind a change that may not be. clean: a
// sync failed on it, so that no later one writes it; whether it is on disk, nobody knows.
type ChangeState = 'dirty' | 'synced' | 'clean'

interface Entry<T> {
  readonly sequence: number
  readonly change: T
  state: ChangeState
}

/** Changes of type `T`, each immutable, with numbers that grow. */
export class ChangeLog<T> {
  #entries: Entry<T>[] = []

  /** Appends a dirty change. `sequence` is above those before it. */
  add(sequence: number, change: T): void {
    this.#entries.push({ sequence, change, state: 'dirty' })
  }

  /**
   * Syncs the dirty changes with a sequence below `mark`.
   * @returns the changes that leave the log, in order: the caller makes them durable.
   */
  sync(mark: number): T[] {
    for (const entry of this.#entries) {
      if (entry.sequence < mark && entry.state === 'dirty') entry.state = 'synced'
    }
    const rest = this.#entries.findIndex((entry) => entry.state !== 'synced')
    const folded = this.#entries.splice(0, rest === -1 ? this.#entries.length : rest)
    return folded.map((entry) => entry.change)
  }

  /** As after a failed sync: no later sync writes what is dirty now. */
  markClean(): void {
    for (const entry of this.#entries) if (entry.state === 'dirty') entry.state = 'clean'
  }

  /** Sequences of the changes that a power loss may take, ascending. */
  atStake(): number[] {
    return this.#entries.filter((entry) => entry.state !== 'synced').map((entry) => entry.sequence)
  }

  /** Visits all changes in order; `synced` ones a power loss cannot take. */
  replay(visit: (change: T, sequence: number, synced: boolean) => void): void {
    for (const { change, sequence, state } of this.#entries) visit(change, sequence, state === 'synced')
  }

  /** Replaces every change by another that means the same place in the order. */
  rewrite(map: (change: T) => T): void {
    this.#entries = this.#entries.map((entry) => ({ ...entry, change: map(entry.change) }))
  }

  /**
   * An independent log in which it is known what became of the clean changes: `decide` gives the dirty change
   * that stands for one now, or undefined where it is on disk. What the log then begins with may be folded:
   * `sync(0)`.
   */
  settleClean(decide: (change: T) => T | undefined): ChangeLog<T> {
    const copy = new ChangeLog<T>()
    copy.#entries = this.#entries.map((entry): Entry<T> => {
      if (entry.state !== 'clean') return { ...entry }
      const change = decide(entry.change)
      return change === undefined ? { ...entry, state: 'synced' } : { ...entry, change, state: 'dirty' }
    })
    return copy
  }

  /** An independent log of the same changes. */
  clone(map: (change: T) => T = (change) => change): ChangeLog<T> {
    const copy = new ChangeLog<T>()
    copy.#entries = this.#entries.map((entry) => ({ ...entry, change: map(entry.change) }))
    return copy
  }
}
