// What `db.gc` tells: its report and its progress.

/** What a collection did. */
export interface GcReport {
  /** Segments looked at. */
  readonly segmentsScanned: number
  /** Rewritten, removed, or punched. */
  readonly segmentsCollected: number
  /** Files removed. */
  readonly segmentsRemoved: number
  /**
   * Bytes that went back to the file system: of removed files and of holes, less those of what was written
   * instead.
   */
  readonly bytesReclaimed: number
  /** Of these, bytes given back in place, as holes in files that stay. */
  readonly bytesPunched: number
  /** Extents that became part of a neighbour. */
  readonly extentsMerged: number
  /** Segments that were left as they were. */
  readonly skipped: readonly {
    /** Name of the file. */
    readonly segment: string
    /** Why, in words. */
    readonly reason: string
  }[]
}

/** How far a collection is. */
export interface GcProgress {
  /** Segments looked at, of `total`. */
  readonly done: number
  /** Segments that there were when the run began. */
  readonly total: number
  /** Bytes given back up to now. */
  readonly bytesReclaimed: number
}
