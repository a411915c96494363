// `rubidium verify`: reads every byte of a database, of one that does not open too, and changes nothing.

import type { Command } from 'commander'
import { verify } from '../index.ts'
import type { Problem } from '../index.ts'
import { printable, several, whole, withDirectory } from './figures.ts'
import type { Context } from './program.ts'

export function addVerify(program: Command, { terminal, outcome }: Context): void {
  program
    .command('verify')
    .summary('read every byte against its checksum')
    .description(
      'Reads every byte of a database against its checksum, and checks what its files say against each other; ' +
        'also of one that does not open. Tells all that is wrong in one run. Changes nothing; exits with 1 on damage.',
    )
    .argument('<dir>', 'directory of the database')
    .option('--json', 'print the report as an object')
    .addHelpText('after', '\nExamples:\n  $ rubidium verify flight\n  $ rubidium verify flight --json')
    .action(async (directory: string, { json }: { json?: boolean }) => {
      terminal.progress('Opening')
      const { paint } = terminal
      const report = await verify(directory, {
        signal: terminal.signal,
        onProgress: ({ done, total }) => terminal.progress(`${whole(done)} of ${whole(total)} pieces read`),
      })
      terminal.endProgress()
      if (!report.ok) outcome.code = 1
      if (json === true) return terminal.write(`${JSON.stringify(report, undefined, 2)}\n`)
      if (report.ok) await terminal.write(`${paint.green('No problems found')}\n`)
      else await terminal.write(report.problems.map((problem) => `${paint.red(lineOf(problem))}\n`).join(''))
      for (const note of report.notes ?? []) terminal.note(`note: ${lineOf(note)}`)
      if (report.ok) return
      terminal.note(`rubidium: ${several(report.problems.length, 'problem')} found in "${directory}"`)
      for (const advice of new Set(report.problems.flatMap((problem) => problem.advice ?? [])))
        terminal.note(printable(`${withDirectory(advice, directory)}.`))
    })
}

/** Where a problem is, as far as it is known and not said already, and what it is. */
function lineOf({ what, file, offset, channel }: Problem): string {
  const place =
    file === undefined || what.includes(file) ? '' : `${file}${offset === undefined ? '' : `:${offset}`}: `
  const whose = channel === undefined || what.includes(`"${channel}"`) ? '' : `channel "${channel}": `
  return printable(`${place}${whose}${what}`)
}
