// `rubidium plot`: channels over time, in the terminal or as a picture in a file.

import { extname } from 'node:path'
import { finished } from 'node:stream/promises'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { writeUserFile } from '../../fs/user-files.ts'
import type { Channel, Database } from '../../index.ts'
import { CommandError } from '../command-error.ts'
import { tellDamage } from '../damage.ts'
import { bytes, several } from '../figures.ts'
import type { Context } from '../program.ts'
import { addRangeOptions } from '../range-options.ts'
import type { RangeOptions } from '../range-options.ts'
import { selectChannels } from '../select-channels.ts'
import type { Terminal } from '../terminal.ts'
import { withDatabase } from '../with-database.ts'
import { drawText } from './braille.ts'
import type { TimeGrid } from './columns.ts'
import type { Curve } from './panels.ts'
import { panelsOf } from './panels.ts'
import { toPng } from './png.ts'
import { readCurves } from './read-curves.ts'
import { columnsFor, drawScene, ticksFor } from './scene.ts'
import { toSvg } from './svg.ts'
import { DARK, LIGHT } from './theme.ts'

/** More curves above each other are no picture any more. */
const MOST_CHANNELS = 8
const PICTURE = { width: 1000, height: 260 }
/** Room above and below the curves of a picture. */
const PADDING = 0.06
const LEAST_TEXT = 40
const MOST_TEXT = 200
/** Pixels of a picture that nobody would want and that memory would not hold. */
const MOST_PIXELS = 64_000_000

interface PlotOptions extends RangeOptions {
  readonly out?: string
  readonly width?: number
  readonly height?: number
  readonly title?: string
  readonly log?: boolean
  readonly min?: number
  readonly max?: number
  readonly theme?: 'light' | 'dark'
  readonly scale?: number
}

export function addPlot(program: Command, context: Context): void {
  const command = program
    .command('plot')
    .summary('draw channels over time')
    .description(
      'Draws channels as lines over time: in the terminal, or into a file with --out. However many samples share ' +
        'a column, its lowest and its highest are drawn. Lines are broken where samples are missing.',
    )
    .argument('<dir>', 'directory of the database')
    .argument('<channels...>', `names or patterns such as "engine.*"; at most ${MOST_CHANNELS}`)
  addRangeOptions(command)
    .option('-o, --out <file>', 'write a picture: .svg or .png; a file that is there is replaced')
    .option('--title <text>', 'what stands above it')
    .option('--width <n>', 'columns of text, or pixels of a picture', sizeOf)
    .option('--height <n>', 'of each panel: rows of text, or pixels of a picture', sizeOf)
    .option('--log', 'logarithmic values; what is not positive is left out')
    .option('--min <value>', 'lower end of the value axes', numberOf)
    .option('--max <value>', 'upper end of the value axes; what lies beyond is drawn at the edge', numberOf)
    .addOption(
      new Option('--theme <name>', 'colours of a picture; an SVG follows the reader if left out').choices([
        'light',
        'dark',
      ]),
    )
    .option('--scale <n>', 'of a PNG: pixels for each one of its width and height, 1 to 4', scaleFactorOf)
    .addHelpText(
      'after',
      '\nExamples:\n  $ rubidium plot flight height velocity --last 10m\n  $ rubidium plot flight "accel_?" --out accel.svg --title "Flight 3"',
    )
    .action(async (directory: string, words: string[], options: PlotOptions) => {
      const extension = checked(options)
      await withDatabase(directory, { readOnly: true }, async (db) => {
        const channels = dataChannels(selectChannels(db.channels.list(), words), words)
        if (extension === undefined) await plotText(db, channels, options, context)
        else await plotPicture(db, channels, options, extension, context)
      })
    })
}

/**
 * What the file is to hold.
 * @throws CommandError before anything is read, for options that contradict each other
 */
function checked({ out, min, max, log, theme, scale }: PlotOptions): '.svg' | '.png' | undefined {
  if (min !== undefined && max !== undefined && min >= max)
    throw new CommandError('--min must be less than --max')
  if (log === true && ((min !== undefined && min <= 0) || (max !== undefined && max <= 0)))
    throw new CommandError('--min and --max must be positive on a logarithmic axis')
  const extension = out === undefined ? undefined : extname(out).toLowerCase()
  if (extension !== undefined && extension !== '.svg' && extension !== '.png')
    throw new CommandError(`"${out}" must end in .svg or .png, which says what to write`)
  if (theme !== undefined && extension === undefined)
    throw new CommandError('--theme is for pictures: say where to with --out')
  if (scale !== undefined && extension !== '.png') throw new CommandError('--scale is for PNG files')
  return extension
}

