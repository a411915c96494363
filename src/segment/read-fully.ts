// A read that must be whole. A file that ends early is damage here, never a short result: whoever
// reads extents knows from a checked record how long they are. What the file system refuses becomes an
// error of the contract here, the lowest place that knows what was being done.

import { CorruptionError } from '../errors.ts'
import type { File } from '../fs/file-system.ts'
import { storageError } from '../fs/storage-error.ts'

/**
 * Fills `target` from `offset` of the file.
 * @throws CorruptionError where the file ends before
 * @throws StorageError where the file system refuses
 */
export function readFullyNow(file: File, target: Uint8Array, offset: number): void {
  let got: number
  try {
    got = file.readNow(target, offset)
  } catch (cause) {
    throw storageError(ACTION, file.path, cause)
  }
  checkWhole(file, got, target.length, offset)
}

/** As `readFullyNow`, without holding the event loop. */
export async function readFully(file: File, target: Uint8Array, offset: number): Promise<void> {
  let got: number
  try {
    got = await file.read(target, offset)
  } catch (cause) {
    throw storageError(ACTION, file.path, cause)
  }
  checkWhole(file, got, target.length, offset)
}

const ACTION = 'Cannot read a segment'

function checkWhole(file: File, got: number, wanted: number, offset: number): void {
  if (got === wanted) return
  const what = `the file ends ${wanted - got} bytes before the end of what was written there`
  throw new CorruptionError(file.path, offset + got, what)
}
