// Small stores with every kind of file, closed cleanly or killed: what rot is let loose on. Each knows
// what it holds: the states that its calls made, by the newest record that each of them needs, and the
// records of its journal, where they lie and what they prove. Everything is the same in every run.

import { fileSeed } from '../../src/codec/checksum.ts'
import { HEADER_SIZE, JOURNAL_KIND } from '../../src/codec/file-header.ts'
import { parseNumbered } from '../../src/fs/layout.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { readFrame } from '../../src/journal/frame.ts'
import { DIRECTORY } from '../crash/machine.ts'
import type { ModelState } from '../crash/model.ts'
import { at, Session } from '../crash/session.ts'
import type { ModelWriter, SessionOptions } from '../crash/session.ts'
import { RotMachine } from './machine.ts'

/** How the process that wrote a store ended, and where the next one runs. */
export type Ending = 'closed' | 'killed' | 'restarted'

/** One record of a journal file. */
export interface StoredRecord {
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly lsn: number
  /** The mark that it carries. */
  readonly proven: number
}

export interface Store {
  readonly name: string
  readonly ending: Ending
  readonly disk: MemoryFileSystem
  /** The same calls made on another database. */
  readonly twin: MemoryFileSystem
  /** Oldest first: what a reader sees once the record `lsn` and all before it count. */
  readonly states: readonly { readonly lsn: number; readonly state: ModelState }[]
  /** Of all journal files, oldest first. */
  readonly records: readonly StoredRecord[]
  /** What the manifest covers: believed whatever the journal says. */
  readonly covers: number
  /** What the journal's epoch began with: a manifest of its own, one of an earlier epoch, nothing. */
  readonly base: 'own' | 'older' | 'none'
}

/** Large enough that archives follow each other, small enough that frames of 20 rows go to segments. */
export const OPTIONS: SessionOptions & { readonly segmentSize: number } = {
  durability: 'batched',
  segmentSize: 6000,
  tuning: {
    manifestSlack: 1 << 20,
    journalFileSize: 1000,
    unprovenLimit: 1 << 20,
    unmarkedLimit: 1 << 20,
    reserveSize: 512,
    fillSize: 400,
  },
}

/** A session that notes which record its newest state needs. */
class Notes {
  readonly session: Session
  readonly states: { lsn: number; state: ModelState }[] = [{ lsn: 0, state: [] }]

  constructor(id: number) {
    this.session = Session.on(new RotMachine(id), OPTIONS)
  }

  /** Does one thing that makes at most one record that shows. */
  async do(step: (session: Session) => Promise<unknown>): Promise<void> {
    await step(this.session)
    const { history, engine } = this.session
    if (this.states.at(-1)!.state !== history.state)
      this.states.push({ lsn: engine.lastLsn, state: history.state })
  }
}

const FIRST = ['t', 'a', 'b']
const SECOND = ['u', 'c', 'd']

/** Opens the database, and creates the index channel `u` with the data channel `d`. */
async function createPair(notes: Notes): Promise<void> {
  const { session } = notes
  await session.open()
  await notes.do(() =>
    session.create([
      { name: 'u', kind: 'index' },
      { name: 'd', kind: 'data', type: 'boolean', index: 'u' },
    ]),
  )
}

async function write(notes: Notes, writer: ModelWriter | undefined, rows: number): Promise<void> {
  await notes.do((session) => session.write(writer, session.rows(writer, rows)))
}

/** Channels of three groups, samples in pointers and in tails; a checkpoint and, behind it, an archive. */
async function fill(notes: Notes): Promise<void> {
  const { session } = notes
  await session.open()
  await notes.do(() =>
    session.create([
      { name: 't', kind: 'index' },
      { name: 'a', kind: 'data', type: 'float64', index: 't', unit: 'bar' },
      { name: 'b', kind: 'data', type: 'int8', index: 't' },
      { name: 'u', kind: 'index', metadata: { site: 'north' } },
      { name: 'c', kind: 'data', type: 'float32', index: 'u' },
      { name: 'd', kind: 'data', type: 'boolean', index: 'u' },
      { name: 'x', kind: 'index' },
      { name: 'y', kind: 'data', type: 'int64', index: 'x' },
    ]),
  )
  const all = await session.openWriter([...FIRST, ...SECOND, 'x', 'y'])
  await write(notes, all, 6)
  await session.closeWriter(all)
  const first = await session.openWriter(FIRST)
  await write(notes, first, 24)
  await session.flush()
  await session.retire()
  await notes.do(() => session.rename('c', 'c, renamed'))
  await notes.do(() => session.delete(['a', 'b'], at(3), at(8)))
  await notes.do(() => session.remove(['x', 'y']))
  await write(notes, first, 3)
  await session.flush()
  await session.retire()
  await session.closeWriter(first)
}

/** Commits in the journal alone, inline and in extents, the last of them beyond every mark. */
async function goOn(notes: Notes): Promise<void> {
  const { session } = notes
  const second = await session.openWriter(['u', 'c, renamed', 'd'])
  await write(notes, second, 4)
  await session.flush()
  await notes.do(() => session.update('a', { unit: 'mbar' }))
  await write(notes, second, 20)
  await notes.do(() => session.delete(['d'], at(7), at(9)))
  await session.sync()
  const first = await session.openWriter(FIRST)
  await write(notes, first, 2)
  await write(notes, first, 130)
  await write(notes, second, 5)
  await notes.do(() => session.delete(['b'], at(60), at(70)))
  await write(notes, second, 1)
}

