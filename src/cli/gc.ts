// `rubidium gc`: gives the bytes of deleted samples back to the file system.

import type { Command } from 'commander'
import { bytes, several, whole } from './figures.ts'
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
              `${whole(done)} of ${several(total, 'segment')}, ${bytes(bytesReclaimed)} given back`,
            )
          },
        })
        terminal.endProgress()
        for (const { segment, reason } of report.skipped)
          terminal.note(`${segment} was left as it is: ${reason}`)
        if (json === true) return terminal.write(`${JSON.stringify(report, undefined, 2)}\n`)
        const { bytesReclaimed, bytesPunched, segmentsCollected, segmentsScanned } = report
        await terminal.write(
          `Gave ${bytes(Math.max(0, bytesReclaimed) + bytesPunched)} back: ` +
            `collected ${whole(segmentsCollected)} of ${several(segmentsScanned, 'segment')}\n`,
        )
        const { segments } = await db.stats()
        const dead = segments.reduce((sum, segment) => sum + segment.dead, 0)
        if (dead > 0 && threshold !== 0) {
          terminal.note(
            `${bytes(dead)} of deleted samples stay, in segments with few of them: --threshold 0 takes them all`,
          )
        }
      })
    })
}
