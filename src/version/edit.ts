// What can happen to a version besides commits. An edit is explicit: it names the runs of pointers
// that go and the pointers that come, so that replay reads no segment (RFC 0003). What an edit does
// to tails rides along and is applied by the domain layer, live and at recovery alike.

import type { Channel } from '../telem/channel.ts'
import type { ByteRange } from './byte-ranges.ts'
import type { Pointer } from './pointer.ts'

/** One splice of one channel's pointers: first what goes, then what comes in its place. */
export interface PointerChange {
  readonly key: number
  /** The run of pointers that goes, named by the starts of its first and last. */
  readonly goes?: { readonly first: bigint; readonly last: bigint; readonly count: number }
  /** Sorted, disjoint, and fitting where the run was (or, without one, between their neighbours). */
  readonly comes: readonly Pointer[]
}

/** What a delete did to tails. */
export interface TailCut {
  /** Samples in rows (inline runs) of `keys` with `start <= time < end` are gone. */
  readonly start: bigint
  readonly end: bigint
  readonly keys: readonly number[]
  /** Extents that tails name: the pointers into them that go and come. */
  readonly extents: readonly PointerChange[]
  /** Samples (channel key, timestamp) in tails that no longer go on with the domain before them. */
  readonly parted: readonly { readonly key: number; readonly at: bigint }[]
}

/** The epoch begins: what came before ends with the named base. */
export interface BeginEdit {
  readonly kind: 'begin'
  readonly epoch: number
  /** Identifies the run of the machine, to tell a kill from a power loss. */
  readonly bootId: string
  /**
   * The manifest that holds all that happened before, and how many of its bytes count. Absent where a
   * checkpoint of this epoch holds it, and in a new database.
   */
  readonly base?: { readonly file: string; readonly size: number }
}

export interface CreateEdit {
  readonly kind: 'create'
  readonly channels: readonly Channel[]
}

/** Replaces definitions: rename and update. Data channels of a renamed index channel are among them. */
export interface RedefineEdit {
  readonly kind: 'redefine'
  readonly channels: readonly Channel[]
}

export interface RemoveEdit {
  readonly kind: 'remove'
  readonly keys: readonly number[]
}

/** Runs of tails become pointers. */
export interface FlushEdit {
  readonly kind: 'flush'
  /** Index channel key and the LSN up to which its group's commits are flushed by this. */
  readonly groups: readonly { readonly key: number; readonly lsn: number }[]
  readonly changes: readonly PointerChange[]
}

export interface DeleteEdit {
  readonly kind: 'delete'
  readonly changes: readonly PointerChange[]
  readonly tail: TailCut
}

/** Live samples were copied: the same samples, other places. */
export interface RelocateEdit {
  readonly kind: 'relocate'
  readonly changes: readonly PointerChange[]
}

/** Segments that nothing reaches any more. */
export interface DropEdit {
  readonly kind: 'drop'
  readonly segments: readonly number[]
}

/**
 * Bytes of segments that nothing reaches were given back in place, and their files were synced after that.
 */
export interface PunchEdit {
  readonly kind: 'punch'
  readonly segments: readonly {
    readonly segment: number
    /** Sorted and disjoint; none of them was punched before. */
    readonly ranges: readonly ByteRange[]
  }[]
}

export type Edit =
  | BeginEdit
  | CreateEdit
  | RedefineEdit
  | RemoveEdit
  | FlushEdit
  | DeleteEdit
  | RelocateEdit
  | DropEdit
  | PunchEdit
