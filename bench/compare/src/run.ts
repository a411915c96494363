// The comparison: every engine, workload and repeat in a process of its own, one at a time, interleaved (the
// engines take turns at every workload, and another one begins at every repeat), what was written before
// synced away in between. Prints a table of medians with ratios to better-sqlite3, and the spread.
//
//   npm run compare -- [--quick] [--repeats 5] [--engines rubidium,sqlite] [--workloads durable]
//     [--directory D] [--json FILE]

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { medianTable, spreadTable } from './table.ts'
import type { Measured } from './table.ts'
import type { Figures } from './workloads.ts'
import { WORKLOADS } from './workloads.ts'

/** By engine: title and where its version is written. */
const ENGINES: Readonly<Record<string, readonly [title: string, manifest: string]>> = {
  rubidium: ['Rubidium', '../../../package.json'],
  sqlite: ['better-sqlite3', '../node_modules/better-sqlite3/package.json'],
  lmdb: ['LMDB', '../node_modules/lmdb/package.json'],
  files: ['plain file', ''],
}

/** By workload: whose directory it works in, and whether it leaves it to the next. */
const DIRECTORIES: Readonly<Record<string, { readonly of: string; readonly isLast: boolean }>> = {
  bulk: { of: 'bulk', isLast: false },
  windows: { of: 'bulk', isLast: false },
  reclaim: { of: 'bulk', isLast: true },
  live: { of: 'live', isLast: true },
  durable: { of: 'durable', isLast: true },
  together: { of: 'together', isLast: true },
}

/** A file system in memory (Linux). */
const TMPFS = 0x01021994

/** After which a measurement is given up, in milliseconds. */
const LONGEST_MS = 300_000

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    engines: { type: 'string', default: Object.keys(ENGINES).join(',') },
    workloads: { type: 'string', default: Object.keys(WORKLOADS).join(',') },
    directory: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
})
const repeats = Number(given.repeats ?? (given.quick ? 1 : 5))
const engines = given.engines.split(',')
for (const engine of engines)
  if (ENGINES[engine] === undefined) throw new Error(`There is no engine "${engine}"`)
// `windows` and `reclaim` go on with what `bulk` left.
const workloads = Object.keys(WORKLOADS).filter((name) => given.workloads.split(',').includes(name))
if (workloads.some((name) => DIRECTORIES[name]!.of === 'bulk') && !workloads.includes('bulk'))
  throw new Error('"windows" and "reclaim" need "bulk"')
if (!Number.isInteger(repeats) || repeats < 1)
  throw new Error('--repeats must be a whole number of at least 1')
if (statfsSync(given.directory).type === TMPFS) {
  throw new Error(
    `${given.directory} is in memory, where a sync costs nothing: name one on a disk with --directory`,
  )
}

// The child gets the signal too; this process goes on to clean up.
let interrupted = false
process.once('SIGINT', () => (interrupted = true))
const base = mkdtempSync(join(given.directory, 'rubidium-compare-'))
try {
  const measured = measureAll()
  const titles = engines.map((engine) => `${ENGINES[engine]![0]} ${versionOf(engine)}`.trim())
  process.stdout.write(`\n${medianTable(measured, engines, titles)}\n\n`)
  if (repeats > 1)
    process.stdout.write(
      `Slowest and fastest of ${repeats}:\n\n${spreadTable(measured, engines, titles)}\n\n`,
    )
  const { length, 0: cpu } = cpus()
  process.stdout.write(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${length} x ${cpu?.model ?? 'unknown'}; ` +
      `${repeats} processes for each figure${given.quick ? ', a tenth of the work (--quick)' : ''}\n`,
  )
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(measured, null, 2)}\n`)
} finally {
  rmSync(base, { recursive: true, force: true })
}

function measureAll(): Measured[] {
  const measured: Measured[] = []
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const workload of workloads) {
      const { of, isLast } = DIRECTORIES[workload]!
      for (let i = 0; i < engines.length; i++) {
        const engine = engines[(i + repeat) % engines.length]!
        const directory = join(base, `${engine}-${of}`)
        mkdirSync(directory, { recursive: true })
        settle()
        const figures = measure(engine, workload, directory)
        measured.push({ engine, workload, repeat, figures })
        process.stderr.write(`${repeat + 1}/${repeats} ${workload} ${engine}: ${JSON.stringify(figures)}\n`)
        if (isLast) rmSync(directory, { recursive: true })
      }
    }
  }
  return measured
}

function measure(engine: string, workload: string, directory: string): Figures {
  const worker = fileURLToPath(new URL('worker.js', import.meta.url))
  const scale = given.quick ? 'quick' : 'full'
  const ended = spawnSync(process.execPath, [worker, engine, workload, scale, directory], {
    encoding: 'utf8',
    timeout: LONGEST_MS,
  })
  if (interrupted) throw new Error('interrupted')
  if (ended.error !== undefined) throw ended.error
  if (ended.status !== 0) throw new Error(`${engine} failed in "${workload}":\n${ended.stderr}`)
  return JSON.parse(ended.stdout) as Figures
}

/** Lets the disk take what earlier measurements wrote, where there is a command for it. */
function settle(): void {
  spawnSync('sync')
}

function versionOf(engine: string): string {
  const [, manifest] = ENGINES[engine]!
  if (manifest === '') return ''
  const { version } = JSON.parse(readFileSync(new URL(manifest, import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
