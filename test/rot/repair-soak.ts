// Repairs without gaps: `npx tsx test/rot/repair-soak.ts [--minutes N] [--only REGEX] [--kind KIND|remove]
// [--stride K] [--shard I/N]`. Every bit, every length, every page and sector, every pair of files, and files that
// are gone, of every store (stores.ts; `--only` picks by "name,ending"). With `--histories N [--seed S]` instead: N
// stores of random histories (repair-histories.ts), damaged at random. Prints what came of them, with the share
// of the samples that was salvaged, and what failed. A failure is seen again with `--only '^name,ending$'
// --damage NAME`, both as they were printed, or with `--histories 1 --seed S`.

import { damageNamed, damageOf, KINDS } from './damage.ts'
import type { Damage } from './damage.ts'
import { examineRepair, removals } from './repair-examine.ts'
import type { RepairOutcome } from './repair-examine.ts'
import { damagedAtRandom, randomStore } from './repair-histories.ts'
import { makeStore, STORES } from './stores.ts'
import type { Store } from './stores.ts'

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const REMOVE = 'remove'
const deadline = Date.now() + Number(option('minutes') ?? 600) * 60_000
const only = new RegExp(option('only') ?? '')
const stride = Number(option('stride') ?? 1)
const [shard = 1, shards = 1] = (option('shard') ?? '1/1').split('/').map(Number)
const tally = new Map<string, { count: number; samples: number; salvaged: number }>()
/** What failed, numbers aside: how often. */
const faults = new Map<string, number>()
let failures = 0
let cases = 0

process.on('unhandledRejection', (error) => {
  failures++
  print(`FAILED nobody handled ${String(error)}`)
})

function* allOf(store: Store, kind: string): Generator<Damage | readonly string[]> {
  const known = KINDS.find((each) => each === kind)
  if (known === undefined) yield* removals(store)
  else yield* damageOf(store, known)
}

function take(kind: string, { failures: found, outcome, samples, salvaged }: RepairOutcome): void {
  for (const failure of found) {
    failures++
    const fault = failure
      .replace(/^.*? \(repair\)/, '')
      .split('\n')[0]!
      .replaceAll(/\d+/g, '#')
      .slice(0, 200)
    const times = (faults.get(fault) ?? 0) + 1
    faults.set(fault, times)
    if (times === 1) print(`FAILED ${failure}`)
  }
  const key = `${kind}: ${outcome}`
  const sum = tally.get(key) ?? { count: 0, samples: 0, salvaged: 0 }
  tally.set(key, {
    count: sum.count + 1,
    samples: sum.samples + samples,
    salvaged: sum.salvaged + salvaged,
  })
}

const histories = Number(option('histories') ?? 0)
const firstSeed = Number(option('seed') ?? 1)
for (let seed = firstSeed; seed < firstSeed + histories && Date.now() <= deadline; seed++) {
  const whole = await randomStore(seed)
  for (let i = 0; i < 4; i++) {
    const { store, what } = await damagedAtRandom(whole, 4 * seed + i)
    const outcome = await examineRepair(store, [])
    take('history', {
      ...outcome,
      failures: outcome.failures.map((failure) => `--histories 1 --seed ${seed}: ${what} ${failure}`),
    })
    cases++
  }
}
for (const { name, ending } of histories > 0 ? [] : STORES) {
  if (!only.test(`${name},${ending}`)) continue
  const store = await makeStore(name, ending)
  const chosen = option('damage')
  if (chosen !== undefined) {
    const damage = chosen.startsWith(`${REMOVE}:`) ? chosen.split(':').slice(1) : damageNamed(store, chosen)
    const outcome = await examineRepair(store, damage)
    print(`${name},${ending} ${chosen}: ${outcome.outcome}, ${outcome.salvaged} of ${outcome.samples}`)
    take(REMOVE, outcome)
    continue
  }
  for (const kind of [...KINDS, REMOVE]) {
    if (option('kind') !== undefined && option('kind') !== kind) continue
    let number = 0
    let examined = 0
    for (const damage of allOf(store, kind)) {
      number++
      if (number % (stride * shards) !== (shard - 1) * stride || Date.now() > deadline) continue
      take(kind, await examineRepair(store, damage))
      examined++
      cases++
    }
    print(`${name},${ending} ${kind}: ${examined} of ${number}, ${failures} failures`)
  }
}
for (const [fault, times] of faults) print(`${times} times ${fault}`)
for (const [key, { count, samples, salvaged }] of [...tally].sort(([a], [b]) => (a < b ? -1 : 1)))
  print(
    `${String(count).padStart(8)} ${key}, ${((100 * salvaged) / Math.max(1, samples)).toFixed(1)} % salvaged`,
  )
print(`${cases} damaged stores, ${failures} failures`)
process.exitCode = failures === 0 ? 0 : 1
