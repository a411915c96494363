// `rubidium info`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addInfo(program: Command, { terminal }: Context): void {
  program.command('info').action(() => terminal.note('not yet'))
}
