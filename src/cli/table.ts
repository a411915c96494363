// Rows of text as aligned columns, for people. Called by the commands that list things.

import { printable } from './figures.ts'
import type { Terminal } from './terminal.ts'

/** A column of a table: its title, and to which side its cells are set. */
export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Lines of a table with a title for each column; cells hold no paint. */
export function table(
  { paint }: Pick<Terminal, 'paint'>,
  columns: readonly TableColumn[],
  cells: readonly (readonly string[])[],
): string {
  const rows = cells.map((row) => row.map(printable))
  const widths = columns.map(({ title }, i) =>
    rows.reduce((width, row) => Math.max(width, widthOf(row[i]!)), title.length),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const gap = ' '.repeat(widths[i]! - widthOf(cell))
        return columns[i]!.align === 'right' ? gap + cell : cell + gap
      })
      .join('  ')
      .trimEnd()
  const head = paint.bold(line(columns.map(({ title }) => title)))
  return [head, ...rows.map(line), ''].join('\n')
}

/** Columns that a text takes: its characters, however many units they have in UTF-16. */
function widthOf(text: string): number {
  return Array.from(text).length
}
