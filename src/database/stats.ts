// Reports on an open database: plain values that survive JSON.stringify.

import { domainsOf } from '../unary/domains.ts'
import { countIn } from '../unary/sample-count.ts'
import { segmentFile } from '../fs/layout.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import { byteWidth } from '../telem/data-type.ts'
import { END_OF_TIME, MIN_TIMESTAMP, toISO } from '../telem/timestamp.ts'
import { catalogueOf } from '../version/version.ts'
import type { GcReport } from './collection/gc-report.ts'
import type { Engine } from './engine.ts'
import type { RecoveryReport } from './opening/believe.ts'
import { readerStats } from './reader-stats.ts'
import type { ReaderStats } from './reader-stats.ts'
import type { SnapshotState } from './snapshot-state.ts'
import { releaseSnapshot, takeSnapshot } from './snapshots.ts'
import { SLICE_MS } from './turns.ts'
import { channelRefOf } from '../unary/channel-view.ts'

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
    /** Bytes that the file takes: its length less the holes that were punched into it. */
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
    /**
     * Bytes of the records in journal and manifest; the journal's file may be larger, by fill for the next
     * ones.
     */
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
  /** Registered read-only processes, but for those that are certainly dead. */
  readonly readers: readonly ReaderStats[]
  /** What opening found after a crash; left out in a new database, and beside a process that writes. */
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

/** All but the registrations is of the instant of the call. */
export async function statsOf(
  engine: Engine,
  gc: { at: bigint; report: GcReport } | undefined,
): Promise<Stats> {
  const { pool, resources, recovery, failure } = engine
  const state = takeSnapshot(engine)
  const written = (engine.journal?.size ?? 0) + (engine.manifest ?? engine.baseManifest ?? { size: 0 }).size
  const segments = engine.segments.all().map((segment) => {
    const live = (engine.version.segments.get(segment.id)?.live ?? 0) + segment.tailLive
    const punched = engine.version.segments.get(segment.id)?.holes?.bytes ?? segment.punched
    const total = segment.size - punched
    return {
      name: segmentFile(segment.id),
      live,
      dead: Math.max(0, total - FIRST_EXTENT - live - segment.reserved),
      total,
    }
  })
  const freed = engine.segments.all().map((segment) => segment.freed)
  const report = {
    segments,
    memory: { held: pool.held, budget: pool.budget },
    log: { bytes: engine.reader === undefined ? written : engine.logBytes },
    open: {
      writers: resources.count('writer'),
      iterators: resources.count('iterator'),
      streamers: resources.count('streamer'),
      snapshots: resources.count('snapshot'),
    },
    ...(recovery === undefined ? {} : { recovery }),
    ...(gc === undefined ? {} : { gc: { at: toISO(gc.at), report: gc.report } }),
    ...(failure === undefined ? {} : { failed: failure.message }),
  }
  const deadBytes = segments.map(({ dead }, i) => ({ dead, freed: freed[i]! }))
  try {
    const channels = await channelStats(engine, state)
    return { channels, ...report, readers: await readerStats(engine, deadBytes) }
  } finally {
    releaseSnapshot(engine, state)
  }
}

/** By name of the channel; the loop turns in between, where there are many. */
async function channelStats(engine: Engine, state: SnapshotState): Promise<Stats['channels']> {
  const catalogue = catalogueOf(state.version)
  const entries: [string, Stats['channels'][string]][] = []
  for (const channel of catalogue.list) {
    const ref = channelRefOf(catalogue, channel)
    const view = state.viewOf(ref.index.key)
    const samples = countIn(view, ref, MIN_TIMESTAMP, END_OF_TIME)
    const bytes = samples * byteWidth(channel.type)
    entries.push([channel.name, { samples, domains: domainsOf(view, ref), bytes }])
    const turn = engine.turns.due(SLICE_MS)
    if (turn !== undefined) await turn
  }
  return Object.fromEntries(entries)
}
