// `rubidium unlock`: takes the right to write from a process that stands still, or that nobody can tell to be
// alive or dead, and gives it back. A holder that is certainly dead needs no such word: any opening passes
// it.

import type { Command } from 'commander'
import { DatabaseLockedError } from '../index.ts'
import { CommandError } from './command-error.ts'
import type { Context } from './program.ts'
import type { Terminal } from './terminal.ts'
import { withDatabase } from './with-database.ts'

interface Options {
  readonly yes?: boolean
}

const HELP = `
Whoever has the database open goes on reading, and is refused everything that
changes it (LEASE_LOST). What it was told is committed stays; what it holds back
("relaxed") is lost. Close it there instead, where you can.

Examples:
  $ rubidium unlock flight
  $ rubidium unlock flight --yes`

export function addUnlock(program: Command, { terminal }: Context): void {
  program
    .command('unlock')
    .summary('take the right to write from the process that has it')
    .description('Takes the right to write from the process that has a database open, and gives it back.')
    .argument('<dir>', 'directory of the database')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', HELP)
    .action(async (directory: string, { yes }: Options) => {
      const holder = await holderOf(directory)
      if (holder === undefined) {
        await terminal.write(`No process has "${directory}" open for writing\n`)
        return
      }
      const name = describe(holder)
      if (yes !== true) {
        terminal.note(`"${directory}" is open for writing in ${name}`)
        if (
          !(await agrees(
            terminal,
            `Take it from ${holder.pid === undefined ? 'it' : `process ${holder.pid}`}?`,
          ))
        )
          return terminal.note('It was left as it is')
      }
      await withDatabase(directory, { gc: false, takeover: true }, () => Promise.resolve())
      await terminal.write(`Took "${directory}" from ${name}: it can be opened for writing\n`)
    })
}

/** Who has it open for writing; undefined: nobody, or one that is dead and was passed over. */
async function holderOf(directory: string): Promise<DatabaseLockedError | undefined> {
  try {
    await withDatabase(directory, { gc: false }, () => Promise.resolve())
    return undefined
  } catch (error) {
    if (error instanceof DatabaseLockedError) return error
    throw error
  }
}

function describe({ pid, host, since }: DatabaseLockedError): string {
  if (pid === undefined) return 'a process that is not known'
  return `process ${pid} on host "${host ?? ''}", since ${since ?? 'some time ago'}`
}

/** @throws CommandError where nobody can be asked */
async function agrees(terminal: Terminal, question: string): Promise<boolean> {
  const answer = await terminal.confirm(question)
  if (answer === undefined)
    throw new CommandError('nobody can be asked here: give --yes to take it without asking')
  return answer
}
