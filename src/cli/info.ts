// `rubidium info`: what is in a database, since when, with which gaps, and how many bytes it takes.

import type { Command } from 'commander'
import type { Channel, Database } from '../index.ts'
import { tellDamage } from './damage.ts'
import { describeChannel, describeDatabase, describeGroup } from './describe-database.ts'
import type { ChannelReport, GroupReport } from './describe-database.ts'
import { channelsText, databaseText, groupText, infoJson, segmentsText } from './info-text.ts'
import type { Context } from './program.ts'
import { selectChannels } from './select-channels.ts'
import { withDatabase } from './with-database.ts'

interface Options {
  readonly json?: boolean
  readonly segments?: boolean
}

const HELP = `
A gap is an interval more than ten times as long as the typical one, which is
the median of the first 100,000. All times are read to find gaps, and all values
of the channels that are named. With --json spans are in nanoseconds.

Examples:
  $ rubidium info flight
  $ rubidium info flight altitude "accel_*"
  $ rubidium info flight --segments --json`

export function addInfo(program: Command, { terminal, outcome }: Context): void {
  program
    .command('info')
    .summary('tell what is in there, since when, its gaps and bytes')
    .description('Tells what a database holds: samples, times and gaps of each group, bytes on disk.')
    .argument('<dir>', 'directory of the database')
    .argument('[channels...]', 'names or patterns of channels to tell the values of: least, mean, greatest')
    .option('--segments', 'list the segment files')
    .option('--json', 'print an object')
    .addHelpText('after', HELP)
    .action(async (directory: string, words: string[], options: Options) => {
      await withDatabase(directory, { readOnly: true }, async (db) => {
        const all = db.channels.list()
        const named = words.length === 0 ? [] : selectChannels(all, words)
        const report = await describeDatabase(db)
        const groups: GroupReport[] = []
        for (const index of indexesOf(db, words.length === 0 ? all : named))
          groups.push(await describeGroup(db, index, terminal))
        const channels: ChannelReport[] = []
        for (const channel of named)
          if (channel.kind === 'data') channels.push(await describeChannel(db, channel, terminal))
        const damages = [...groups, ...channels].flatMap(({ damage }) => damage ?? [])
        // Also where nobody reads on.
        if (damages.length > 0) outcome.code = 1
        const { paint } = terminal
        const listsSegments = options.segments === true
        await terminal.write(
          options.json === true
            ? `${JSON.stringify(infoJson(report, groups, channels, listsSegments), undefined, 2)}\n`
            : [
                databaseText(report, paint),
                listsSegments ? segmentsText(report, paint) : '',
                ...groups.map((group) => groupText(group, paint)),
                channelsText(channels, paint),
              ].join(''),
        )
        tellDamage(damages, db.directory, '', terminal)
      })
    })
}

/** The index channels of the channels, each once. */
function indexesOf(db: Database, channels: readonly Channel[]): Channel[] {
  return [...new Set(channels.map(({ name, index }) => index ?? name))].map((name) => db.channels.get(name))
}
