// Numbers as people write them on a command line. Pure. Called by the options that take one.

import { CommandError } from './command-error.ts'

/** A whole number from 1 on. @throws CommandError for anything else */
export function countOf(word: string): number {
  const value = /^\d+$/.test(word) ? Number(word) : 0
  if (value >= 1 && Number.isSafeInteger(value)) return value
  throw new CommandError(`"${word}" is no count: write a whole number from 1 on`)
}

/** A share from 0 to 1. @throws CommandError for anything else */
export function shareOf(word: string): number {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(word) ? Number(word) : -1
  if (value >= 0 && value <= 1) return value
  throw new CommandError(`"${word}" is no share: write a number from 0 to 1, such as 0.2`)
}
