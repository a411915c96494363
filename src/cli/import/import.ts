// `rubidium import`: a CSV file becomes channels. What was found out about the file is shown, with progress
// and what came of it; data is only what `--json` prints.

import { Option } from 'commander'
import type { Command } from 'commander'
import { systemClock } from '../../clock.ts'
import { NotADatabaseError, toISO } from '../../index.ts'
import type { Database, DataType } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import type { Context } from '../program.ts'
import type { Terminal } from '../terminal.ts'
import { TIME_FORMS, timeOf } from '../time-words.ts'
import { withDatabase } from '../with-database.ts'
import { nothingWritten, prepareImport, runImport } from './import-file.ts'
import type { ImportHooks, ImportOptions, ImportReport, OnConflict } from './import-options.ts'
import { ProgressLine } from './progress-line.ts'
import { planLines, reportLines } from './report-lines.ts'
import { isType, TYPE_NAMES } from './target.ts'

/** The options as commander hands them over. */
interface Words {
  readonly time?: string
  readonly timeFormat?: string
  readonly origin?: bigint
  readonly utcOffset?: string
  readonly header?: boolean
  readonly columns?: string[]
  readonly delimiter?: string
  readonly missing?: string[]
  readonly type?: Readonly<Record<string, DataType>>
  readonly unit?: Readonly<Record<string, string>>
  readonly rename?: Readonly<Record<string, string>>
  readonly prefix?: string
  readonly index?: string
  readonly only?: string[]
  readonly skipColumns?: string[]
  readonly onConflict: OnConflict
  readonly continue?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ rubidium import air Dongsi.csv.gz --utc-offset +08:00 --prefix dongsi.
  $ rubidium import flight imu.csv --origin 2023-10-12T15:00:00Z --unit Ax=m/s2
  $ rubidium import plant log.csv --time Date,Time --time-format "%d.%m.%Y %H:%M:%S"
  $ rubidium import plant log.csv --dry-run

Missing cells (empty, NA, NaN, N/A, null, None, -) become NaN, so a column of
whole numbers that has some becomes float64. Columns of text are left out and
named. An import that was interrupted is continued by the same command with
--continue.`

export function addImport(program: Command, { terminal, outcome }: Context): void {
  program
    .command('import')
    .summary('import a CSV file')
    .description(
      'Imports a CSV file, gzipped or not, into a database, which is made if it is not there. The file is read ' +
        'twice: once to find out what is in it, with every mistake, and once to write it.',
    )
    .argument('<dir>', 'directory of the database')
    .argument('<file>', 'CSV file, gzipped or not')
    .option('--time <column>', 'column of the time; several with commas: year,month,day,hour or date,time')
    .option('--time-format <format>', 'iso, s, ms, us, ns, or a pattern such as "%d.%m.%Y %H:%M:%S.%f"')
    .option('--origin <time>', `when times began that count from 0: ${TIME_FORMS}`, timeOf)
    .option('--utc-offset <offset>', 'offset of times that name none, such as +08:00 (default: UTC)')
    .option('--type <column=type>', `type of a column, repeatable: ${TYPE_NAMES}`, typePair)
    .option('--unit <column=unit>', 'unit of a column, repeatable', pair('--unit'))
    .option('--rename <column=name>', 'name of the channel of a column, repeatable', pair('--rename'))
    .option('--prefix <text>', 'set before the names of all channels')
    .option('--index <name>', 'name of the index channel (default: prefix and name of the time column)')
    .option('--only <columns>', 'only these columns, with commas between, repeatable', collect)
    .option('--skip-columns <columns>', 'all columns but these, with commas between, repeatable', collect)
    .option('--missing <marker>', 'a cell that means that there is no value, repeatable', collect)
    .option('--header', 'the first line names the columns (default: found out)')
    .option('--no-header', 'the first line is data')
    .option('--columns <names>', 'names of all columns, with commas between', (word) => splitNames(word))
    .option('--delimiter <character>', 'between cells; "tab" for tabs (default: found out)', delimiterOf)
    .addOption(
      new Option('--on-conflict <what>', 'rows out of order or with a time that another row has')
        .choices(['error', 'skip', 'last'])
        .default('error'),
    )
    .option('--continue', 'pass over the rows that are there already')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print what was done as an object')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string, path: string, words: Words) => {
      const report = await run(directory, path, optionsOf(words, terminal), terminal, words.json === true)
      if (report.interrupted) outcome.code = 130
    })
}

async function run(
  directory: string,
  path: string,
  options: ImportOptions,
  terminal: Terminal,
  isJson: boolean,
): Promise<ImportReport> {
  const progress = new ProgressLine(terminal, systemClock)
  const hooks: ImportHooks = {
    onPlan: (plan) => {
      terminal.endProgress()
      for (const line of planLines(plan, terminal)) terminal.note(line)
    },
    onProgress: (now) => progress.show(now),
  }
  const started = systemClock.monotonicMs()
  const report = await withTarget(directory, options.dryRun === true, async (db, make) => {
    const prepared = await prepareImport(db, path, options, hooks)
    if (options.dryRun === true) return nothingWritten(prepared)
    const finish = (target: Database): Promise<ImportReport> => runImport(target, prepared, options, hooks)
    return db === undefined ? make(finish) : finish(db)
  })
  terminal.endProgress()
  const seconds = (systemClock.monotonicMs() - started) / 1000
  const lines = reportLines(report, seconds, options.dryRun === true)
  if (isJson) {
    for (const line of lines) terminal.note(line)
    await terminal.write(`${JSON.stringify({ ...report, seconds }, plain, 2)}\n`)
  } else await terminal.write(`${lines.join('\n')}\n`)
  return report
}

/** Makes the database and runs what needs it. */
type Make = (then: (db: Database) => Promise<ImportReport>) => Promise<ImportReport>

/**
 * Runs `use` with the database if it is there. If not, it is made only once `use` asks for it, so that a
 * file that cannot be imported leaves nothing behind.
 */
async function withTarget(
  directory: string,
  isDryRun: boolean,
  use: (db: Database | undefined, make: Make) => Promise<ImportReport>,
): Promise<ImportReport> {
  const make: Make = (then) => withDatabase(directory, { createIfMissing: true }, then)
  let isThere = false
  try {
    return await withDatabase(directory, { readOnly: isDryRun }, (db) => {
      isThere = true
      return use(db, make)
    })
  } catch (error) {
    if (isThere || !(error instanceof NotADatabaseError)) throw error
  }
  return use(undefined, make)
}

function optionsOf(words: Words, { signal }: Terminal): ImportOptions {
  const { type, unit, rename, skipColumns, json: _, ...same } = words
  return {
    ...same,
    ...(type === undefined ? {} : { types: type }),
    ...(unit === undefined ? {} : { units: unit }),
    ...(rename === undefined ? {} : { renames: rename }),
    ...(skipColumns === undefined ? {} : { skip: skipColumns }),
    signal,
  }
}

function collect(word: string, before: string[] | undefined): string[] {
  return [...(before ?? []), word]
}

function pair(option: string) {
  return (word: string, before: Record<string, string> | undefined): Record<string, string> => {
    const [key, value] = split(option, word)
    return { ...before, [key]: value }
  }
}

function typePair(word: string, before: Record<string, DataType> | undefined): Record<string, DataType> {
  const [key, value] = split('--type', word)
  if (!isType(value)) throw new CommandError(`--type: "${value}" is no type; there are ${TYPE_NAMES}`)
  return { ...before, [key]: value }
}

/** At the last equals sign: the names of columns come from anywhere. */
function split(option: string, word: string): [string, string] {
  const at = word.lastIndexOf('=')
  if (at > 0 && at < word.length - 1) return [word.slice(0, at), word.slice(at + 1)]
  throw new CommandError(`${option}: "${word}" is not COLUMN=${option.slice(2).toUpperCase()}`)
}

function splitNames(word: string): string[] {
  return word.split(',').map((name) => name.trim())
}

function delimiterOf(word: string): string {
  const character = word === 'tab' || word === String.raw`\t` ? '\t' : word
  if (character.length === 1 && !/["\r\n]/.test(character)) return character
  throw new CommandError(`--delimiter: "${word}" is not one character`)
}

/** JSON has no bigint: times are ISO 8601, as everywhere. */
function plain(this: unknown, _key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? toISO(value) : value
}
