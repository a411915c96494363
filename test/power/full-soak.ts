// A real full disk for as long as one likes: `npx tsx test/power/full-soak.ts --rounds N [--seed S]
// [--disk ext4|xfs]`. Rounds of filling, deleting, collecting and writing on, each database on a disk of its
// own; a failure names the command that runs it again. Says so and does nothing where no such disk can be made.

import { describe } from '../crash/session.ts'
import { DISK_KINDS, RealDisk, whyNoDisk } from './disk.ts'
import type { DiskKind } from './disk.ts'
import { FullDisk, newFullTally } from './full-rounds.ts'

/** Rounds of one database. */
const ROUNDS = 5

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const tally = newFullTally()
let failures = 0

async function soak(kind: DiskKind, seed: number, rounds: number): Promise<void> {
  const disk = await RealDisk.up(kind, `full-${kind}`)
  try {
    const full = new FullDisk(disk.at, seed, tally)
    await full.begin()
    for (let round = 0; round < rounds; round++) await full.round()
    await full.end()
  } catch (error) {
    failures++
    print(`FAILED ${kind}, seed ${seed}: ${describe(error)}\n${(error as Error).stack}`)
    print(`  again: npx tsx test/power/full-soak.ts --disk ${kind} --seed ${seed} --rounds ${ROUNDS}`)
  } finally {
    await disk.down().catch((error: unknown) => print(`the disk stays: ${describe(error)}`))
  }
}

const why = await whyNoDisk()
if (why === undefined) {
  const seed = Number(option('seed') ?? Date.now() % 1_000_000)
  const kinds = DISK_KINDS.filter((kind) => (option('disk') ?? kind) === kind)
  const each = Math.ceil(Number(option('rounds') ?? 20) / kinds.length)
  print(`seed ${seed}`)
  for (const kind of kinds) {
    for (let done = 0, own = seed; done < each; done += ROUNDS, own++) {
      await soak(kind, own, Math.min(ROUNDS, each - done))
      print(`${kind} ${own}: ${JSON.stringify(tally)}`)
    }
  }
  print(`${tally.rounds} rounds, ${tally.refusals} refusals, ${failures} failures, seed ${seed}`)
  process.exitCode = failures === 0 ? 0 : 1
} else print(`SKIPPED, no disk was filled: ${why}`)
