// Reports on an open database: plain values that survive JSON.stringify.

import { countIn, partsIn } from '../unary/channel-view.ts'
import { segmentFile } from '../fs/layout.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import { byteWidth } from '../telem/data-type.ts'
import { END_OF_TIME, MIN_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import { groupOf } from '../version/version.ts'
import type { GcReport } from './collect.ts'
import { channelRefOf } from './engine.ts'
import type { Engine } from './engine.ts'
import type { RecoveryReport } from './believe.ts'

/** What `db.stats()` resolves to. Sizes in bytes, instants in ISO 8601. */
export interface Stats {
  /** By name of the channel. */
  readonly channels: Record<
    string,
    {
      /** Committed samples. */
      readonly samples: number
      /** Contiguous stretches that they lie in. */
      readonly domains: number
      /** Bytes of the samples, as typed arrays hold them. */
      readonly bytes: number
    }
  >
  /** The files of samples. */
  readonly segments: readonly {
    /** Name of the file. */
    readonly name: string
    /** Bytes that reads may still need. */
    readonly live: number
    /** Bytes that a collection could give back. */
    readonly dead: number
    /** Bytes of the file. */
    readonly total: number
  }[]
  /** Samples in memory that have not reached a segment. */
  readonly memory: {
    /** Bytes that they take, free rest of pages included. */
    readonly held: number
    /** The option `memoryBudget`. */
    readonly budget: number
  }
  /** The log. */
  readonly log: {
    /** Bytes of journal and manifest. */
    readonly bytes: number
  }
  /** How many are open. */
  readonly open: {
    /** Writers. */
    readonly writers: number
    /** Always 0: iterators are not built yet. */
    readonly iterators: number
    /** Always 0: streams are not built yet. */
    readonly streamers: number
    /** Snapshots that users opened. */
    readonly snapshots: number
  }
  /** Registered read-only processes. Always empty: registering is not built yet. */
  readonly readers: readonly {
    /** Process id. */
    readonly pid: number
    /** Name of its host. */
    readonly host: string
    /** Instant at which it registered. */
    readonly since: string
    /** How long ago that is. */
    readonly age: string
  }[]
  /** What opening found after a crash; left out in a new database. */
  readonly recovery?: RecoveryReport
  /** The last `db.gc` since the database was opened. */
  readonly gc?: {
    /** Instant at which it ended. */
    readonly at: string
    /** What it did. */
    readonly report: GcReport
  }
  /** Why writes are refused. */
  readonly failed?: string
}

export function statsOf(engine: Engine, gc: { at: bigint; report: GcReport } | undefined): Stats {
  const { catalogue, pool, resources, recovery, failure } = engine
  const channels = Object.fromEntries(
    catalogue.list.map((channel) => {
      const ref = channelRefOf(catalogue, channel)
      const view = engine.viewOf(groupOf(catalogue, channel))
      const samples = countIn(view, ref, MIN_TIMESTAMP, END_OF_TIME)
      return [
        channel.name,
        { samples, domains: countDomains(engine, channel.name), bytes: samples * byteWidth(channel.type) },
      ]
    }),
  )
  const segments = engine.segments.all().map((segment) => {
    const live = (engine.version.segments[segment.id]?.live ?? 0) + segment.tailLive
    const total = segment.size
    return {
      name: segmentFile(segment.id),
      live,
      dead: Math.max(0, total - FIRST_EXTENT - live - segment.reserved),
      total,
    }
  })
  return {
    channels,
    segments,
    memory: { held: pool.held, budget: pool.budget },
    log: { bytes: (engine.journal?.size ?? 0) + (engine.manifest?.size ?? 0) },
    open: {
      writers: resources.count('writer'),
      iterators: resources.count('iterator'),
      streamers: resources.count('streamer'),
      snapshots: resources.count('snapshot'),
    },
    readers: [],
    ...(recovery === undefined ? {} : { recovery }),
    ...(gc === undefined ? {} : { gc: { at: toISO(gc.at), report: gc.report } }),
    ...(failure === undefined ? {} : { failed: failure.message }),
  }
}

/** Contiguous stretches of a channel: those that go on, or touch, are one. */
function countDomains(engine: Engine, name: string): number {
  const { catalogue } = engine
  const ref = channelRefOf(catalogue, catalogue.byName.get(name)!)
  let domains = 0
  let end: bigint | undefined
  for (const part of partsIn(engine.viewOf(ref.index.key), ref, MIN_TIMESTAMP, END_OF_TIME)) {
    if (!part.joined && part.start !== end) domains++
    end = part.end
  }
  return domains
}
