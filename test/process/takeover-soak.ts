// Take-overs for as long as one likes: `npx tsx test/process/takeover-soak.ts --minutes N [--seed S]`. In turns:
// every operation of every workload on a simulated disk, at every instant of waking (frozen-rounds.ts), and chains
// of real processes that are stopped at random (overtaking.ts), on both paths of the lock. Prints counts, what
// failed, and the seeds that show it again.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { loadOsLock } from '../../src/lease/os-lock.ts'
import { FrozenProcess } from './frozen-process.ts'
import { round, WORKS } from './frozen-rounds.ts'
import type { Wakes } from './frozen-rounds.ts'
import { overtake } from './overtaking.ts'
import type { StoreChild } from './store-child.ts'

const DURABILITIES = ['batched', 'strict', 'relaxed'] as const
/** A round on the simulated disk takes milliseconds: one that takes so long hangs. */
const ROUND_MS = 60_000

let failures = 0

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`)
  const value = at < 0 ? fallback : Number(process.argv[at + 1])
  if (!Number.isFinite(value)) throw new Error(`--${name} takes a number`)
  return value
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(what: string): void {
  failures++
  print(`FAILED ${what}`)
}

/** Every operation of one workload. */
async function freeze(random: SeededRandom): Promise<number> {
  const work = WORKS[random.below(WORKS.length)]!
  const durability = DURABILITIES[random.below(3)]!
  const withLock = random.below(2) === 0
  for (let n = 1; ; n++) {
    const choice = random.below(30)
    const wakes: Wakes = choice === 0 ? 'closed' : choice === 1 ? 'open' : choice
    const name = `${work}, ${durability}, ${withLock ? 'with' : 'without'} the lock, operation ${n}, waking ${wakes}`
    const late = sleep(ROUND_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`${name} hangs`)),
    )
    try {
      const ended = round(holder, { work, durability, withLock }, n, wakes)
      const { stoppedAt, problems } = await Promise.race([ended, late])
      if (problems.length > 0) fail(`${name} (${stoppedAt ?? ''}): ${problems.join('; ')}`)
      if (stoppedAt === undefined) return n
    } catch (error) {
      fail(`${name}: ${(error as Error).stack ?? String(error)}`)
      await holder.end()
      holder = new FrozenProcess()
    }
  }
}

const endMs = performance.now() + option('minutes', 5) * 60_000
const firstSeed = option('seed', Date.now() % 1_000_000)
const hasLock = (await loadOsLock()) !== undefined
const tally = { takeovers: 0, acknowledged: 0, afterwards: 0 }
let holder = new FrozenProcess()
let frozen = 0
for (let seed = firstSeed; performance.now() < endMs; seed++) {
  const random = new SeededRandom(seed)
  for (let i = 0; i < 8; i++) frozen += await freeze(random)
  const folder = mkdtempSync(join(tmpdir(), 'rubidium-'))
  const children: StoreChild[] = []
  const durability = DURABILITIES[seed % 3]!
  const withLock = hasLock && seed % 2 === 0
  try {
    await overtake(join(folder, 'store'), { durability, withLock, rounds: 15, seed }, children, tally)
    rmSync(folder, { recursive: true })
  } catch (error) {
    fail(`${(error as Error).message} (kept in ${folder})`)
  }
  await Promise.all(children.map((child) => child.kill()))
  const { takeovers, acknowledged, afterwards } = tally
  print(
    `seed ${seed}: ${frozen} frozen, ${takeovers} stopped, ${acknowledged} acknowledged, ` +
      `${afterwards} of them heard of after the stop, ${failures} failures`,
  )
}
await holder.end()
process.exitCode = failures === 0 ? 0 : 1
