// What the bit rot tests found, each fault by its name, as small as it can be shown.

import { beforeAll, describe, expect, it } from 'vitest'
import { openIn } from '../../src/database/public.ts'
import { CorruptionError } from '../../src/errors.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { segmentIdOf } from '../../src/fs/layout.ts'
import type { Database } from '../../src/index.ts'
import { DIRECTORY } from '../crash/machine.ts'
import { textOf } from '../crash/model.ts'
import { Session } from '../crash/session.ts'
import { dataOwner, doubles, StoredSegment } from '../support/stored-segment.ts'
import { absolute, bytesOf, damaged, filesOf } from './damage.ts'
import type { Damage } from './damage.ts'
import { examine } from './examine.ts'
import { RotMachine } from './machine.ts'
import { randomStore } from './repair-histories.ts'
import { makeStore } from './stores.ts'
import type { Ending, Store } from './stores.ts'

const stores = new Map<string, Store>()

beforeAll(async () => {
  for (const [name, ending] of [
    ['archived', 'closed'],
    ['archived', 'killed'],
    ['retired', 'killed'],
    ['retired', 'restarted'],
    ['short', 'restarted'],
    ['recovered', 'restarted'],
    ['reopened', 'killed'],
    ['tiny', 'killed'],
    ['tiny', 'restarted'],
    ['new', 'killed'],
  ] as const) {
    stores.set(`${name},${ending}`, await makeStore(name, ending))
  }
})

function storeOf(name: string, ending: Ending): Store {
  return stores.get(`${name},${ending}`)!
}

/** The last file of a folder. */
function lastOf(store: Store, folder: string): string {
  return filesOf(store.disk).findLast((path) => path.startsWith(`${folder}/`))!
}

function open(store: Store, disk: MemoryFileSystem, readOnly = false): Promise<Database> {
  const machine = RotMachine.opener(disk, store.ending !== 'restarted')
  return openIn(machine.environment({}), DIRECTORY, { readOnly })
}

function zeroed(store: Store, path: string): Damage {
  return { kind: 'zero', part: { path, from: 0, to: bytesOf(store.disk, path).length } }
}

