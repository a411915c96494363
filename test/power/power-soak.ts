// Real power cuts for as long as one likes: `npx tsx test/power/power-soak.ts --cuts N [--seed S]
// [--setting strict|batched|relaxed|mixed] [--disk ext4|xfs]`. Every setting on both file systems, each on a
// disk of its own. N counts cuts and images together. Says so and does nothing where no such disk can be made.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PHASES, SETTINGS } from '../process/kill-plan.ts'
import type { Setting } from '../process/kill-plan.ts'
import { DISK_KINDS, RealDisk, whyNoDisk } from './disk.ts'
import type { DiskKind } from './disk.ts'
import { newTally, PowerLane } from './power-rounds.ts'
import type { PowerTally } from './power-rounds.ts'

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const failures: string[] = []
let isStopped = false
// The disks must be taken down: after a signal no further round begins.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (isStopped = true))

/** Cut after cut on one disk, until there are enough. */
async function soak(kind: DiskKind, setting: Setting, seed: number, most: number): Promise<PowerTally> {
  const tally = newTally()
  const isOver = (): boolean => isStopped || tally.cuts + tally.images >= most
  for (let laneSeed = seed; !isOver(); laneSeed += 1000) {
    const scratch = mkdtempSync(join(tmpdir(), 'rubidium-power-'))
    const disk = await RealDisk.up(kind, `${kind}-${setting}`)
    try {
      const lane = new PowerLane({ disk, scratch, setting, seed: laneSeed }, tally)
      for (let i = 0; i < 20 && !isOver(); i++) await lane.round()
      await lane.finish()
      rmSync(scratch, { recursive: true })
    } catch (error) {
      failures.push((error as Error).message)
      const again = `--disk ${kind} --setting ${setting} --seed ${laneSeed - SETTINGS.indexOf(setting)} --cuts 40`
      print(
        `FAILED ${(error as Error).stack}\n  what was said and what is there: ${scratch}\n  again: npx tsx test/power/power-soak.ts ${again}`,
      )
    } finally {
      await disk.down()
    }
  }
  return tally
}

function row(name: string, tally: PowerTally): string {
  const { cuts, images, kills, unplugged, torn, acknowledged, windowsMs } = tally
  const window = windowsMs.toSorted((a, b) => a - b)[windowsMs.length >> 1] ?? 0
  return (
    `${name.padEnd(15)}${String(cuts).padStart(5)} cuts${String(images).padStart(5)} images${String(kills).padStart(4)} kills` +
    `, without a restart ${unplugged.opened} opened (${unplugged.damaged} with gaps) and ${unplugged.refused} refused, ${torn} torn ends` +
    `, ${acknowledged} steps acknowledged, median window of ${windowsMs.length} ${window.toFixed(0)} ms`
  )
}

const why = await whyNoDisk()
if (why === undefined) {
  const seed = Number(option('seed') ?? Date.now() % 1_000_000)
  const kinds = DISK_KINDS.filter((kind) => (option('disk') ?? kind) === kind)
  const settings = SETTINGS.filter((setting) => (option('setting') ?? setting) === setting)
  const share = Math.ceil(Number(option('cuts') ?? 200) / (kinds.length * settings.length))
  print(`seed ${seed}`)
  const phases = new Map<string, number>()
  let [cuts, images] = [0, 0]
  // The disks wait for themselves most of the time: both kinds at once.
  const soakKind = async (kind: DiskKind): Promise<void> => {
    for (const setting of settings) {
      const tally = await soak(kind, setting, seed + SETTINGS.indexOf(setting), share)
      print(row(`${kind} ${setting}`, tally))
      cuts += tally.cuts
      images += tally.images
      for (const [phase, count] of tally.phases) phases.set(phase, (phases.get(phase) ?? 0) + count)
    }
  }
  await Promise.all(kinds.map(soakKind))
  print(PHASES.map((phase) => `${phase} ${phases.get(phase) ?? 0}`).join(', '))
  print(`${cuts} cuts, ${images} images, ${failures.length} failures, seed ${seed}`)
  process.exitCode = failures.length === 0 ? 0 : 1
} else print(`SKIPPED, no power was cut: ${why}`)
