// What commands that only look say of damage in a block: which channel, which file, and what to do. They show
// the rest, and exit with 1. Called by `info` and `plot`. Pure, but for the notes.

import { CorruptionError } from '../index.ts'
import { printable, shellWord } from './figures.ts'
import type { Terminal } from './terminal.ts'

/** Damage that was met while the samples of a channel were read. */
export interface Damage {
  readonly channel: string
  /** Path of the file. */
  readonly file: string
  /** Bytes from the start of the file. */
  readonly offset: number
  /** The damage, with file and offset. */
  readonly what: string
}

/** What an error says of a channel that was read. @throws the error, where it is none of damage */
export function damageOf(error: unknown, channel: string): Damage {
  if (!(error instanceof CorruptionError)) throw error
  const { file, offset, message } = error
  return { channel, file, offset, what: message }
}

/**
 * Tells of damage, a line each; nothing where there is none.
 * @param shown what became of the channel's samples
 */
export function tellDamage(
  damages: readonly Damage[],
  directory: string,
  shown: string,
  terminal: Terminal,
): void {
  if (damages.length === 0) return
  for (const { channel, what } of damages)
    terminal.note(printable(`rubidium: channel "${channel}" is damaged${shown}: ${what}`))
  terminal.note(
    printable(`\`rubidium verify ${shellWord(directory)}\` finds all damage, and says what to do`),
  )
}
