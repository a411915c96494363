// `rubidium repair`: salvages what is sound of a damaged database into a new one, and says what is lost.

import type { Command } from 'commander'
import { repair, timestamp } from '../index.ts'
import type { LostRange, RepairReport, Untold } from '../index.ts'
import { printable, several, shellWord, time, whole } from './figures.ts'
import type { Context } from './program.ts'

export function addRepair(program: Command, { terminal, outcome }: Context): void {
  program
    .command('repair')
    .summary('salvage what is sound of a damaged database')
    .description(
      'Salvages what is sound of a damaged database into a new one. Changes nothing in the damaged one; exits ' +
        'with 1 where something is lost.',
    )
    .argument('<dir>', 'directory of the damaged database')
    .argument('<target>', 'where the new database goes: a path where nothing is, or an empty directory')
    .option('--json', 'print the report as an object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ rubidium repair flight flight-repaired\n  $ rubidium repair flight flight-repaired --json',
    )
    .action(async (directory: string, target: string, { json }: { json?: boolean }) => {
      terminal.progress('Reading the logs')
      const report = await repair(directory, target, {
        signal: terminal.signal,
        onProgress: ({ step, done, total }) => {
          if (step === 'copying') terminal.progress(`${whole(done)} of ${several(total, 'sample')}`)
          if (step === 'verifying')
            terminal.progress(`${whole(done)} of ${several(total, 'extent')} verified`)
        },
      })
      terminal.endProgress()
      if (!report.complete) outcome.code = 1
      if (json === true) return terminal.write(`${JSON.stringify(report, undefined, 2)}\n`)
      const { paint } = terminal
      const lines = [
        summaryOf(report, paint.green),
        ...report.lost.map((each) => paint.red(lostLine(each))),
        ...report.untold.map((each) => paint.yellow(untoldLine(each))),
      ]
      await terminal.write(lines.map((line) => `${line}\n`).join(''))
      for (const { what, file, offset } of report.notes)
        terminal.note(printable(`note: ${what}${placeOf(file, offset)}`))
      for (const { channel, guessed } of report.channels)
        if (guessed !== '') terminal.note(printable(`channel "${channel}": ${guessed}`))
      if (report.mayHoldDeleted)
        terminal.note(
          'samples that were deleted, or written and never committed, may be among what was salvaged',
        )
      terminal.note(printable(`The new database is "${target}". Next: rubidium verify ${shellWord(target)}`))
    })
}

const SOURCES: Readonly<Record<RepairReport['source'], string>> = {
  opened: 'the logs are whole',
  logs: 'read from what is sound of the logs',
  segments: 'read from the samples alone: no log could be read',
}

function summaryOf({ channels, source, complete }: RepairReport, good: (text: string) => string): string {
  const samples = channels.reduce((sum, channel) => sum + channel.samples, 0)
  const text = `Salvaged ${several(samples, 'sample')} of ${several(channels.length, 'channel')}`
  return complete ? good(`${text}: nothing is lost`) : `${text}; ${SOURCES[source]}`
}

/** From the first time to the last one, as `verify` tells it: the range's end is no time of a sample. */
function lostLine({ channel, start, end, samples, what, file, offset }: LostRange): string {
  const when = `from ${time(timestamp(start))} to ${time(timestamp(end) - 1n)}`
  return printable(
    `lost: ${several(samples, 'sample')} of channel "${channel}" ${when}: ${what}${placeOf(file, offset)}`,
  )
}

function untoldLine({ what, file, offset, channel }: Untold): string {
  const whose = channel === undefined ? '' : `channel "${channel}": `
  return printable(`untold: ${whose}${what}${placeOf(file, offset)}`)
}

function placeOf(file: string | undefined, offset: number | undefined): string {
  if (file === undefined) return ''
  return offset === undefined ? ` (${file})` : ` (${file}:${offset})`
}
