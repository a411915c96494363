// Runs one command line: parses it, calls the command, and turns whatever is thrown into one line and an
// exit code (0 done, 1 failed or refused, 130 interrupted). A pipe that was closed is no failure.
// Called by `rubidium.ts`, and by the tests with a terminal of their own.

import { CommanderError } from 'commander'
import { CorruptionError, DatabaseLockedError, RubidiumError } from '../index.ts'
import { CommandError } from './command-error.ts'
import { printable } from './figures.ts'
import { createProgram } from './program.ts'
import { PipeClosedError } from './terminal.ts'
import type { Terminal } from './terminal.ts'

/**
 * Runs `rubidium` with the words that follow its name.
 * @returns the exit code; it never throws
 */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const outcome: Outcome = { code: 0 }
  try {
    await createProgram(terminal, outcome).parseAsync([...words], { from: 'user' })
    return outcome.code
  } catch (error) {
    terminal.endProgress()
    if (error instanceof PipeClosedError) return outcome.code
    if (error instanceof CommanderError) return error.exitCode
    if (terminal.signal.aborted && error === terminal.signal.reason) {
      terminal.note('rubidium: interrupted')
      return 130
    }
    terminal.note(`rubidium: ${messageOf(error)}`)
    return 1
  }
}

/** How a command ended that did not throw: `verify` that found damage has done its work and yet failed. */
export interface Outcome {
  code: number
}

/** One line for what can be foreseen; with the stack for what cannot, since that is a fault of ours. */
function messageOf(error: unknown): string {
  if (error instanceof DatabaseLockedError) return printable(lockedText(error))
  if (error instanceof CorruptionError) return printable(`${error.message} (see rubidium verify)`)
  if (error instanceof RubidiumError || error instanceof CommandError) return printable(error.message)
  if (error instanceof Error && 'code' in error && 'syscall' in error) return printable(error.message)
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `unexpected failure, please report it: ${stack}`
}

/** Who writes, and what a person at the command line can do about it. */
function lockedText({ directory, pid, host, since }: DatabaseLockedError): string {
  const who =
    pid === undefined ? 'another process' : `process ${pid}${host === undefined ? '' : ` on ${host}`}`
  const when = since === undefined ? '' : ` since ${since}`
  return `${who} has "${directory}" open for writing${when}: close it there, or take it with "rubidium unlock"`
}
