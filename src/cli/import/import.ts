// `rubidium import`

import type { Command } from 'commander'
import type { Context } from '../program.ts'

export function addImport(program: Command, { terminal }: Context): void {
  program.command('import').action(() => terminal.note('not yet'))
}
