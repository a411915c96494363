// Writes the golden stores anew: `npx tsx test/format/generate.ts`. For a change of the format, which the
// changelog tells under **Format**; else what is there must stay as it is.

import { assertSame, readBySecondReader } from './agreement.ts'
import { makeGolden, writeGolden } from './golden.ts'
import type { Golden, StoredFiles } from './golden.ts'
import { SHAPES } from './shapes.ts'
import type { Files } from './stored-file.ts'

/** The second reader's view of files in memory. */
function inMemory(stored: StoredFiles): Files {
  return {
    list: (folder) =>
      [...stored.keys()].flatMap((name) =>
        name.startsWith(`${folder}/`) ? [name.slice(folder.length + 1)] : [],
      ),
    read: (path) => stored.get(path)!,
  }
}

const stores = new Map<string, Golden>()
let size = 0
for (const shape of Object.keys(SHAPES)) {
  const golden = await makeGolden(shape)
  assertSame(golden.expected, readBySecondReader(inMemory(golden.files)))
  stores.set(shape, golden)
  for (const [name, bytes] of golden.files) {
    size += bytes.length
    process.stdout.write(`${shape.padEnd(20)} ${name.padEnd(32)} ${bytes.length}\n`)
  }
}
writeGolden(stores)
process.stdout.write(`${stores.size} stores, ${size} bytes\n`)
