// What processes that work on a database of their own accord have in common: limits, and lines that whoever watches
// them reads. Called by child-store.ts, child-readers.ts and child-killed.ts.

import { writeSync } from 'node:fs'
import type { Tuning } from '../../src/database/environment.ts'

/** Limits so small that a second of work meets every roll, retirement, checkpoint and flush. */
export const SMALL: Partial<Tuning> = {
  journalFileSize: 16_384,
  journalLimit: 49_152,
  inlineLimit: 1024,
  extentLimit: 8192,
  manifestSlack: 4096,
  unprovenLimit: 16_384,
  unmarkedLimit: 1024,
}

/** Writes a line at once, whole, so that whoever kills this process has it. */
export function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
