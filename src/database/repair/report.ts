// What a repair reports: what it found, what is lost and where, and what nobody can tell. Losses that lie
// side by side are told as one. Filled by copy.ts and damaged.ts.

import { toISO } from '../../telem/timestamp.ts'

/** Something wrong at a place of a file. */
export interface Fault {
  readonly what: string
  readonly file?: string
  readonly offset?: number
}

/** Samples of a channel that are not in the target. */
export interface LostRange {
  /** Name of the channel, as in the target. */
  readonly channel: string
  /** ISO 8601. No sample that was lost lies before it. */
  readonly start: string
  /** ISO 8601. All samples that were lost lie before it. */
  readonly end: string
  /** Samples that were lost. */
  readonly samples: number
  /** Why. */
  readonly what: string
  /** Path of the damaged file. */
  readonly file?: string
  /** Bytes from the start of `file`. */
  readonly offset?: number
}

/** Something that was met and of which nobody can tell what it held. */
export interface Untold {
  /** What it is, and what it may mean for the data. */
  readonly what: string
  /** Path of the file. */
  readonly file?: string
  /** Bytes from the start of `file`. */
  readonly offset?: number
  /** Name of the channel. */
  readonly channel?: string
}

/** What was salvaged of a channel. */
export interface RepairedChannel {
  /** Name of the channel, as in the target. */
  readonly channel: string
  /** Samples that are in the target. */
  readonly samples: number
  /** Samples of which it is known that they are lost: the sum over `lost`. */
  readonly lost: number
  /** What of its definition was guessed, in words; empty where it was read. */
  readonly guessed: string
}

/** What `repair` did. */
export interface RepairReport {
  /** Where the new database is, as it was asked for. */
  readonly target: string
  /** Everything that is known to have been there is in the target. */
  readonly complete: boolean
  /**
   * What the state was read from. `opened`: it could be read as an opening reads it; `logs`: from what is
   * sound of the logs; `segments`: from what samples say of themselves, without any log.
   */
  readonly source: 'opened' | 'logs' | 'segments'
  /** The target may hold samples that were deleted, or written and never committed. */
  readonly mayHoldDeleted: boolean
  /** Every channel of the target. */
  readonly channels: readonly RepairedChannel[]
  /** What is lost, by channel and time. */
  readonly lost: readonly LostRange[]
  /** What could not be told. */
  readonly untold: readonly Untold[]
  /**
   * What is no loss, and good to know: the torn end of a log, as a crash leaves it, which an opening cuts
   * off.
   */
  readonly notes: readonly Untold[]
}

/** A loss as it is met. */
export interface Loss {
  readonly channel: number
  readonly start: bigint
  readonly end: bigint
  readonly samples: number
  readonly fault: Fault
}

/** Losses in order of time for each channel; neighbours are one. */
export class Losses {
  readonly #byChannel = new Map<number, Loss[]>()

  add(loss: Loss, isNeighbour = false): void {
    const list = this.#byChannel.get(loss.channel)
    const last = list?.at(-1)
    if (list === undefined) this.#byChannel.set(loss.channel, [loss])
    else if (last !== undefined && isNeighbour && isAlike(last.fault, loss.fault))
      list[list.length - 1] = { ...last, end: loss.end, samples: last.samples + loss.samples }
    else list.push(loss)
  }

  /** Samples that a channel has lost. */
  samplesOf(channel: number): number {
    return (this.#byChannel.get(channel) ?? []).reduce((sum, { samples }) => sum + samples, 0)
  }

  /** As they are reported. */
  of(channel: number, name: string): LostRange[] {
    return (this.#byChannel.get(channel) ?? []).map(({ start, end, samples, fault }) => ({
      channel: name,
      start: toISO(start),
      end: toISO(end),
      samples,
      ...fault,
    }))
  }
}

function isAlike(a: Fault, b: Fault): boolean {
  return a.what === b.what && a.file === b.file
}
