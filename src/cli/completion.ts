// `rubidium completion`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addCompletion(program: Command, { terminal }: Context): void {
  program.command('completion').action(() => terminal.note('not yet'))
}