async function expectRefused(store: Store, damage: Damage, file: string, what: string): Promise<void> {
  for (const readOnly of [false, true]) {
    const error: unknown = await open(store, damaged(store, damage), readOnly).catch(
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(CorruptionError)
    expect((error as CorruptionError).file).toBe(absolute(file))
    expect((error as Error).message).toContain(what)
  }
  expect(await examine(store, damage, 'deep')).toMatchObject({ failures: [] })
}

describe('loss that was taken for a crash', () => {
  // Every frame begins at a multiple of 8: among these cuts are all that leave whole frames alone.
  it.each(['killed', 'restarted'] as const)(
    'a manifest that ends where an archive began is no older state of a killed database (%s)',
    async (ending) => {
      const store = storeOf('retired', ending)
      const path = lastOf(store, 'manifest')
      const { length } = bytesOf(store.disk, path)
      const missing: number[] = []
      for (let size = length - 8; size > 0; size -= 8) {
        const { failures, outcomes } = await examine(store, { kind: 'cut', path, size }, 'both')
        expect(failures).toEqual([])
        if (outcomes.every((outcome) => outcome.startsWith('refused: CORRUPTION'))) missing.push(size)
      }
      expect(missing).toHaveLength(Math.floor((length - 1) / 8))
    },
  )

  it('a journal that lost the record left behind what was retired is damage, and so is the archive beside it', async () => {
    const store = storeOf('retired', 'restarted')
    const [path, journal] = [lastOf(store, 'manifest'), lastOf(store, 'journal')]
    await expectRefused(store, { kind: 'cut', path: journal, size: 0 }, journal, 'within the header')
    const begun = { ...store, disk: damaged(store, { kind: 'cut', path: journal, size: 0 }) }
    const offset = bytesOf(store.disk, path).length - 20
    await expectRefused(
      begun,
      { kind: 'bit', path, offset, bit: 1 },
      path,
      'the end of the manifest is damaged',
    )
  })

  it.each(['cut', 'zero'] as const)(
    'a journal that lost the first record of the newest epoch is no epoch that never began (%s)',
    async (kind) => {
      const store = storeOf('short', 'restarted')
      const path = lastOf(store, 'journal')
      const damage: Damage = kind === 'cut' ? { kind, path, size: 30 } : zeroed(store, path)
      const what = kind === 'cut' ? 'the first record of the newest epoch is lost' : 'the first journal file'
      await expectRefused(store, damage, path, what)
    },
  )

  it.each(['killed', 'restarted'] as const)(
    "a new database's only journal, zeroed, is no database that never began (%s)",
    async (ending) => {
      const store = storeOf('tiny', ending)
      const path = lastOf(store, 'journal')
      await expectRefused(store, zeroed(store, path), path, 'the first journal file of an epoch is damaged')
    },
  )

  it('no journal has begun where there are segments, which come after its first record', async () => {
    const store = storeOf('new', 'killed')
    const disk = store.disk.clone()
    const [first, second] = filesOf(disk).filter((path) => path.startsWith('journal/'))
    await disk.remove(absolute(second!))
    const file = disk.openNow(absolute(first!), 'write')
    file.truncateNow(0)
    file.closeNow()
    for (const readOnly of [false, true]) {
      await expect(open(store, disk, readOnly)).rejects.toMatchObject({ file: absolute(first!), offset: 0 })
    }
  })

  it('a newest journal file that begins with wrong bytes was not being begun by a kill', async () => {
    const store = storeOf('archived', 'killed')
    const path = lastOf(store, 'journal')
    const disk = damaged(store, { kind: 'cut', path, size: 20 })
    disk.corrupt(absolute(path), 3, 1)
    await expect(open(store, disk)).rejects.toMatchObject({ file: absolute(path) })
    await expect(open(store, damaged(store, { kind: 'cut', path, size: 20 }))).resolves.toBeDefined()
  })
})

describe('a log that lost its newest files, whole', () => {
  // The records that flushed what an archive covers may stand in a later file than those it covers.
  it.each([36_660, 39_288])(
    'is opened at a state that was, or refused, however many are gone (history %i)',
    async (seed) => {
      const store = await randomStore(seed)
      const known = store.states.map(({ state }) => textOf(state))
      const journals = filesOf(store.disk).filter((path) => path.startsWith('journal/'))
      const came: string[] = []
      for (let left = journals.length - 1; left >= 0; left--) {
        const disk = store.disk.clone()
        for (const path of journals.slice(left)) await disk.remove(absolute(path))
        const session = Session.on(RotMachine.opener(disk, true))
        try {
          session.db = await open(store, disk, true)
        } catch (error) {
          came.push((error as CorruptionError).code)
          continue
        }
        came.push(known.includes(await session.text()) ? 'a state that was' : 'a state that never was')
        await session.db.close()
      }
      expect(new Set(came)).toEqual(new Set(['a state that was', 'CORRUPTION']))
    },
  )
})

describe('the place that is blamed', () => {
  it('for a damaged checkpoint is the manifest where it is damaged, not the journal behind it', async () => {
    const store = storeOf('recovered', 'restarted')
    const path = lastOf(store, 'manifest')
    const offset = bytesOf(store.disk, path).length - 20
    await expectRefused(store, { kind: 'bit', path, offset, bit: 1 }, path, 'the checkpoint is damaged')
  })

  it('for a damaged archive behind which the log is known to go on is where it is damaged', async () => {
    const store = storeOf('archived', 'closed')
    const path = lastOf(store, 'manifest')
    await expectRefused(store, { kind: 'bit', path, offset: 2000, bit: 1 }, path, 'the end of the manifest')
  })

  it('for a record that is missing before the next file is the end of the file before it', async () => {
    const store = storeOf('archived', 'killed')
    const record = store.records.findLast(({ path }) => path !== store.records.at(-1)!.path)!
    const path = record.path.slice(DIRECTORY.length + 1)
    const damage: Damage = { kind: 'cut', path, size: record.offset + 20 }
    await expectRefused(store, damage, path, `up to record ${record.lsn}, and ends at ${record.lsn - 1}`)
  })

  it('for a clean mark that names another manifest is the mark', async () => {
    const store = storeOf('archived', 'closed')
    const mark = new TextDecoder().decode(bytesOf(store.disk, 'CLEAN-000001'))
    const damage: Damage = { kind: 'bit', path: 'CLEAN-000001', offset: mark.indexOf('manifest'), bit: 0 }
    await expectRefused(store, damage, 'CLEAN-000001', 'another manifest')
  })

  it('for a manifest that is gone, which the journal goes on from, is that manifest', async () => {
    const store = storeOf('short', 'restarted')
    const disk = store.disk.clone()
    const path = absolute(lastOf(store, 'manifest'))
    await disk.remove(path)
    await expect(open(store, disk)).rejects.toMatchObject({ code: 'CORRUPTION', file: path, offset: 0 })
    await expect(open(store, disk, true)).rejects.toMatchObject({ code: 'CORRUPTION', file: path })
  })
})

describe('one bad block', () => {
  it('that only unproven records name does not keep a database from being opened for writing after a kill', async () => {
    const store = storeOf('archived', 'killed')
    const { path, offset } = extentsBehindTheMark(store)[0]!
    const disk = store.disk.clone()
    disk.corrupt(path, offset + 80, 1)
    const db = await open(store, disk)
    const { problems } = await db.verify()
    expect(problems).toMatchObject([{ file: path }])
    await db.close()
    const again = await open(store, disk)
    expect((await again.verify()).problems).toMatchObject([{ file: path }])
    await again.close()
  })

  it('in an index channel does not hide others from verify(), and is told once', async () => {
    const store = storeOf('archived', 'closed')
    const first = filesOf(store.disk).find((each) => each.startsWith('segments/'))!
    const path = absolute(first)
    // The header of every extent of the file, those included that nothing reaches any more.
    const places = extentsIn(bytesOf(store.disk, first)).map((offset) => offset + 8)
    const found = async (...offsets: readonly number[]): Promise<number[]> => {
      const disk = store.disk.clone()
      for (const offset of offsets) disk.corrupt(path, offset, 1)
      const db = await open(store, disk, true)
      const { problems } = await db.verify()
      await db.close()
      return problems.map(({ offset }) => offset!).sort((one, other) => one - other)
    }
    const alone: number[] = []
    for (const place of places) alone.push(...(await found(place)))
    expect(alone.length).toBeGreaterThan(5)
    expect(await found(...places)).toEqual(alone)
  })

  it('a read of a segment that was cut short allocates nothing for what is not there', async () => {
    const segment = await StoredSegment.create(segmentIdOf(1, 1))
    const owner = dataOwner('float64')
    const ref = segment.append(owner, doubles(1000))
    const reader = segment.reader()
    expect(() => reader.checkRoom(ref, owner, 1000)).not.toThrow()
    expect(() => reader.checkRoom(ref, owner, 2 ** 31)).toThrow(CorruptionError)
    segment.file.truncateNow(ref.offset + 100)
    expect(() => reader.checkRoom(ref, owner, 1000)).toThrow(CorruptionError)
  })
})

/** Offsets of the extents of a segment file: where the magic of one stands at a multiple of 8. */
function extentsIn(bytes: Uint8Array): number[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const offsets: number[] = []
  for (let at = 64; at + 64 <= bytes.length; at += 8) {
    if (data.getUint32(at, true) === 0x7458_6252) offsets.push(at)
  }
  return offsets
}

/** Places of the extents of the frame of 130 rows, the newest in the store. */
function extentsBehindTheMark(store: Store): { path: string; offset: number }[] {
  const found: { path: string; offset: number }[] = []
  for (const path of filesOf(store.disk).filter((each) => each.startsWith('segments/'))) {
    const bytes = bytesOf(store.disk, path)
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (const offset of extentsIn(bytes)) {
      if (data.getUint32(offset + 24, true) === 130) found.push({ path: absolute(path), offset })
    }
  }
  expect(found.length).toBe(3)
  return found
}
