// Files of the person at the command line: recordings to import, pictures to write. Beside the port on
// purpose: they are not the database's, and no promise rests on them. Called by cli/.

import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'

/** Bytes of a file. @throws the system's error where there is none, or it is a directory */
export async function sizeOfUserFile(path: string): Promise<number> {
  const found = await stat(path)
  if (found.isDirectory())
    throw Object.assign(new Error(`"${path}" is a directory`), { code: 'EISDIR', syscall: 'stat' })
  return found.size
}

/** The bytes of a file from its beginning; errors come as the stream's. */
export function readUserFile(path: string): Readable {
  return createReadStream(path, { highWaterMark: 256 * 1024 })
}

/** Replaces or makes a file. */
export function writeUserFile(path: string): Writable {
  return createWriteStream(path)
}
