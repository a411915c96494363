// What an import can be told, what it tells while it runs, and what it says at its end: the interface
// between the command line and the import, and of the tests that import without a command line.

import type { DataType } from '../../index.ts'

/** What to do with a row whose time is not after all times before it in the file. */
export type OnConflict = 'error' | 'skip' | 'last'

/** How a file is read, and under which names its columns are written. Columns are named as in its header. */
export interface ImportOptions {
  /**
   * The column that holds the time, or several with commas between: parts of a date (`year,month,day,hour`),
   * or texts that make one together (`date,time`). Guessed where left out.
   */
  readonly time?: string
  /** `iso`, `s`, `ms`, `us`, `ns`, or a pattern such as `%d.%m.%Y %H:%M:%S`. Guessed where left out. */
  readonly timeFormat?: string
  /** The time of zero where the times in the file are spans, in nanoseconds since 1970. */
  readonly origin?: bigint
  /** The offset of times that name none, `+08:00` or `Z`; UTC where left out. */
  readonly utcOffset?: string
  /** Whether the first line names the columns; found out where left out. */
  readonly header?: boolean
  /** Names for the columns, in the order of the file, in place of what the file says. */
  readonly columns?: readonly string[]
  /** What stands between cells, one character; found out where left out. */
  readonly delimiter?: string
  /** Cells that mean that there is no value, besides the usual ones; as they stand in the file. */
  readonly missing?: readonly string[]
  /** Types by column, in place of what would be guessed. */
  readonly types?: Readonly<Record<string, DataType>>
  /** Units by column. */
  readonly units?: Readonly<Record<string, string>>
  /** Names of channels by column, in place of the column's; the prefix is set before them too. */
  readonly renames?: Readonly<Record<string, string>>
  /** Set before the names of all channels. */
  readonly prefix?: string
  /** The name of the index channel, whole; else the prefix and the name of the time's column, or `time`. */
  readonly index?: string
  /** Only these columns. */
  readonly only?: readonly string[]
  /** All columns but these. */
  readonly skip?: readonly string[]
  /** `'error'` where left out. */
  readonly onConflict?: OnConflict
  /** Passes over the rows up to the newest that the database has, which is how an import goes on. */
  readonly continue?: boolean
  /** Reads the file and says what would be done, and does nothing. */
  readonly dryRun?: boolean
  /** Aborted while rows are written: the import ends after a commit, and its report says so. */
  readonly signal?: AbortSignal
}

/** How far an import is. */
export interface ImportProgress {
  readonly stage: 'scan' | 'sort' | 'write'
  /** The part of the stage that is done, 0 to 1. */
  readonly done: number
  /** Rows of this stage up to now. */
  readonly rows: number
}

/** What an import tells while it runs. */
export interface ImportHooks {
  /** The file was read once: what is going to be done. Nothing has been written. */
  readonly onPlan?: (plan: ImportPlan) => void
  readonly onProgress?: (progress: ImportProgress) => void
}

/** A column that becomes a channel. */
export interface PlannedChannel {
  readonly column: string
  readonly name: string
  readonly type: DataType
  readonly unit?: string
  /** Whether the database has this channel. */
  readonly exists: boolean
  /** Cells without a value; they are NaN. */
  readonly missing: number
  /** What the person should know of the choice of the type, such as why integers become float64. */
  readonly note?: string
}

/** A column that is not imported, and why. */
export interface LeftOutColumn {
  readonly column: string
  readonly reason: string
}

/** What the file holds, and what is to be written of it. */
export interface ImportPlan {
  readonly file: string
  /** Rows of data in the file. */
  readonly rows: number
  /** Rows whose time is not after all before: left out by `skip`, sorted in by `last`. */
  readonly conflicts: number
  readonly delimiter: string
  readonly header: boolean
  /** The columns that the time is made of, and how they are read, in words. */
  readonly time: { readonly columns: readonly string[]; readonly format: string; readonly index: string }
  /** The first and the last time, in nanoseconds since 1970; absent where there are no rows. */
  readonly first?: bigint
  readonly last?: bigint
  readonly channels: readonly PlannedChannel[]
  readonly leftOut: readonly LeftOutColumn[]
  /** Sentences about the file that a person should see. */
  readonly notes: readonly string[]
  /** Rows up to this time are there already and are passed over; with `continue` only. */
  readonly after?: bigint
}

/** What an import did. */
export interface ImportReport extends ImportPlan {
  /** Rows that were written, one sample of each channel and one of the index. */
  readonly written: number
  /** Rows that were left out because another row has their time or a later one came before (`skip`). */
  readonly skipped: number
  /** Rows that were left out because a later row of the file has their time (`last`). */
  readonly replaced: number
  /** Rows that were passed over because the database had them (`continue`). */
  readonly present: number
  /** Samples that were written, those of the index among them. */
  readonly samples: number
  /** Whether the signal ended it before all was written. */
  readonly interrupted: boolean
  /** Something about what is there now that a person should see. */
  readonly warning?: string
}
