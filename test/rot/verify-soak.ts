// What `verify` finds, for longer: `npx tsx test/rot/verify-soak.ts [--minutes N] [--seed S] [--only REGEX]
// [--kind KIND] [--pairs]`. Damage of every store (`--only` picks by "name,ending") in a random order of the seed,
// store by store in turn; every eighth case two flipped bits, with `--pairs` only those. Prints counts, and each
// failure with the damage that makes it: `--only '^name,ending$' --damage NAME` does that one again.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { damageNamed, damageOf, KINDS } from './damage.ts'
import type { Damage } from './damage.ts'
import { makeStore, STORES } from './stores.ts'
import { faultOf, hiddenBy } from './verified.ts'

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const minutes = Number(option('minutes') ?? 1)
const seed = Number(option('seed') ?? 1)
const only = new RegExp(option('only') ?? '')
const kinds = KINDS.filter((kind) => option('kind') === undefined || option('kind') === kind)
const deadline = Date.now() + minutes * 60_000
const random = new SeededRandom(seed)
const chosen = STORES.filter(({ name, ending }) => only.test(`${name},${ending}`))
const faults = new Map<string, number>()
let [cases, pairs, failures] = [0, 0, 0]

function report(failure: string | undefined): void {
  if (failure === undefined) return
  failures++
  const fault = failure.slice(failure.indexOf(': ')).split('\n')[0]!.replaceAll(/\d+/g, '#')
  const times = (faults.get(fault) ?? 0) + 1
  faults.set(fault, times)
  if (times === 1) print(`FAILED ${failure}`)
}

const stores = []
for (const { name, ending } of chosen) {
  const store = await makeStore(name, ending)
  const damages = new Map<string, readonly Damage[]>()
  for (const kind of kinds) damages.set(kind, [...damageOf(store, kind)])
  const bits = [...damageOf(store, 'bit')].filter((damage) => damage.kind === 'bit')
  stores.push({ store, damages, bits })
}

const named = option('damage')
if (named !== undefined) {
  for (const { store } of stores) report(await faultOf(store, damageNamed(store, named)))
} else {
  while (Date.now() < deadline) {
    for (const { store, damages, bits } of stores) {
      if ((process.argv.includes('--pairs') || cases % 8 === 7) && store.ending !== 'restarted') {
        const logs = bits.filter(({ path }) => /^(journal|manifest)/.test(path))
        const one = logs[random.below(logs.length)]!
        const others = bits.filter(({ path }) => path !== one.path)
        report(await hiddenBy(store, one, others[random.below(others.length)]!))
        pairs++
      }
      const list = damages.get(kinds[random.below(kinds.length)]!)!
      if (!process.argv.includes('--pairs') && list.length > 0)
        report(await faultOf(store, list[random.below(list.length)]!))
      cases++
    }
  }
}
for (const [fault, times] of faults) print(`${times} times ${fault}`)
print(`seed ${seed}: ${cases} damaged stores, ${pairs} of them twice, ${failures} failures`)
process.exitCode = failures === 0 ? 0 : 1
