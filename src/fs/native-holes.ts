// Holes in files, where an optional native module offers them: Node has no call for it. Linux only: what
// the module does elsewhere has other rules (alignment, sparse flags) that nothing here keeps. Called by
// NodeFile, which holds the descriptor open meanwhile.

import { systemError } from './system-error.ts'

interface Native {
  trim(descriptor: number, offset: number, length: number): Promise<void>
}

/** Most bytes of one call: longer ones are cut, so that none holds a thread of the pool for long. */
const MOST = 2 ** 30

let loading: Promise<Native | undefined> | undefined

/**
 * Gives bytes of a file back: they read as zeroes, the size stays.
 * @param descriptor open for writing
 * @throws the system's error; EOPNOTSUPP where this machine or the file system cannot
 */
export async function punchHole(
  descriptor: number,
  path: string,
  offset: number,
  length: number,
): Promise<void> {
  const native = await (loading ??= loadNative())
  if (native === undefined) throw systemError('EOPNOTSUPP', 'fallocate', path)
  for (let done = 0; done < length; done += MOST)
    await native.trim(descriptor, offset + done, Math.min(MOST, length - done))
}

async function loadNative(): Promise<Native | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    // @ts-expect-error an optional dependency, without types
    const module = (await import('fs-native-extensions')) as { default?: Partial<Native> }
    const trim = module.default?.trim
    if (typeof trim !== 'function') return undefined
    return { trim: (descriptor, offset, length) => trim(descriptor, offset, length) }
  } catch {
    return undefined
  }
}
