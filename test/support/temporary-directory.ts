// A directory of this machine that goes away when the test ends. Called inside tests only, since it registers for their end.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Makes one; returns its path. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rubidium-test-'))
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}
