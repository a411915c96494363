// A writer's deed and a reader, step by step: in front of the nth operation of the one the other does something
// whole. What is read is the state before the deed or the state behind it, whatever is collected and whoever dies,
// and stays readable until the reader moves forward (0005-I9). Called by readers.test.ts and readers-soak.ts.

import type { FileSystem } from '../../src/fs/file-system.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { Process } from '../support/processes.ts'
import { SteppedFiles } from '../support/stepped-files.ts'
import { contentsOf, keptFor, Scene } from './reader-scenes.ts'
import type { Deed } from './reader-scenes.ts'

const READ_ONLY = { readOnly: true } as const

/** Which of the operations are met: every `stride`th, from `first` on (from 1). */
export interface Steps {
  readonly first: number
  readonly stride: number
}

/** One way to play a deed beside a reader. Returns how often the two met. @throws what does not hold */
export interface Play {
  readonly name: string
  readonly run: (deed: Deed, steps: Steps) => Promise<number>
}

export const PLAYS: readonly Play[] = [
  { name: 'in front of the operations of an opening', run: whileOpening },
  { name: 'in front of the operations of a refresh', run: whileRefreshing },
  { name: 'with an opening in front of its operations', run: withOpenings },
  { name: 'with an opening at the changes that it makes', run: atChanges },
]

/** The deed, done in front of the nth operation of a reader. */
class Meeting {
  act: () => Promise<void> = () => Promise.resolve()
  readonly #n: number
  #count = -Infinity
  #hasMet = false

  constructor(n: number) {
    this.#n = n
  }

  readonly meet = async (): Promise<void> => {
    if (++this.#count !== this.#n) return
    this.#hasMet = true
    await this.act()
  }

  begin(): void {
    this.#count = 0
  }

  /** Whether there was such an operation. */
  end(): boolean {
    this.#count = -Infinity
    return this.#hasMet
  }
}

async function whileOpening({ run }: Deed, { first, stride }: Steps): Promise<number> {
  for (let n = first; ; n += stride) {
    const scene = await Scene.set()
    const before = await contentsOf(scene.writer.db)
    const meeting = new Meeting(n)
    meeting.act = () => run(scene)
    meeting.begin()
    const wrap = (disk: FileSystem): SteppedFiles => new SteppedFiles(disk, meeting.meet)
    const reader = await scene.processes.open(READ_ONLY, { wrap })
    const hasMet = meeting.end()
    if (hasMet) await judge(scene, reader, before)
    await scene.processes.end()
    if (!hasMet) return Math.floor((n - first) / stride)
  }
}

async function whileRefreshing({ run }: Deed, { first, stride }: Steps): Promise<number> {
  for (let n = first; ; n += stride) {
    const scene = await Scene.set()
    const meeting = new Meeting(n)
    meeting.act = () => run(scene)
    const wrap = (disk: FileSystem): SteppedFiles => new SteppedFiles(disk, meeting.meet)
    const reader = await scene.processes.open(READ_ONLY, { wrap })
    const shown = await contentsOf(reader.db)
    const snapshot = reader.db.snapshot()
    const check = keptFor(reader)
    await scene.delete(0, 20)
    await scene.commit(2)
    const before = await contentsOf(scene.writer.db)
    meeting.begin()
    await reader.db.refresh()
    const hasMet = meeting.end()
    if (hasMet) await judge(scene, reader, before)
    check(scene.processes)
    expectOneOf([shown], await contentsOf(snapshot))
    await scene.processes.end()
    if (!hasMet) return Math.floor((n - first) / stride)
  }
}

/** A deed that is one step has nothing in front of which another process could open. */
async function withOpenings({ run }: Deed, { first, stride }: Steps): Promise<number> {
  const readers: { readonly reader: Process; readonly seen: string }[] = []
  let isUnderWay = false
  let count = 0
  const meet = async (): Promise<void> => {
    if (!isUnderWay || ++count < first || (count - first) % stride !== 0) return
    isUnderWay = false
    const reader = await scene.processes.open(READ_ONLY)
    readers.push({ reader, seen: await contentsOf(reader.db) })
    isUnderWay = true
  }
  const scene = await Scene.set({ wrap: (disk) => new SteppedFiles(disk, meet) })
  isUnderWay = true
  await run(scene)
  isUnderWay = false
  for (const { reader, seen } of readers) {
    keptFor(reader)(scene.processes)
    expectOneOf(scene.states, seen)
    expectOneOf([seen], await contentsOf(reader.db))
    await scene.processes.close(reader)
  }
  await scene.processes.end()
  return readers.length
}

async function atChanges({ run }: Deed, { first, stride }: Steps): Promise<number> {
  const scene = await Scene.set()
  const disks: MemoryFileSystem[] = []
  let count = 0
  scene.processes.disk.observeMutations(({ before: copy }) => {
    if (++count >= first && (count - first) % stride === 0) disks.push(copy())
  })
  await run(scene)
  scene.processes.disk.observeMutations(undefined)
  for (const disk of disks) {
    const reader = await scene.processes.open(READ_ONLY, { wrap: () => disk })
    expectOneOf(scene.states, await contentsOf(reader.db))
    await scene.processes.close(reader)
  }
  await scene.processes.end()
  return disks.length
}

/** What a reader shows is whole, stays readable whatever is collected, and can be left behind. */
async function judge(scene: Scene, reader: Process, before: string): Promise<void> {
  const isOpen = scene.writer.engine.state === 'open'
  const after = isOpen ? await contentsOf(scene.writer.db) : before
  const seen = await contentsOf(reader.db)
  expectOneOf([before, after], seen)
  const check = keptFor(reader)
  if (isOpen) {
    await scene.delete(0, 1000)
    await scene.writer.db.gc({ threshold: 0 })
    await scene.writer.db.gc({ threshold: 0 })
  }
  check(scene.processes)
  expectOneOf([seen], await contentsOf(reader.db))
  await reader.db.refresh()
  expectOneOf([isOpen ? '' : after], await contentsOf(reader.db))
}

function expectOneOf(expected: readonly string[], seen: string): void {
  if (!expected.includes(seen))
    throw new Error(`a reader shows "${seen}" instead of "${expected.join('" or "')}"`)
}
