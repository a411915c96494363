// Files of the person at the command line: recordings to import, pictures to write. Beside the port on
// purpose: they are not the database's, and no promise rests on them. Called by cli/.

import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** What `blocks` of a file's stat counts in, whatever the file system's blocks are. */
const STAT_BLOCK = 512

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

/**
 * Bytes that the files in a folder and the folders in it take on the disk, holes left out, by name with '/'
 * between parts; those that go away meanwhile are left out. A file system that tells no blocks has files
 * without holes.
 * @throws the system's error where there is no folder
 */
export async function bytesOfFiles(path: string): Promise<Map<string, number>> {
  const entries = await readdir(path, { recursive: true })
  const sizes = await Promise.all(
    entries.map(async (name): Promise<[string, number] | undefined> => {
      const found = await stat(join(path, name)).catch(() => undefined)
      if (found === undefined || !found.isFile()) return undefined
      const { size, blocks } = found
      return [name.split(sep).join('/'), blocks > 0 ? Math.min(size, blocks * STAT_BLOCK) : size]
    }),
  )
  return new Map(sizes.filter((entry) => entry !== undefined))
}
