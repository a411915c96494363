// `rubidium verify`

import type { Command } from 'commander'
import type { Context } from './program.ts'

export function addVerify(program: Command, { terminal }: Context): void {
  program.command('verify').action(() => terminal.note('not yet'))
}
