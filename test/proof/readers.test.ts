// The rules that keep what read-only processes see, each switched off once in a test build: then a deed of a writer
// beside a reader goes wrong, and none does in the engine as it is (0005-I9, 0005-I10).

import { describe, expect, it } from 'vitest'
import type { Deed } from '../race/reader-scenes.ts'
import type { Change } from './test-build.ts'
import { useTestBuild } from './test-build.ts'

interface Mutation {
  readonly what: string
  readonly change: Change
  /** Names of the deed and of the play that must go wrong, ... */
  readonly deed?: string
  readonly play?: string
  /** ... or a scene. */
  readonly scene?: keyof typeof SCENES
}

/** What goes wrong in a scene; nothing where it is ''. */
const SCENES = {
  'a stale record is read by an opening': async () => staleRecord(false),
  'a stale record is read by a refresh': async () => staleRecord(true),
  'a record was replaced': async () => {
    const { seeReplacedRecord } = await import('../race/reader-stale.ts')
    const [seen, expected] = await seeReplacedRecord()
    return String(seen) === String(expected) ? '' : 'records were seen that are no log'
  },
  'a reader reads on': async () => {
    const { playReadingOn } = await import('../race/reading-on.ts')
    for (let seed = 1; seed <= 5; seed++) await playReadingOn(seed, 60)
    return ''
  },
}

async function staleRecord(readsOn: boolean): Promise<string> {
  const { seeStaleRecord } = await import('../race/reader-stale.ts')
  const seen = await seeStaleRecord(readsOn)
  return seen.some((times) => times.includes(90)) ? 'a record was seen that never was' : ''
}

const OPENING = 'in front of the operations of an opening'
const REFRESH = 'in front of the operations of a refresh'

const MUTATIONS: readonly Mutation[] = [
  {
    what: 'registrations are not looked at',
    change: { file: 'database/engine.ts', from: 'oldest = Math.min(oldest, pin)', to: 'void pin' },
    deed: 'a delete of everything, and a collection',
    play: REFRESH,
  },
  {
    what: 'a reader registers with another pin than 0',
    change: { file: 'lease/registration.ts', from: 'encodePin(0, check)', to: 'encodePin(2 ** 52, check)' },
    deed: 'a delete of everything, and a collection',
    play: OPENING,
  },
  {
    what: 'a registration is believed to be dead on no grounds',
    change: {
      file: 'lease/registered-readers.ts',
      from: "return liveness === 'dead'\n  const",
      to: 'return true\n  const',
    },
    deed: 'a delete of everything, and a collection',
    play: REFRESH,
  },
  {
    what: 'the pin is raised whatever snapshots still need',
    change: { file: 'database/reader.ts', from: 'Math.min(pins.own, lastLsn)', to: 'lastLsn' },
    deed: 'a delete of everything, and a collection',
    play: REFRESH,
  },
  {
    what: 'an opening removes what no version names, whoever reads',
    change: { file: 'database/opening/open.ts', from: 'if (oldest >= recovered)', to: 'if (oldest >= -1)' },
    deed: 'a drop that is synced, a death and an opening',
    play: REFRESH,
  },
  {
    what: 'what was dead at an opening is pinned by nobody',
    change: {
      file: 'database/opening/open.ts',
      from: 'segment.freed = engine.lastLsn',
      to: 'segment.freed = 0',
    },
    deed: 'a close, an opening and a collection',
    play: REFRESH,
  },
  {
    what: 'later leases are not looked for',
    change: {
      file: 'database/opening/load-anew.ts',
      from: 'if (later.every((epoch) => gone.has(epoch)))',
      to: 'if (later.length >= 0)',
    },
    scene: 'a stale record is read by an opening',
  },
  {
    what: 'later leases are not looked for where a reader reads on',
    change: {
      file: 'database/opening/read-on.ts',
      from: 'if (!later.every((other) => gone.has(other))) return undefined',
      to: '',
    },
    scene: 'a stale record is read by a refresh',
  },
  {
    what: 'a reader reads on without a look at the record that it has read last',
    change: {
      file: 'journal/replay.ts',
      from: 'if (Buffer.compare(bytes.subarray(0, FRAME_HEADER), head) !== 0) return undefined',
      to: '',
    },
    scene: 'a record was replaced',
  },
  {
    what: 'what is flushed stays in the tails of a reader that reads on',
    change: {
      file: 'database/opening/replay-records.ts',
      from: 'if (lsn > version.flushed.get(key)) tails',
      to: 'if (lsn < 0) tails',
    },
    scene: 'a reader reads on',
  },
]

/** What goes wrong. */
async function failureOf({ deed, play, scene }: Mutation): Promise<string> {
  try {
    if (scene !== undefined) return await SCENES[scene]()
    const { DEEDS } = await import('../race/reader-scenes.ts')
    const { PLAYS } = await import('../race/reader-steps.ts')
    const found: Deed = DEEDS.find(({ name }) => name === deed)!
    await PLAYS.find(({ name }) => name === play)!.run(found, { first: 1, stride: 2 })
    return ''
  } catch (error) {
    return String(error)
  }
}

describe('with one rule of readers switched off, a test fails:', () => {
  it.each(MUTATIONS.map((mutation) => [mutation.what, mutation] as const))('%s', async (_, mutation) => {
    const endTestBuild = useTestBuild({ changes: [mutation.change] })
    const failure = await failureOf(mutation).finally(endTestBuild)
    expect(failure, 'no test holds this rule').toMatch(/a reader shows|given back|missing|never was|no log/)
    expect(await failureOf(mutation), 'the engine as it is fails, too').toBe('')
  })
})
