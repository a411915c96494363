// `rubidium delete`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addDelete(program: Command, { terminal }: Context): void {
  program.command('delete').action(() => terminal.note('not yet'))
}
