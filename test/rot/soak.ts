// Bit rot without gaps: `npx tsx test/rot/soak.ts [--minutes N] [--only REGEX] [--kind KIND] [--stride K]
// [--shard I/N] [--full]`. Every bit, every length, every page and sector, every pair of files, of every store
// (stores.ts; `--only` picks by "name,ending"). Prints what came of them and what failed. A failure is
// seen again with `--only '^name,ending$' --damage NAME`, both as it was printed. A store that is not done
// with after a minute ends the run and is named: a watcher in another thread sees to that.

import { Worker } from 'node:worker_threads'

import { examine } from './examine.ts'
import { damageNamed, damageOf, KINDS, nameOf } from './damage.ts'
import type { DamageKind } from './damage.ts'
import { makeStore, STORES } from './stores.ts'

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

// Errors by the million, of which nobody asks where they come from: `--damage` shows that.
if (option('damage') === undefined) Error.stackTraceLimit = 0

const deadline = Date.now() + Number(option('minutes') ?? 600) * 60_000
const only = new RegExp(option('only') ?? '')
const stride = Number(option('stride') ?? 1)
const [shard = 1, shards = 1] = (option('shard') ?? '1/1').split('/').map(Number)
const tally = new Map<string, number>()
/** What failed, numbers aside: how often, and the first of each. */
const faults = new Map<string, number>()
let failures = 0
let cases = 0

/** What is examined now, for the watcher. */
const current = Buffer.from(new SharedArrayBuffer(512))

const WATCHER = `
const { workerData } = require('node:worker_threads')
let before = ''
setInterval(() => {
  const now = Buffer.from(workerData).toString().replace(/\\0+$/, '')
  if (now === before && now !== '') {
    require('node:fs').writeSync(1, 'FAILED ' + now + ': it does not end\\n')
    process.kill(process.pid, 'SIGKILL')
  }
  before = now
}, 60_000)
`
new Worker(WATCHER, { eval: true, workerData: current.buffer }).unref()

function watch(what: string): void {
  current.fill(0)
  current.write(what)
}

process.on('unhandledRejection', (error) => {
  failures++
  print(`FAILED nobody handled ${String(error)}`)
})

function count(key: string): void {
  tally.set(key, (tally.get(key) ?? 0) + 1)
}

/** Bits are many: a reader is asked for two of each byte, a close for those of every eighth byte. */
function depthOf(kind: DamageKind, number: number): Parameters<typeof examine>[2] {
  if (kind !== 'bit' || number % 64 < 8) return 'deep'
  return number % 4 === 0 || process.argv.includes('--full') ? 'both' : 'quick'
}

function report(failure: string): void {
  failures++
  const fault = failure.split('\n')[0]!.replaceAll(/\d+/g, '#').slice(0, 250)
  const times = (faults.get(fault) ?? 0) + 1
  faults.set(fault, times)
  if (times === 1) print(`FAILED ${failure}`)
}

for (const { name, ending } of STORES) {
  if (!only.test(`${name},${ending}`)) continue
  const store = await makeStore(name, ending)
  const chosen = option('damage')
  if (chosen !== undefined) {
    const { failures: found, outcomes } = await examine(store, damageNamed(store, chosen), 'deep')
    print(`${name},${ending} ${chosen}: ${outcomes.join('; ')}`)
    for (const failure of found) report(failure)
    continue
  }
  for (const kind of KINDS) {
    if (option('kind') !== undefined && option('kind') !== kind) continue
    let number = 0
    let examined = 0
    let isCutShort = false
    for (const damage of damageOf(store, kind)) {
      number++
      const isOurs = number % (stride * shards) === (shard - 1) * stride
      if (!isOurs) continue
      if (Date.now() > deadline) {
        isCutShort = true
        break
      }
      watch(`${name},${ending} ${nameOf(damage)} (number ${number})`)
      const { failures: found, outcomes } = await examine(store, damage, depthOf(kind, number))
      for (const failure of found) report(failure)
      examined++
      cases++
      for (const outcome of outcomes) count(`${kind}: ${outcome.replace(/ \/.*$/, '')}`)
    }
    print(
      `${name},${ending} ${kind}: ${examined} of ${number}, ${failures} failures${isCutShort ? ', time is over' : ''}`,
    )
  }
}
for (const [fault, times] of faults) print(`${times} times ${fault}`)
for (const [key, times] of [...tally].sort(([a], [b]) => (a < b ? -1 : 1)))
  print(`${String(times).padStart(8)} ${key}`)
print(`${cases} damaged stores, ${failures} failures`)
process.exitCode = failures === 0 ? 0 : 1
