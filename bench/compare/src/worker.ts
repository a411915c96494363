// One measurement in a process of its own: `node worker.js <engine> <workload> <scale> <directory>`. Prints
// its figures as one line of JSON. Started by run.ts. Only the engine that is measured is loaded.

import type { Engine } from './engine.ts'
import { SCALES, WORKLOADS } from './workloads.ts'

const [name, workload, scale, directory] = process.argv.slice(2)

async function load(): Promise<Engine> {
  switch (name) {
    case 'rubidium':
      return (await import('./rubidium.ts')).rubidium
    case 'sqlite':
      return (await import('./sqlite.ts')).sqlite
    case 'lmdb':
      return (await import('./lmdb.ts')).lmdb
    case 'files':
      return (await import('./files.ts')).files
    default:
      throw new Error(`There is no engine "${name}"`)
  }
}

const run = WORKLOADS[workload ?? '']
if (run === undefined || directory === undefined || (scale !== 'full' && scale !== 'quick'))
  throw new Error('usage: worker <engine> <workload> full|quick <directory>')
process.stdout.write(`${JSON.stringify(await run(await load(), directory, SCALES[scale]))}\n`)