type Making = (notes: Notes) => Promise<void>

const MAKINGS: Readonly<Record<string, Making>> = {
  /** A journal of several files behind an archive of the same epoch. */
  archived: async (notes) => {
    await fill(notes)
    await goOn(notes)
  },
  /** What was archived has no journal any more; a new file has not begun. */
  retired: fill,
  /** Nothing has happened since it was closed and opened. */
  opened: async (notes) => {
    await fill(notes)
    await notes.session.close()
    await notes.session.open()
  },
  /** The journal goes on from the manifest of an earlier epoch. */
  reopened: async (notes) => {
    await fill(notes)
    await notes.session.close()
    await notes.session.open()
    await goOn(notes)
  },
  /** The epoch began with a checkpoint of its own. */
  recovered: async (notes) => {
    const { session } = notes
    await fill(notes)
    await session.crash('kill', 0)
    await session.open()
    await goOn(notes)
  },
  /** One journal file, that of a new epoch, and the manifest of an earlier one. */
  short: async (notes) => {
    await fill(notes)
    await notes.session.close()
    await notes.session.open()
    const writer = await notes.session.openWriter(FIRST)
    await write(notes, writer, 2)
    await notes.session.sync()
    await write(notes, writer, 3)
    await write(notes, writer, 1)
  },
  /** One journal file and nothing else. */
  tiny: async (notes) => {
    const { session } = notes
    await createPair(notes)
    const writer = await session.openWriter(['u', 'd'])
    await write(notes, writer, 2)
    await session.sync()
    await write(notes, writer, 3)
  },
  /** Fill lies ahead of the journal's end. */
  filled: async (notes) => {
    const { session } = notes
    await createPair(notes)
    const writer = await session.openWriter(['u', 'd'], { durability: 'strict' })
    for (let i = 0; i < 4; i++) await write(notes, writer, 2)
    const last = await session.openWriter(['u', 'd'])
    await session.closeWriter(writer)
    await write(notes, last, 3)
  },
  /** No manifest yet. */
  new: async (notes) => {
    const { session } = notes
    await session.open()
    await notes.do(() =>
      session.create([
        { name: 'u', kind: 'index' },
        { name: 'c, renamed', kind: 'data', type: 'float32', index: 'u' },
        { name: 'd', kind: 'data', type: 'boolean', index: 'u' },
      ]),
    )
    const writer = await session.openWriter(['u', 'c, renamed', 'd'])
    for (let i = 0; i < 5; i++) await write(notes, writer, 2)
    await session.sync()
    await write(notes, writer, 2)
    await write(notes, writer, 40)
    await write(notes, writer, 2)
  },
}

/** Names of the stores that `makeStore` makes. */
export const STORES: readonly { readonly name: string; readonly ending: Ending }[] = [
  { name: 'archived', ending: 'closed' },
  ...Object.keys(MAKINGS).flatMap((name) => [
    { name, ending: 'killed' as const },
    { name, ending: 'restarted' as const },
  ]),
]

/** Makes a store, and its twin. */
export async function makeStore(name: string, ending: Ending): Promise<Store> {
  const notes = await make(name, ending, 7)
  const twin = await make(name, ending, 9)
  const { disk } = notes.session.machine
  const records = recordsOf(disk, 7)
  const covers = (records[0]?.lsn ?? notes.states.at(-1)!.lsn + 1) - 1
  return {
    name,
    ending,
    disk,
    twin: twin.session.machine.disk,
    states: notes.states,
    records,
    covers,
    base: baseOf(disk),
  }
}

async function make(name: string, ending: Ending, id: number): Promise<Notes> {
  const notes = new Notes(id)
  const { session } = notes
  await MAKINGS[name]!(notes)
  if (ending === 'closed') {
    await session.close()
    return notes
  }
  // Not by `crash`: what the calls made is what must be there.
  await session.abandon()
  session.machine = session.machine.after(ending === 'killed' ? 'kill' : 'power', 1)
  return notes
}

function baseOf(disk: MemoryFileSystem): Store['base'] {
  const epochs = (folder: string): number[] =>
    disk.files().flatMap((path) => {
      const [, name = ''] = path.split(`${DIRECTORY}/${folder}/`)
      return parseNumbered(name)?.epoch ?? []
    })
  const manifests = epochs('manifest')
  if (manifests.length === 0) return 'none'
  return epochs('journal').every((epoch) => manifests.includes(epoch)) ? 'own' : 'older'
}

function recordsOf(disk: MemoryFileSystem, id: number): StoredRecord[] {
  const records: StoredRecord[] = []
  for (const path of disk.files()) {
    const [folder, name = ''] = path.slice(DIRECTORY.length + 1).split('/')
    const parsed = folder === 'journal' ? parseNumbered(name) : undefined
    if (parsed === undefined) continue
    const { epoch, number } = parsed
    const bytes = disk.snapshotBytes(path)
    const seed = fileSeed(new Uint8Array(16).fill(id), JOURNAL_KIND, epoch, number)
    for (let offset = HEADER_SIZE; ;) {
      const frame = readFrame(bytes, offset, seed)
      if (typeof frame === 'string') break
      const data = new DataView(frame.payload.buffer, frame.payload.byteOffset)
      const lsn = Number(data.getBigUint64(0, true))
      records.push({ path, offset, length: frame.length, lsn, proven: Number(data.getBigUint64(8, true)) })
      offset += frame.length
    }
  }
  return records
}
