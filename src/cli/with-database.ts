// Opens a database for one command and closes it whatever happens. Commands that only look open read-only,
// so that they work beside a writing process and change nothing.

import { open } from '../index.ts'
import type { Database, OpenOptions } from '../index.ts'

/**
 * Runs `use` with the database of a directory; never makes one unless `options` say so.
 * @throws what `open` throws, and what `use` does
 */
export async function withDatabase<T>(
  directory: string,
  options: OpenOptions,
  use: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await open(directory, { createIfMissing: false, ...options })
  let result: T
  try {
    result = await use(db)
  } catch (error) {
    // The failure of the command is the one to tell.
    await db.close({ force: true }).catch(() => {})
    throw error
  }
  await db.close({ force: true })
  return result
}
