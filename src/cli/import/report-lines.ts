// What an import says to people: what it found in the file before it writes, and what it did. Pure. Called
// by the command.

import { digits, several, time, whole } from '../figures.ts'
import { table } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { delimiterName } from './delimiter.ts'
import type { ImportPlan, ImportReport } from './import-options.ts'

/** What is going to be written, and what is not. */
export function planLines(plan: ImportPlan, terminal: Terminal): string[] {
  const { file, rows, delimiter, header, time: index, first, last, channels, leftOut, notes } = plan
  const columns = index.columns.map((name) => `"${name}"`).join(', ')
  const named = header ? 'a header' : 'no header'
  return [
    `${file}: ${several(rows, 'row')}, ${named}, ${delimiterName(delimiter)} between cells`,
    `time: ${columns}, ${index.format}` +
      (first === undefined || last === undefined ? '' : `: ${time(first)} to ${time(last)}`),
    ...(channels.length === 0 ? [] : channelLines(plan, terminal)),
    ...leftOut.map(({ column, reason }) => `left out: "${column}" (${reason})`),
    ...notes.map((note) => `note: ${note}`),
  ]
}

function channelLines({ channels, time: { columns, index } }: ImportPlan, terminal: Terminal): string[] {
  const lines = table(
    // Notes go to standard error, so colours that suit standard output do not suit them.
    { ...terminal, paint: { ...terminal.paint, bold: (text) => text } },
    [{ title: 'COLUMN' }, { title: 'CHANNEL' }, { title: 'TYPE' }, { title: 'UNIT' }, { title: 'NOTE' }],
    [
      [columns.join(','), index, 'timestamp', '', 'index'],
      ...channels.map(({ column, name, type, unit, exists, note, missing }) => [
        column,
        name,
        type,
        unit ?? '',
        [
          ...(exists ? ['exists'] : []),
          ...(note === undefined ? (missing > 0 ? [several(missing, 'missing cell')] : []) : [note]),
        ].join(', '),
      ]),
    ],
  )
  return lines.trimEnd().split('\n')
}

/** What was done. @param seconds that it all took */
export function reportLines(report: ImportReport, seconds: number, isDryRun: boolean): string[] {
  const { rows, written, present, skipped, replaced, samples, channels, interrupted, warning } = report
  if (isDryRun) return [`Nothing was written: ${several(rows, 'row')} would be read`]
  const others = [
    ...(present > 0 ? [`${whole(present)} were there`] : []),
    ...(skipped > 0 ? [`${whole(skipped)} skipped`] : []),
    ...(replaced > 0 ? [`${whole(replaced)} replaced by later ones`] : []),
  ]
  const rest = others.length > 0 ? `; ${others.join(', ')}` : ''
  if (interrupted)
    return [
      `Interrupted: ${whole(written)} of ${several(rows, 'row')} were written${rest}; ` +
        'the same command with --continue writes the others',
    ]
  const added = channels.filter(({ exists }) => exists).map(({ name }) => `"${name}"`)
  const joined =
    added.length > 0 && present === 0
      ? [
          `note: added to channels that were there already: ${added.slice(0, 5).join(', ')}${added.length > 5 ? ', ...' : ''}`,
        ]
      : []
  const warned = warning === undefined ? [] : [`warning: ${warning}`]
  if (written === 0) return [`Nothing left to write: ${several(rows, 'row')}${rest}`, ...warned]
  const rate = seconds > 0 ? `, ${whole(Math.round(written / seconds))} rows/s` : ''
  return [
    `${several(written, 'row')} written to ${several(channels.length + 1, 'channel')}, ${several(samples, 'sample')}, ` +
      `in ${digits(seconds)} s${rate}${rest}`,
    ...joined,
    ...warned,
  ]
}
