// The command line as commander sees it: every command, in the order of the help, and how errors and help
// are printed. Called by `main`, and by the completion, which walks the same program.

import { Command } from 'commander'
import { addCompletion } from './completion.ts'
import { addDelete } from './delete.ts'
import { addDump } from './dump.ts'
import { addGc } from './gc.ts'
import { addImport } from './import/import.ts'
import { addInfo } from './info.ts'
import { addLs } from './ls.ts'
import type { Outcome } from './main.ts'
import { packageVersion } from './package-version.ts'
import { addPlot } from './plot/plot.ts'
import { addRead } from './read.ts'
import { addRepair } from './repair.ts'
import type { Terminal } from './terminal.ts'
import { addUnlock } from './unlock.ts'
import { addVerify } from './verify.ts'

/** What every command is given. */
export interface Context {
  readonly terminal: Terminal
  readonly outcome: Outcome
}

/** The whole command line, ready to parse. */
export function createProgram(terminal: Terminal, outcome: Outcome): Command {
  const program = new Command('rubidium')
    .description('Looks after recordings: typed channels of samples over time, in a directory.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; that of a command has examples')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ helpWidth: Math.min(terminal.columns, 100) })
    .configureOutput({
      // Help that nobody reads is not missed.
      writeOut: (text) => void terminal.write(text).catch(() => {}),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: (text, write) => write(`${oneLine(text)} (see --help)`),
    })
  const context: Context = { terminal, outcome }
  for (const add of [
    addImport,
    addLs,
    addInfo,
    addRead,
    addPlot,
    addDelete,
    addGc,
    addVerify,
    addDump,
    addRepair,
    addUnlock,
    addCompletion,
  ])
    add(program, context)
  return program
}

/** What commander found wrong, and what it thinks was meant, as all errors are told. */
function oneLine(text: string): string {
  return text
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(
      /^error: command-argument value '(.*)' is invalid for argument '(.*)'\. /,
      'error: "$1" is no $2. ',
    )
    .replace(
      /^error: option '.*(--[\w-]+).*?' argument '(.*)' is invalid\. /,
      'error: "$2" is no value of $1. ',
    )
    .replace(/\. Allowed choices are (.*)\.$/, ': it may be $1')
    .replace(/ \(Did you mean (.*)\?\)$/, ': did you mean $1?')
    .replaceAll(/(?<= )'([^' ]*)'/g, '"$1"')
    .replace(/^error: /, 'rubidium: ')
}
