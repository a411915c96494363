// One import from its beginning to its end: reads the file once and learns what is in it, decides what is
// to be written, makes the channels, and reads it again to write it. Until the channels are made nothing is
// changed, so that every mistake in the file is met before. Called by the command, and by tests.

import type { ChannelDefinition, Database, NumericArray } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import { several, time as timeText } from '../figures.ts'
import { MissingMarkers } from './cells.ts'
import type { ColumnFacts } from './column-facts.ts'
import { CsvFile } from './csv-file.ts'
import { headerOf } from './header.ts'
import type { Header } from './header.ts'
import type {
  ImportHooks,
  ImportOptions,
  ImportPlan,
  ImportReport,
  LeftOutColumn,
  PlannedChannel,
} from './import-options.ts'
import { arrayOf } from './sample-array.ts'
import { scan } from './scan.ts'
import type { Layout, Scan } from './scan.ts'
import { targetsOf } from './target.ts'
import type { Targets } from './target.ts'
import { timeColumn } from './time-column.ts'
import { gatherLate, writeRows } from './write-rows.ts'
import type { WrittenColumn, Written } from './write-rows.ts'

/** A file that was read once, and what is to be done with it. */
export interface PreparedImport {
  readonly plan: ImportPlan
  readonly layout: Layout
  readonly scan: Scan
  readonly columns: readonly WrittenColumn[]
  readonly indexExists: boolean
}

/**
 * Imports a CSV file, gzipped or not, into a database that is open for writing.
 * @throws CommandError for whatever is wrong with the file or the options, in one line with its line number
 * @throws the signal's reason where it is aborted before anything is written
 */
export async function importFile(
  db: Database,
  path: string,
  options: ImportOptions = {},
  hooks: ImportHooks = {},
): Promise<ImportReport> {
  const prepared = await prepareImport(db, path, options, hooks)
  return options.dryRun === true ? nothingWritten(prepared) : runImport(db, prepared, options, hooks)
}

/**
 * The first half: reads the file and decides, and changes nothing.
 * @param db `undefined` for a database that is yet to be made
 * @throws as `importFile` does, for all that can be known before the first row is written
 */
export async function prepareImport(
  db: Database | undefined,
  path: string,
  options: ImportOptions,
  hooks: ImportHooks,
): Promise<PreparedImport> {
  const markers = new MissingMarkers(options.missing)
  const file = await CsvFile.open(path, options.delimiter)
  const rows = await firstRows(file)
  const header = headerOf(rows, markers, options.header, options.columns)
  const { names } = header
  const data = header.isThere ? rows.slice(1) : rows
  if (data.length === 0) throw new CommandError(`"${path}" has no rows of data`)
  const time = timeColumn({ names, rows: data }, options)
  const targets = targetsOf(header, time, options, (name) => db?.channels.find(name))
  const layout: Layout = {
    file,
    names,
    hasHeader: header.isThere,
    time,
    targets: targets.columns,
    markers,
    onConflict: options.onConflict ?? 'error',
  }
  const found = await scan(layout, (count) => {
    options.signal?.throwIfAborted()
    hooks.onProgress?.({ stage: 'scan', done: file.done, rows: count })
  })
  const after = await newestStored(db, targets, found, options)
  const { channels, columns, leftOut } = decide(layout, found.facts, header)
  const notes = [...header.notes, ...timeNotes(layout, options, found)]
  const plan: ImportPlan = {
    file: path,
    rows: found.rows,
    conflicts: found.conflicts,
    delimiter: file.delimiter,
    header: header.isThere,
    time: {
      columns: time.positions.map((position) => names[position]!),
      format: time.label,
      index: targets.index,
    },
    first: found.first!,
    last: found.last!,
    channels,
    leftOut,
    notes,
    ...(after === undefined ? {} : { after }),
  }
  hooks.onPlan?.(plan)
  return { plan, layout, scan: found, columns, indexExists: targets.indexExists }
}

/** The report of an import of which there is no second half. */
export function nothingWritten({ plan }: PreparedImport): ImportReport {
  return { ...plan, written: 0, skipped: 0, replaced: 0, present: 0, samples: 0, interrupted: false }
}

/** The second half: makes the channels that are missing and writes the rows. */
export async function runImport(
  db: Database,
  prepared: PreparedImport,
  options: ImportOptions,
  hooks: ImportHooks,
): Promise<ImportReport> {
  const { plan, layout, scan: found, columns } = prepared
  const { index } = plan.time
  const { signal } = options
  const late = await gatherLate(layout, columns, found, (rows) => {
    signal?.throwIfAborted()
    hooks.onProgress?.({ stage: 'sort', done: rows / plan.rows, rows })
  })
  signal?.throwIfAborted()
  await db.channels.create(missingChannels(prepared))
  const writer = await db.openWriter([index, ...columns.map(({ name }) => name)])
  const { after } = plan
  const stored = await storedAt(db, columns, after)
  const destination = { writer, index, columns, after, stored, signal }
  try {
    const written = await writeRows(layout, found, late, destination, (rows) => {
      hooks.onProgress?.({ stage: 'write', done: rows / plan.rows, rows })
    })
    const samples = written.written * (columns.length + 1)
    return { ...plan, ...written, samples, ...(await presentWarning(db, plan, written)) }
  } finally {
    await writer.close()
  }
}

