// What the benches write into: a database of one index and n float64 channels in a temporary folder, and
// a plain file beside it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task } from 'tinybench'
import { systemEnvironment } from '../src/database/environment.ts'
import type { Tuning } from '../src/database/environment.ts'
import { openIn } from '../src/database/public.ts'
import type { Database } from '../src/index.ts'

export interface BenchStore {
  readonly directory: string
  readonly db: Database
  /** The index channel first. */
  readonly names: string[]
  readonly remove: () => Promise<void>
}

/** A new database of `count` data channels, with the limits of production but for `tuning`. */
export async function benchStore(count: number, tuning: Partial<Tuning> = {}): Promise<BenchStore> {
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-bench-'))
  const directory = join(folder, 'db')
  const db = await openIn({ ...(await systemEnvironment()), tuning }, directory)
  const data = Array.from({ length: count }, (_, i) => `c${i}`)
  await db.channels.create([
    { name: 'time', kind: 'index' },
    ...data.map((name) => ({ name, kind: 'data', type: 'float64', index: 'time' }) as const),
  ])
  return {
    directory: folder,
    db,
    names: ['time', ...data],
    remove: async () => {
      await db.close({ force: true })
      rmSync(folder, { recursive: true })
    },
  }
}

/** A finished task's median in milliseconds. */
export function medianMs({ name, result }: Task): number {
  if (!('latency' in result)) throw new Error(`"${name}" did not run to its end`)
  return result.latency.p50
}
