// Workloads that a seed makes up, for what nobody thought of. The same seed is the same workload, so that a
// failure is found again by its name. Called by the soak, and by the crash tests with a few.

import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { at } from './session.ts'
import type { ModelWriter, Session, SessionOptions } from './session.ts'
import { openWithSamples, openWithTombstones, reopen } from './workloads.ts'
import type { Workload } from './workloads.ts'

const ANYTHING = 'anything, seed '

/** The workload of that name; undefined where it is none of these. */
export function anythingNamed(name: string): Workload | undefined {
  return name.startsWith(ANYTHING) ? anything(Number(name.slice(ANYTHING.length))) : undefined
}

/** Anything, in an order that `seed` decides: 3 to 30 calls. */
export function anything(seed: number): Workload {
  const random = new SeededRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!
  const durability = pick(['batched', 'strict', 'relaxed'] as const)
  const options: SessionOptions = {
    durability,
    tuning: {
      journalFileSize: pick([300, 600, 1 << 20]),
      journalLimit: pick([700, 1 << 30, 1 << 30]),
      manifestSlack: pick([0, 200, 1 << 20]),
      extentLimit: pick([64, 512, 1 << 20]),
      loopSyncMs: pick([0, 0, 1e9]),
      fillSize: pick([0, 64, 512]),
      deadNotes: seed % 3 === 0 ? 2 : 1000,
      freedAtOnce: seed % 4,
    },
    segmentSize: pick([1024, 4096, 1 << 20]),
    holes: seed % 2 === 1,
  }
  const script = Array.from({ length: 3 + random.below(28) }, () => random.below(1 << 30))
  return {
    name: `${ANYTHING}${seed}`,
    options,
    prepare: random.chance(0.3) ? openWithTombstones : openWithSamples,
    run: (session) => runScript(session, script),
  }
}

async function runScript(session: Session, script: readonly number[]): Promise<void> {
  let writer: ModelWriter | undefined
  let renamed = 0
  for (const number of script) {
    const random = new SeededRandom(number)
    if (!session.isOpen) await session.open()
    if (!session.isOpen) return
    const names = session.history.state.map(({ name }) => name)
    const groupsNow = session.history.state.filter(({ kind }) => kind === 'index').map(({ name }) => name)
    const channelsOf = (index: string): string[] =>
      session.history.state
        .filter((channel) => channel.name === index || channel.index === index)
        .map(({ name }) => name)
    const someGroup = (): string[] => channelsOf(groupsNow[random.below(groupsNow.length)] ?? '')
    const step = random.below(22)
    if (step < 7) {
      if (writer === undefined || random.chance(0.3)) {
        if (writer !== undefined) await session.closeWriter(writer)
        const chosen = random.chance(0.5) ? someGroup() : groupsNow.flatMap(channelsOf)
        if (chosen.length === 0) continue
        const durability = (['relaxed', 'batched', 'strict'] as const)[random.below(3)]!
        writer = await session.openWriter(chosen, { durability, autoCommit: random.chance(0.6) })
      }
      const rows = [1, 2, 5, 30][random.below(4)]!
      for (let i = random.below(4); i >= 0; i--) await session.write(writer, session.rows(writer, rows))
      if (writer !== undefined && !writer.autoCommit) {
        if (random.chance(0.3)) await session.spill()
        if (random.chance(0.7)) await session.commit(writer)
      }
    } else if (step < 10) {
      const from = random.below(300)
      const range = [at(from), at(from + 1 + random.below(random.chance(0.5) ? 10 : 300))] as const
      const group = someGroup()
      const data = group.slice(1)
      if (random.chance(0.5) && data.length > 0)
        await session.delete([data[random.below(data.length)]!], ...range)
      else if (group.length > 0) await session.delete(random.chance(0.7) ? group : names, ...range)
    } else if (step < 12) await session.flush()
    else if (step === 12) await session.retire()
    else if (step === 13) await session.checkpoint()
    else if (step < 16) {
      if (random.chance(0.5) && writer !== undefined) {
        await Promise.all([session.gc(random.below(2) / 2), session.write(writer, session.rows(writer, 2))])
      } else await session.gc(random.below(2) / 2)
    } else if (step === 16) await session.sync()
    else if (step === 17) {
      if (writer !== undefined) await session.closeWriter(writer)
      writer = undefined
      if (random.chance(0.3)) await session.settle()
      if (random.chance(0.5)) await reopen(session)
      else if (names.length > 0) await session.rename(names[random.below(names.length)]!, `n${++renamed}`)
    } else if (step === 18) {
      if (writer !== undefined) await session.closeWriter(writer)
      writer = undefined
      const group = someGroup()
      const data = group.slice(1)
      if (random.chance(0.5) && data.length > 0) await session.remove([data[0]!])
      else if (groupsNow.length > 1) await session.remove(group)
      else if (data.length > 0) await session.update(data[0]!, { unit: `u${number}` })
    } else if (step === 19) {
      if (random.chance(0.7)) await session.lookReadOnly()
      if (random.chance(0.3)) {
        await session.takeOver()
        writer = undefined
      }
    } else if (step === 20) await session.look()
    else {
      const index = `i${session.history.length}`
      if (!names.includes(index)) {
        await session.create([
          { name: index, kind: 'index' },
          { name: `${index}d`, kind: 'data', type: 'int64', index },
        ])
      }
    }
  }
}
