// A disk as one process sees it that is met in front of each of its asynchronous operations, reads and syncs of
// files included: there another process does something, and the first goes on. Called by test/race/readers.

import type { File, FileSystem, OpenMode } from '../../src/fs/file-system.ts'
import { GatedFileSystem } from './gated-file-system.ts'

/** Awaited before an operation; `label` is its kind and path. */
export type Meeting = (label: string) => Promise<void> | void

export class SteppedFiles extends GatedFileSystem {
  readonly #meet: Meeting

  constructor(behind: FileSystem, meet: Meeting) {
    super(behind, (kind, path) => meet(`${kind} ${path}`))
    this.#meet = meet
  }

  override openNow(path: string, mode: OpenMode): File {
    const file = super.openNow(path, mode)
    const [read, sync] = [file.read.bind(file), file.sync.bind(file)]
    return Object.assign(file, {
      read: async (target: Uint8Array, offset: number) => {
        await this.#meet(`read ${path}`)
        return read(target, offset)
      },
      sync: async () => {
        await this.#meet(`sync ${path}`)
        return sync()
      },
    })
  }
}
