// Stores of random histories, damaged at random: writers of two groups, deletes of all and of some channels, ranges
// written anew, flushes, collections, checkpoints, retirements, crashes; then bits of logs and segments are
// flipped and files are gone. Everything is decided by one seed. Used by repair.test.ts and repair-soak.ts.

import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { at, Session } from '../crash/session.ts'
import type { ModelState } from '../crash/model.ts'
import { absolute, bytesOf, filesOf } from './damage.ts'
import { RotMachine } from './machine.ts'
import { OPTIONS } from './stores.ts'
import type { Store } from './stores.ts'

const GROUPS = [
  ['t', 'a', 'b'],
  ['u', 'c'],
] as const

/** A store of a random history, with nothing damaged. */
export async function randomStore(seed: number): Promise<Store> {
  const random = new SeededRandom(seed)
  const session = Session.on(new RotMachine(7), OPTIONS)
  const states: { lsn: number; state: ModelState }[] = [{ lsn: 0, state: [] }]
  const note = (): void => {
    if (states.at(-1)!.state !== session.history.state)
      states.push({ lsn: session.engine.lastLsn, state: session.history.state })
  }
  await session.open()
  await session.create([
    { name: 't', kind: 'index' },
    { name: 'a', kind: 'data', type: 'float64', index: 't' },
    { name: 'b', kind: 'data', type: 'int8', index: 't' },
    { name: 'u', kind: 'index' },
    { name: 'c', kind: 'data', type: 'int64', index: 'u' },
  ])
  note()
  for (let steps = 10 + random.below(25); steps > 0; steps--) {
    await step(session, random)
    note()
  }
  await session.abandon()
  const ending = random.below(2) === 0 ? 'killed' : 'restarted'
  const { disk } = session.machine.after(ending === 'killed' ? 'kill' : 'power', 1)
  return { name: `history ${seed}`, ending, disk, twin: disk, states, records: [], covers: 0, base: 'own' }
}

async function step(session: Session, random: SeededRandom): Promise<void> {
  const group = GROUPS[random.below(2)]!
  const [index] = group
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      // Behind the newest sample, or anywhere that is free.
      const newest = session.cursors.get(index)
      const isBehind = random.below(3) > 0 || newest === undefined
      if (!isBehind) session.cursors.set(index, at(random.below(120)) + BigInt(random.below(3)) * 250n)
      const count = 1 + random.below(random.below(4) === 0 ? 40 : 5)
      const first = session.cursors.get(index)
      const isTaken = first !== undefined && !isFree(session, index, first, first + BigInt(count) * 1000n)
      if (!isTaken) {
        const writer = await session.openWriter(group)
        await session.write(writer, session.rows(writer, count))
        await session.closeWriter(writer)
      }
      const last = newest ?? at(0)
      if ((session.cursors.get(index) ?? last) < last) session.cursors.set(index, last)
      return
    }
    case 4: {
      const from = random.below(100)
      await session.delete(group, at(from), at(from + 1 + random.below(20)))
      return
    }
    case 5: {
      const from = random.below(100)
      await session.delete([group[1]], at(from), at(from + 1 + random.below(10)))
      return
    }
    case 6:
    case 7:
      return session.flush()
    case 8:
      return session.retire()
    case 9:
      return random.below(2) === 0 ? session.checkpoint() : session.gc()
    case 10:
      return session.sync()
    default:
      if (random.below(3) > 0) return
      await session.crash(random.below(2) === 0 ? 'kill' : 'power', 1)
      await session.recover('kill')
  }
}

/** Whether rows may lie in [start, end): nothing is there, and no stretch goes on across it. */
function isFree(session: Session, index: string, start: bigint, end: bigint): boolean {
  const { samples } = session.history.state.find(({ name }) => name === index)!
  const next = [...samples].filter(([time]) => time >= start).sort(([a], [b]) => (a < b ? -1 : 1))[0]
  return next === undefined || (next[0] >= end && !next[1].goesOn)
}

/** The store with some of its bits flipped and perhaps some of its files gone; what was done, in words. */
export async function damagedAtRandom(store: Store, seed: number): Promise<{ store: Store; what: string }> {
  const random = new SeededRandom(seed)
  const disk = store.disk.clone()
  const folders = [['manifest'], ['journal'], ['manifest', 'journal'], ['segments'], []][random.below(5)]!
  const isIn = (path: string): boolean => folders.some((folder) => path.startsWith(`${folder}/`))
  const done: string[] = []
  for (const path of filesOf(disk).filter(isIn)) {
    if (folders[0] === 'segments' ? random.below(3) > 0 : random.below(4) === 0) continue
    await disk.remove(absolute(path))
    done.push(`-${path}`)
  }
  for (let flips = random.below(4); flips > 0; flips--) done.push(flip(disk, random))
  return { store: { ...store, disk, twin: disk }, what: done.join(' ') }
}

function flip(disk: MemoryFileSystem, random: SeededRandom): string {
  const files = filesOf(disk).filter((path) => path.includes('/') && bytesOf(disk, path).length > 0)
  const path = files[random.below(Math.max(1, files.length))]
  if (path === undefined) return ''
  const offset = random.below(bytesOf(disk, path).length)
  disk.corrupt(absolute(path), offset, 1 << random.below(8))
  return `${path}:${offset}`
}
