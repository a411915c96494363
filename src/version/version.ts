// The version: the part of the state that edits change, as one immutable value. Channels, where their
// flushed samples lie, which segments there are, and up to which LSN each group is flushed. Live and
// at recovery it is produced by `apply` alone (0003-I1), so whoever holds one may read it for ever.

import { present } from '../assert.ts'
import type { Channel } from '../telem/channel.ts'
import { FlushedLsns } from './flushed-lsns.ts'
import { PointerTables } from './pointer-tables.ts'
import { SegmentTable } from './segment-table.ts'

export interface Version {
  /** LSN of the last edit applied; 0 before the first. */
  readonly lsn: number
  /** The key that the next channel gets. Keys are never used again. */
  readonly nextKey: number
  /** By channel key. */
  readonly channels: { readonly [key: number]: Channel }
  /** By channel key: where its flushed samples lie. */
  readonly pointers: PointerTables
  /** By segment id. */
  readonly segments: SegmentTable
  /** By key of the index channel: commits up to this LSN are pointers, or were deleted. */
  readonly flushed: FlushedLsns
}

/** The state of a database in which nothing has happened. */
export const EMPTY_VERSION: Version = Object.freeze({
  lsn: 0,
  nextKey: 1,
  channels: Object.freeze({}),
  pointers: PointerTables.empty,
  segments: SegmentTable.empty,
  flushed: FlushedLsns.empty,
})

/** Look-ups over the channels of one version. */
export interface Catalogue {
  readonly byKey: ReadonlyMap<number, Channel>
  readonly byName: ReadonlyMap<string, Channel>
  /** In order of creation. */
  readonly list: readonly Channel[]
  /** By key of the index channel: its data channels, in order of creation. */
  readonly dataOf: ReadonlyMap<number, readonly Channel[]>
}

/** Key of the index channel that a channel's samples are timed by; an index channel times itself. */
export function groupOf(catalogue: Catalogue, channel: Channel): number {
  if (channel.index === undefined) return channel.key
  return present(catalogue.byName.get(channel.index), `index channel "${channel.index}" exists`).key
}

const catalogues = new WeakMap<Version['channels'], Catalogue>()

/** Look-ups for a version's channels, made once for each set of channels. */
export function catalogueOf(version: Version): Catalogue {
  let catalogue = catalogues.get(version.channels)
  if (catalogue === undefined) {
    catalogue = buildCatalogue(version.channels)
    catalogues.set(version.channels, catalogue)
  }
  return catalogue
}

function buildCatalogue(channels: Version['channels']): Catalogue {
  const list = Object.values(channels).sort((a, b) => a.key - b.key)
  const byKey = new Map<number, Channel>()
  const byName = new Map<string, Channel>()
  const dataOf = new Map<number, Channel[]>()
  for (const channel of list) {
    byKey.set(channel.key, channel)
    byName.set(channel.name, channel)
    if (channel.kind === 'index') dataOf.set(channel.key, [])
  }
  for (const channel of list) {
    if (channel.index === undefined) continue
    const index = byName.get(channel.index)
    if (index !== undefined) dataOf.get(index.key)?.push(channel)
  }
  return { byKey, byName, list, dataOf }
}
