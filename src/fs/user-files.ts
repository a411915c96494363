// Files of the person at the command line: recordings to import, pictures to write. Beside the port on
// purpose: they are not the database's, and no promise rests on them. Called by cli/.

import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** Bytes on their way from a file. */
export interface UserFileStream extends Readable {
  /** Bytes that were taken from the file up to now, more than were delivered. */
  readonly bytesRead: number
}

/** Bytes of a file. @throws the system's error where there is none, or it is a directory or a pipe */
export async function sizeOfUserFile(path: string): Promise<number> {
  const found = await stat(path)
  if (found.isFile()) return found.size
  const [what, code] = found.isDirectory() ? ['a directory', 'EISDIR'] : ['no ordinary file', 'EINVAL']
  throw Object.assign(new Error(`"${path}" is ${what}`), { code, syscall: 'stat' })
}

/** The first bytes of a file: `count`, or all where it has fewer. @throws the system's error */
export async function firstBytesOfUserFile(path: string, count: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/**
 * The bytes of a file from its beginning; errors come as the stream's.
 * @param size ends there, whatever was appended since; all bytes where left out. At least 1
 */
export function readUserFile(path: string, size?: number): UserFileStream {
  return createReadStream(path, {
    highWaterMark: 256 * 1024,
    ...(size === undefined ? {} : { end: size - 1 }),
  })
}

/** Replaces or makes a file. */
export function writeUserFile(path: string): Writable {
  return createWriteStream(path)
}

/** Bytes of all files in a folder and the folders in it; those that go away meanwhile do not count. */
export async function sizeOfFolder(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true })
  const sizes = await Promise.all(
    entries.map((name) =>
      stat(join(path, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
