// `rubidium ls`: the channels of a database, a line each.

import type { Command } from 'commander'
import type { Channel, Database } from '../index.ts'
import { several, time, whole } from './figures.ts'
import type { Context } from './program.ts'
import { selectChannels } from './select-channels.ts'
import { table } from './table.ts'
import { withDatabase } from './with-database.ts'

/** What `--json` prints, one object in an array for each channel. */
interface Line {
  readonly name: string
  readonly kind: string
  readonly type: string
  readonly index?: string
  readonly unit?: string
  readonly samples: number
  readonly first?: string
  readonly last?: string
}

export function addLs(program: Command, { terminal }: Context): void {
  program
    .command('ls')
    .summary('list the channels')
    .description(
      'Lists the channels of a database, with their samples and the times of the first and the last one.',
    )
    .argument('<dir>', 'directory of the database')
    .argument('[channels...]', 'names or patterns such as "engine.*"; all channels if left out')
    .option('--json', 'print an array of objects')
    .addHelpText('after', '\nExamples:\n  $ rubidium ls flight\n  $ rubidium ls flight "accel_?" --json')
    .action(async (directory: string, words: string[], options: { json?: boolean }) => {
      await withDatabase(directory, { readOnly: true }, async (db) => {
        const lines: Line[] = []
        for (const channel of selectChannels(db.channels.list(), words)) lines.push(await lineOf(db, channel))
        if (options.json === true) return terminal.write(`${JSON.stringify(lines, undefined, 2)}\n`)
        if (lines.length === 0) return terminal.note('The database has no channels')
        await terminal.write(
          table(
            terminal,
            [
              { title: 'CHANNEL' },
              { title: 'TYPE' },
              { title: 'UNIT' },
              { title: 'INDEX' },
              { title: 'SAMPLES', align: 'right' },
              { title: 'FIRST' },
              { title: 'LAST' },
            ],
            lines.map(({ name, type, unit, index, samples, first, last }) => [
              name,
              type,
              unit ?? '',
              index ?? '',
              whole(samples),
              first ?? '',
              last ?? '',
            ]),
          ),
        )
        if (terminal.isInteractive) terminal.note(terminal.paint.dim(several(lines.length, 'channel')))
      })
    })
}

async function lineOf(db: Database, channel: Channel): Promise<Line> {
  const { name, kind, type, index, unit } = channel
  const bounds = await db.bounds(name)
  return {
    name,
    kind,
    type,
    ...(index === undefined ? {} : { index }),
    ...(unit === undefined ? {} : { unit }),
    samples: (await db.count(name))[name]!,
    ...(bounds === undefined ? {} : { first: time(bounds.start), last: time(bounds.end - 1n) }),
  }
}
