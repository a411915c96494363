// A pointer says where (part of) a domain lies: which samples of which extent of which segment.

/** Identifies a segment in memory: epoch * 2^32 + number. Its file is named by both (see fs/layout). */
export type SegmentId = number

/**
 * Where consecutive samples of one channel lie.
 *
 * `start` is the first sample's timestamp, `end` the last one's + 1 ns, always (0003-I1).
 */
export interface Pointer {
  readonly start: bigint
  readonly end: bigint
  /** It goes on with the domain of the pointer before it. */
  readonly joined: boolean
  readonly segment: SegmentId
  /** First byte of the extent in the segment file. */
  readonly offset: number
  /** Bytes of the whole extent: header, blocks, block table. Below 2^32. */
  readonly length: number
  /** Samples of the extent before the first that the pointer reaches. */
  readonly skip: number
  /** Samples that the pointer reaches; at least 1. */
  readonly count: number
  /**
   * Bytes of the extent that this pointer keeps live: `length` while it reaches all of it, a share in
   * proportion to its samples after cuts.
   */
  readonly live: number
}
