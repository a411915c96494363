// A process of its own that imports one file with little memory: arguments are the database's folder, the
// file, and the import's options as JSON. It prints the report, and the most bytes that it was seen to hold
// outside of the heap (whose limit is a flag of the process) and in samples that had not reached a segment.

import { importFile } from '../../src/cli/import/import-file.ts'
import type { ImportOptions } from '../../src/cli/import/import-options.ts'
import { open } from '../../src/index.ts'

const [directory, path, options] = process.argv.slice(2) as [string, string, string]

await using db = await open(directory, { memoryBudget: 1 << 20 })
const before = process.memoryUsage().external
let mostExternal = 0
let mostHeld = 0
let samplings: Promise<void> = Promise.resolve()
async function sample(): Promise<void> {
  mostExternal = Math.max(mostExternal, process.memoryUsage().external - before)
  mostHeld = Math.max(mostHeld, (await db.stats()).memory.held)
}
const report = await importFile(db, path, JSON.parse(options) as ImportOptions, {
  onProgress: () => {
    samplings = samplings.then(sample)
  },
})
await samplings
console.log(
  JSON.stringify({ report, mostExternal, mostHeld }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  ),
)