/** @throws CommandError where there is nothing to draw, or too much */
function dataChannels(selected: readonly Channel[], words: readonly string[]): Channel[] {
  const times = selected.find(({ kind, name }) => kind === 'index' && words.includes(name))
  if (times !== undefined)
    throw new CommandError(`"${times.name}" holds the times of other channels: name one of those`)
  const channels = selected.filter(({ kind }) => kind !== 'index')
  if (channels.length === 0) throw new CommandError('only index channels match: name channels with values')
  if (channels.length > MOST_CHANNELS)
    throw new CommandError(
      `${several(channels.length, 'channel')} match: pick at most ${MOST_CHANNELS}, see \`rubidium ls\``,
    )
  return channels
}

async function plotText(
  db: Database,
  channels: readonly Channel[],
  options: PlotOptions,
  context: Context,
): Promise<void> {
  const { terminal } = context
  const width = options.width ?? Math.min(MOST_TEXT, Math.max(LEAST_TEXT, terminal.columns))
  const height = options.height ?? rowsFor(channels.length)
  const { curves, grid } = await read(db, channels, options, 2 * width, context)
  const panels = panelsOf(curves, { ...scaling(options), padding: 0 }, Math.max(2, Math.ceil(height / 2)))
  const title = options.title === undefined ? [] : [terminal.paint.bold(options.title), '']
  const lines = [...title, ...drawText(panels, grid, { width, height }, terminal.paint)]
  await terminal.write(`${lines.join('\n')}\n`)
  tellLeftOut(db, curves, terminal)
}

async function plotPicture(
  db: Database,
  channels: readonly Channel[],
  options: PlotOptions,
  extension: '.svg' | '.png',
  context: Context,
): Promise<void> {
  const { terminal } = context
  const { width, height } = { ...PICTURE, ...options }
  const scale = options.scale ?? 1
  if (width < 200 || height < 100)
    throw new CommandError('a picture must be at least 200 pixels wide, and 100 high for each panel')
  if (width * height * channels.length * scale ** 2 > MOST_PIXELS)
    throw new CommandError('that is too large a picture: choose a smaller --width, --height or --scale')
  const { curves, grid } = await read(db, channels, options, columnsFor(width), context)
  const panels = panelsOf(curves, { ...scaling(options), padding: PADDING }, ticksFor(height))
  const scene = drawScene(panels, grid, { width, height }, options.title)
  const theme = options.theme === undefined ? undefined : { light: LIGHT, dark: DARK }[options.theme]
  const content =
    extension === '.svg' ? Buffer.from(toSvg(scene, theme)) : await toPng(scene, theme ?? LIGHT, scale)
  terminal.signal.throwIfAborted()
  await writeFile(options.out!, content)
  const [wide, high] = [scene.width, scene.height].map((length) => Math.round(length * scale))
  terminal.note(`Wrote ${options.out} (${wide} x ${high} pixels, ${bytes(content.length)})`)
  tellLeftOut(db, curves, terminal)
}

async function read(
  db: Database,
  channels: readonly Channel[],
  range: PlotOptions,
  columns: number,
  { terminal, outcome }: Context,
): Promise<{ curves: Curve[]; grid: TimeGrid }> {
  const { signal } = terminal
  const onProgress = (share: number): void => terminal.progress(`Reading: ${Math.floor(100 * share)} %`)
  try {
    const isLogarithmic = range.log === true
    const read = await readCurves(db, { channels, range, columns, isLogarithmic, signal, onProgress })
    // Also where nobody reads the plot.
    if (read.curves.some(({ damage }) => damage !== undefined)) outcome.code = 1
    return read
  } finally {
    terminal.endProgress()
  }
}

/** Says what is in the database and not in the plot. */
function tellLeftOut({ directory }: Database, curves: readonly Curve[], terminal: Terminal): void {
  for (const { name, columns } of curves) {
    const { notPositive, infinite } = columns
    if (notPositive > 0)
      terminal.note(`${name}: left out ${several(notPositive, 'sample')} that no logarithmic axis shows`)
    if (infinite > 0) terminal.note(`${name}: ${several(infinite, 'infinite sample')} drawn at the edge`)
  }
  const damages = curves.flatMap(({ damage }) => damage ?? [])
  tellDamage(damages, directory, ', and drawn without what is', terminal)
}

function scaling({ log, min, max }: PlotOptions): {
  isLogarithmic: boolean
  min?: number | undefined
  max?: number | undefined
} {
  return { isLogarithmic: log === true, min, max }
}

/** Rows of each panel, so that all fit on a screen where they can. */
function rowsFor(panels: number): number {
  return Math.max(5, Math.min(14, Math.floor(30 / panels)))
}

async function writeFile(path: string, content: Uint8Array): Promise<void> {
  const file = writeUserFile(path)
  file.end(content)
  await finished(file)
}

function sizeOf(word: string): number {
  const value = Number(word)
  if (!/^\d+$/.test(word) || value < 1 || value > 20_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 20,000.')
  return value
}

function numberOf(word: string): number {
  const value = word.trim() === '' ? Number.NaN : Number(word)
  if (!Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

function scaleFactorOf(word: string): number {
  const value = numberOf(word)
  if (!(value >= 1 && value <= 4)) throw new InvalidArgumentError('It must be a number from 1 to 4.')
  return value
}
