// `rubidium read`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addRead(program: Command, { terminal }: Context): void {
  program.command('read').action(() => terminal.note('not yet'))
}
