// What a store must be able to do to be compared: one interface that every engine implements in a file of
// its own, as well as its users would. A call returns a promise only where the engine's own call does, so
// that nobody pays for another's. Driven by workloads.ts.

/** What an acknowledged commit has behind it: the operating system has it, or it is synced to disk. */
export type Promised = 'handed over' | 'synced'

/** A row as a plain object: `time` a bigint, each channel a number. */
export type Row = Record<string, number | bigint>

/** How a store is opened. */
export interface StoreOptions {
  /** A directory of the store's own; it exists. */
  readonly directory: string
  /** Names of the float64 channels, without `time`. */
  readonly channels: readonly string[]
  readonly promised: Promised
  /** In frames of many rows or row by row: how stores that leave the layout to their users lay it out. */
  readonly written: 'frames' | 'rows'
}

/** What can come at once or later. */
export type Now<T> = T | Promise<T>

/** An open store. Times are int64 nanoseconds, ranges end before `end`. */
export interface Store {
  /** Commits many rows: returns, or resolves, when what was promised holds. The arrays do not change. */
  writeFrame(times: BigInt64Array, columns: readonly Float64Array[]): Now<unknown>
  /** Commits one row. The object is used again by the caller. */
  writeRow(row: Row): Now<unknown>
  /**
   * Commits rows, each on its own, without waiting for one before the next is begun, as far as the store's calls allow;
   * returns, or resolves, when what was promised holds for all.
   */
  writeTogether(rows: readonly Row[]): Now<unknown>
  /** Reads channels of a range, as the store's users get them. */
  read(channels: readonly string[], start: bigint, end: bigint): Now<unknown>
  /** What `read` gave, by channel in the order asked for; not part of what is measured. */
  columns(result: never): readonly ArrayLike<number>[]
  /** Rows in a range. */
  count(start: bigint, end: bigint): Now<number>
  /** Deletes the rows of a range. */
  delete(start: bigint, end: bigint): Now<unknown>
  /** Does what a store does in the background, and had no time for while it was filled. */
  settle?(): Now<unknown>
  /** Gives the deleted rows' bytes back to the file system, as far as the store can. */
  reclaim(): Now<unknown>
  close(): Now<unknown>
}

/** A store that can be compared. */
export interface Engine {
  /** Name and version, as in the table. */
  readonly title: string
  open(options: StoreOptions): Now<Store>
}
