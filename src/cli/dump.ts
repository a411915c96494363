// `rubidium dump`: what is in a file of a database, for people who want to see, and for whoever looks for a
// fault.

import type { Command } from 'commander'
import { dump } from '../index.ts'
import type { DumpEntry } from '../index.ts'
import { printable } from './figures.ts'
import type { Context } from './program.ts'
import type { Paint } from './terminal.ts'

interface Options {
  readonly details?: boolean
  readonly json?: boolean
}

/** Characters of one write, about. */
const PIECE = 64 * 1024

export function addDump(program: Command, { terminal }: Context): void {
  program
    .command('dump')
    .summary('show what is in a file of a database')
    .description(
      'Shows what is in a file of a database, or in all of them, with offsets, lengths and whether checksums hold. ' +
        'Goes on behind damage. Changes nothing.',
    )
    .argument('<file>', 'file of a database, or its directory')
    .option('--details', 'also runs, pointers, channels and blocks')
    .option('--json', 'print an object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rubidium dump flight/journal/000001-000000000001\n  $ rubidium dump flight --details --json',
    )
    .action(async (path: string, { details = false, json = false }: Options) => {
      let text = ''
      const print = json ? (entry: DumpEntry) => JSON.stringify(entry) : lineOf(terminal.paint)
      for await (const entry of dump(path, { details, signal: terminal.signal })) {
        text += `${print(entry)}\n`
        if (text.length < PIECE) continue
        await terminal.write(text)
        text = ''
      }
      await terminal.write(text)
    })
}

/** Prints entries as columns: offset, length, whether checksums hold, what it is, all of it in words. */
function lineOf(paint: Paint): (entry: DumpEntry) => string {
  let isFirst = true
  return ({ what, level, offset, length, sound, text }) => {
    const words = printable(text)
    if (what === 'file') {
      const blank = isFirst ? '' : '\n'
      isFirst = false
      return blank + paint.bold(words)
    }
    const check = sound === undefined ? '   ' : sound ? 'ok ' : 'BAD'
    const places = `${numberIn(offset, 12)} ${numberIn(length, 10)}`
    const line = `${places}  ${check}  ${what.padEnd(7)}  ${level === 0 ? '' : '  '}${words}`
    if (sound === false || what === 'gap') return paint.red(line)
    return level === 0 ? line : paint.dim(line)
  }
}

function numberIn(value: number | undefined, width: number): string {
  return (value === undefined ? '' : String(value)).padStart(width)
}
