// The version of the package that this file is part of, run from its sources or compiled: both lie two
// folders below `package.json`. Called by the program for `--version`.

import { createRequire } from 'node:module'

/** As in `package.json`. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
