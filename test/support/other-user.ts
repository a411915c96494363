// Whether a process of another user can run the sources: as root the tests of permissions start one, and a
// checkout in a folder of root's own, as `mktemp -d` makes it, cannot be read by it. Said loudly where so.

import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** False as root in a checkout that others may not enter; the tests that need them are skipped then. */
export const othersCanRun: boolean = process.getuid?.() !== 0 || canEnter(fileURLToPath(import.meta.url))

function canEnter(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) {
      const why = 'tests of permissions, run as root, need a checkout that others may enter'
      process.stderr.write(`SKIPPED: ${why}: "${folder}"\n`)
      return false
    }
    if (folder === dirname(folder)) return true
  }
}