/** The header and some rows, as many as come at once. */
async function firstRows(file: CsvFile): Promise<string[][]> {
  const rows: string[][] = []
  for await (const batch of file.batches()) {
    for (const row of batch.rows) rows.push([...row])
    if (rows.length > 1) break
  }
  if (rows.length === 0) throw new CommandError(`"${file.path}" has no rows`)
  return rows
}

/** What is to be written of each column, and as what. */
function decide(
  { targets }: Layout,
  facts: readonly ColumnFacts[],
  { unnamed }: Header,
): { channels: PlannedChannel[]; columns: WrittenColumn[]; leftOut: LeftOutColumn[] } {
  const channels: PlannedChannel[] = []
  const columns: WrittenColumn[] = []
  const leftOut: LeftOutColumn[] = []
  targets.forEach(({ column, position, name, unit, type, exists }, k) => {
    const fact = facts[k]!
    const guess = type === undefined ? fact.guess() : { type }
    if (guess.type === undefined) leftOut.push({ column, reason: guess.reason })
    else if (type === undefined && fact.isEmpty && unnamed.includes(position))
      leftOut.push({ column, reason: 'neither name nor values' })
    else {
      columns.push({ column, position, name, type: guess.type, exists, isGiven: type !== undefined })
      channels.push({
        column,
        name,
        type: guess.type,
        ...(unit === undefined ? {} : { unit }),
        exists,
        missing: fact.missing,
        ...(guess.note === undefined ? {} : { note: guess.note }),
      })
    }
  })
  return { channels, columns, leftOut }
}

/**
 * The newest time of the database within the file's range, up to which an import has to go on.
 * @throws CommandError where there is one and nobody said that the import should
 */
async function newestStored(
  db: Database | undefined,
  { index, indexExists }: Targets,
  { first, last }: Scan,
  options: ImportOptions,
): Promise<bigint | undefined> {
  if (db === undefined || !indexExists || first === undefined || last === undefined) return undefined
  if (!(await db.hasData(index, { start: first, end: last + 1n }))) return undefined
  if (options.continue !== true) {
    const stored = (await db.bounds(index))!
    throw new CommandError(
      `channel "${index}" has samples from ${timeText(stored.start)} to ${timeText(stored.end - 1n)}, and the file ` +
        `goes from ${timeText(first)} to ${timeText(last)}: --prefix keeps another recording apart; --continue goes on ` +
        'with an import of this same file that was interrupted',
    )
  }
  return (await db.latest(index, 1, { at: last })).column(index).at(-1) as bigint
}

/** For each column what its channel holds at a time: one sample, or none. */
async function storedAt(
  db: Database,
  columns: readonly WrittenColumn[],
  at: bigint | undefined,
): Promise<NumericArray[]> {
  if (at === undefined || columns.length === 0) return columns.map(({ type }) => arrayOf(type, 0))
  const frame = await db.read(
    columns.map(({ name }) => name),
    { start: at, end: at + 1n },
  )
  return columns.map(({ name }) => frame.column(name))
}

function missingChannels({ plan, indexExists }: PreparedImport): ChannelDefinition[] {
  const { index } = plan.time
  return [
    ...(indexExists ? [] : [{ name: index, kind: 'index' } as const]),
    ...plan.channels
      .filter(({ exists }) => !exists)
      .map(({ name, type, unit }) => ({ name, kind: 'data', type, index, unit }) as const),
  ]
}

/** Whether what was passed over is what the database has: else it came from elsewhere. */
async function presentWarning(
  db: Database,
  { time, first, after }: ImportPlan,
  { present, interrupted }: Written,
): Promise<{ warning?: string }> {
  if (after === undefined || interrupted) return {}
  const { index } = time
  const stored = (await db.count(index, { start: first!, end: after + 1n }))[index]!
  if (stored === present) return {}
  const [rows, samples] = [several(present, 'row'), several(stored, 'sample')]
  return {
    warning: `${rows} up to ${timeText(after)} were passed over, where the database has ${samples}: not all are from this file`,
  }
}

/** What is odd about the times. */
function timeNotes({ time }: Layout, options: ImportOptions, { conflicts, first }: Scan): string[] {
  const notes: string[] = []
  // A year after 1970 nobody had recordings with nanoseconds: these are spans since something.
  if (
    options.origin === undefined &&
    first !== undefined &&
    first < 365n * 86_400_000_000_000n &&
    time.isNumber
  )
    notes.push(`the times are counted from 1970: --origin TIME says when they really began`)
  if (conflicts > 0)
    notes.push(
      options.onConflict === 'last'
        ? `${several(conflicts, 'row')} out of order or with a time that another has: sorted in, the last of equal times counts`
        : `${several(conflicts, 'row')} out of order or with a time that another has: left out`,
    )
  return notes
}
