// Real kills for as long as one likes: `npx tsx test/process/kill-soak.ts --kills N [--seed S]
// [--setting strict|batched|relaxed|mixed]`. Every setting in folders of its own, with and without the lock of
// the operating system, a fresh folder now and then. Prints how many processes were killed by setting and
// by what they were in the middle of, and what failed with the folder that was opened and the command that
// makes the same plans again (the instants are the machine's).

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PHASES, SETTINGS } from './kill-plan.ts'
import type { Setting } from './kill-plan.ts'
import { KillLane } from './kill-rounds.ts'

/** Kills in one folder. */
const KILLS_A_FOLDER = 40

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const kills = Number(option('kills') ?? 1000)
const seed = Number(option('seed') ?? Date.now() % 1_000_000)
const settings = SETTINGS.filter((setting) => (option('setting') ?? setting) === setting)
const root = mkdtempSync(join(tmpdir(), 'rubidium-kills-'))
const counts = new Map<string, number>()
let [done, acknowledged, compared] = [0, 0, 0]
const failures: string[] = []

/** Kill after kill in fresh folders until there are enough. */
async function soak(setting: Setting, most: number): Promise<void> {
  let left = most
  for (let folder = 0; left > 0; folder++) {
    const laneSeed = seed + folder * SETTINGS.length + SETTINGS.indexOf(setting)
    const place = join(root, `${setting}-${laneSeed}`)
    mkdirSync(place)
    const lane = new KillLane({
      directory: join(place, 'store'),
      setting,
      seed: laneSeed,
      withLock: (laneSeed >> 2) % 2 === 0,
      keep: true,
    })
    try {
      for (let i = 0; i < KILLS_A_FOLDER && left > 0; i++) {
        left--
        const kill = await lane.kill()
        done++
        acknowledged += kill.acknowledged
        const key = `${setting} ${kill.phase}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
        if (done % 50 === 0) print(`${done} kills, ${failures.length} failures`)
      }
      await lane.finish()
      compared++
      rmSync(place, { recursive: true })
    } catch (error) {
      failures.push((error as Error).message)
      const again = `--setting ${setting} --seed ${laneSeed - SETTINGS.indexOf(setting)} --kills ${KILLS_A_FOLDER}`
      print(
        `FAILED ${(error as Error).message}\n  what was opened: ${place}\n  again: npx tsx test/process/kill-soak.ts ${again}`,
      )
    }
  }
}

print(`seed ${seed}`)
await Promise.all(settings.map((setting) => soak(setting, Math.ceil(kills / settings.length))))
print(`${''.padEnd(10)}${PHASES.map((phase) => phase.padStart(11)).join('')}`)
for (const setting of settings) {
  const row = PHASES.map((phase) => String(counts.get(`${setting} ${phase}`) ?? 0).padStart(11))
  print(`${setting.padEnd(10)}${row.join('')}`)
}
print(
  `${done} kills in ${compared} folders, ${acknowledged} steps acknowledged, ${failures.length} failures, seed ${seed}`,
)
if (failures.length === 0) rmSync(root, { recursive: true })
process.exitCode = failures.length === 0 ? 0 : 1
