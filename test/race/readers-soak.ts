// Readers beside a writer for as long as one likes: `npx tsx test/race/readers-soak.ts --minutes N [--seed S]`. First
// every deed at every operation, then random plays, seed after seed, until the time is over. Prints how often they
// met, what failed, and the command that shows each failure again (`--replay SEED`, or `--only DEED`).

import { parseArgs } from 'node:util'
import { playReaders } from './reader-play.ts'
import { DEEDS } from './reader-scenes.ts'
import { PLAYS } from './reader-steps.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    replay: { type: 'string' },
  },
})
const DEEDS_A_PLAY = 120

let failures = 0

async function attempt(again: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    failures++
    process.stdout.write(
      `FAILED ${(error as Error).stack}\n  again: npx tsx test/race/readers-soak.ts ${again}\n`,
    )
  }
}

if (values.replay !== undefined) {
  const seed = Number(values.replay)
  await attempt(`--replay ${seed}`, () => playReaders(seed, DEEDS_A_PLAY))
} else {
  const end = performance.now() + Number(values.minutes) * 60_000
  let met = 0
  for (const deed of DEEDS.filter(({ name }) => values.only === undefined || name === values.only)) {
    for (const play of PLAYS)
      await attempt(
        `--only '${deed.name}'`,
        async () => (met += await play.run(deed, { first: 1, stride: 1 })),
      )
  }
  process.stdout.write(`every operation of ${DEEDS.length} deeds: ${met} meetings, ${failures} failures\n`)
  let seed = Number(values.seed)
  let plays = 0
  for (; values.only === undefined && performance.now() < end; seed++, plays++) {
    const replayed = seed
    await attempt(`--replay ${replayed}`, () => playReaders(replayed, DEEDS_A_PLAY))
  }
  process.stdout.write(
    `${plays} random plays of ${DEEDS_A_PLAY} deeds, up to seed ${seed - 1}: ${failures} failures\n`,
  )
}
if (failures > 0) process.exitCode = 1
