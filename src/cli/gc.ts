// `rubidium gc`: gives the bytes of deleted samples back to the file system.

import type { Command } from 'commander'
import { gcLine, gcNotes } from './dead-text.ts'
import { bytes, printable, several, whole, withDirectory } from './figures.ts'
import { shareOf } from './number-words.ts'
import type { Context } from './program.ts'
import { withDatabase } from './with-database.ts'

interface Options {
  readonly threshold?: number
  readonly json?: boolean
}

export function addGc(program: Command, { terminal }: Context): void {
  program
    .command('gc')
    .summary('give the bytes of deleted samples back')
    .description('Gives the bytes of deleted samples back to the disk, and merges small pieces.')
    .argument('<dir>', 'directory of the database')
    .option(
      '--threshold <share>',
      'collect segments of which at least this share is dead, 0 to 1 (default: 0.2)',
      shareOf,
    )
    .option('--json', 'print the report as an object')
    .addHelpText('after', '\nExamples:\n  $ rubidium gc flight\n  $ rubidium gc flight --threshold 0 --json')
    .action(async (directory: string, { threshold, json }: Options) => {
      await withDatabase(directory, { gc: false }, async (db) => {
        terminal.progress('Looking for dead bytes')
        const report = await db.gc({
          ...(threshold === undefined ? {} : { threshold }),
          signal: terminal.signal,
          onProgress: ({ done, total, bytesReclaimed }) => {
            terminal.progress(
              `${whole(done)} of ${several(total, 'segment')}, ${bytes(Math.max(0, bytesReclaimed))} given back`,
            )
          },
        })
        terminal.endProgress()
        const stats = await db.stats()
        for (const note of gcNotes(report, stats, threshold))
          terminal.note(printable(withDirectory(note, directory)))
        await terminal.write(
          json === true ? `${JSON.stringify(report, undefined, 2)}\n` : `${gcLine(report)}\n`,
        )
      })
    })
}
