// `rubidium plot`

import type { Command } from 'commander'
import type { Context } from '../program.ts'

export function addPlot(program: Command, { terminal }: Context): void {
  program.command('plot').action(() => terminal.note('not yet'))
}
