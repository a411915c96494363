// Readers beside a writer for as long as one likes: `npx tsx test/race/readers-soak.ts --minutes N [--seed S]`. First
// every deed at every operation, then random plays and histories (reading-on.ts), seed after seed, until the time is
// over. Prints how often they met, how often readers read on and how often they loaded anew, what failed, and the
// command that shows each failure again (`--replay SEED`, or `--only DEED`).

import { parseArgs } from 'node:util'
import { playReaders } from './reader-play.ts'
import { DEEDS } from './reader-scenes.ts'
import { PLAYS } from './reader-steps.ts'
import { playReadingOn } from './reading-on.ts'
import type { Ways } from './reading-on.ts'

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
const ways: Ways = { same: 0, on: 0, anew: 0 }

async function replay(seed: number): Promise<void> {
  for (const play of [playReaders, playReadingOn]) {
    const { same, on, anew } = await play(seed, DEEDS_A_PLAY)
    ways.same += same
    ways.on += on
    ways.anew += anew
  }
}

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
  await attempt(`--replay ${seed}`, () => replay(seed))
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
    await attempt(`--replay ${replayed}`, () => replay(replayed))
  }
  process.stdout.write(
    `${plays} random plays and histories of ${DEEDS_A_PLAY} deeds, up to seed ${seed - 1}: ${failures} failures\n` +
      `${ways.on} times readers read on, ${ways.anew} times they loaded anew, ${ways.same} times nothing was new\n`,
  )
}
if (failures > 0) process.exitCode = 1
