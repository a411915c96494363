// `rubidium gc`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addGc(program: Command, { terminal }: Context): void {
  program.command('gc').action(() => terminal.note('not yet'))
}
