// How a read-only process moves forward: it reads on behind the newest record that it has read, where that is the
// plain case, and loads anew where anything is odd. Either way it shows what a read-only opening at that moment
// shows. Random histories of the same are test/race/reading-on.

import { describe, expect, it } from 'vitest'
import { checkpointNow, retireOldest } from '../../../src/database/retire.ts'
import { writeUnsyncedMark } from '../../../src/database/opening/unsynced-mark.ts'
import type { Refreshed } from '../../../src/database/reader.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { createGroup, frameOf, numbers, timesFrom, timesOf } from '../../pitfalls/stage.ts'
import { contentsOf, stateOf } from '../../race/reading-on.ts'
import { GatedFileSystem } from '../../support/gated-file-system.ts'
import { DIRECTORY, Processes } from '../../support/processes.ts'
import type { Process } from '../../support/processes.ts'

const READ_ONLY = { readOnly: true } as const
const NAMES = ['time', 'a']

interface Scene {
  readonly processes: Processes
  readonly writer: Process
  readonly reader: Process
}

/** A writer with flushed and unflushed samples, and a reader that shows them. */
async function begin(wrap: (disk: FileSystem) => FileSystem = (disk) => disk): Promise<Scene> {
  const processes = Processes.ofTest()
  const writer = await processes.open()
  await createGroup(writer.db, 'time', ['a'])
  await commit(writer, 1, 20)
  await writer.flusher.flushAll()
  await commit(writer, 21, 5)
  return { processes, writer, reader: await processes.open(READ_ONLY, { wrap }) }
}

async function commit({ db }: Process, first: number, count: number): Promise<void> {
  const writer = await db.openWriter({ channels: NAMES, start: BigInt(first) })
  await writer.write(frameOf('time', ['a'], timesFrom(first, count)))
  await writer.close()
}

/** Moves forward, and says how; what is shown then is what an opening shows. */
async function refresh({ processes, reader }: Pick<Scene, 'processes' | 'reader'>): Promise<Refreshed> {
  const way = await reader.engine.reader!.refresh()
  const fresh = await processes.open(READ_ONLY)
  expect(stateOf(reader.engine)).toBe(stateOf(fresh.engine))
  expect(await contentsOf(reader.db)).toBe(await contentsOf(fresh.db))
  await processes.close(fresh)
  return way
}

/** Path of the newest journal file. */
function journalOf({ disk }: Processes): string {
  return disk
    .files()
    .filter((path) => path.startsWith(`${DIRECTORY}/journal/`))
    .at(-1)!
}

/** Puts other bytes into a file. */
function overwrite({ disk }: Processes, path: string, bytes: Uint8Array): void {
  const file = disk.openNow(path, 'write')
  file.truncateNow(0)
  file.writeNow(bytes, 0)
  file.closeNow()
}

describe('a refresh reads on', () => {
  const DEEDS: readonly (readonly [string, (scene: Scene) => Promise<unknown>])[] = [
    ['over commits', ({ writer }) => commit(writer, 30, 3)],
    ['over commits that name extents', ({ writer }) => commit(writer, 30, 2000)],
    ['over a flush', ({ writer }) => writer.flusher.flushAll()],
    [
      'over a flush of what it has not seen',
      async ({ writer }) => {
        await commit(writer, 30, 3)
        await writer.flusher.flushAll()
        await commit(writer, 40, 3)
      },
    ],
    ['over a delete in pointers', ({ writer }) => writer.db.delete(NAMES, { start: 5n, end: 9n })],
    ['over a delete in a tail', ({ writer }) => writer.db.delete('a', { start: 22n, end: 24n })],
    [
      'over a delete in a tail of extents',
      async (scene) => {
        await commit(scene.writer, 30, 2000)
        expect(await refresh(scene)).toBe('on')
        await scene.writer.db.delete(NAMES, { start: 100n, end: 900n })
      },
    ],
    [
      'over a collection',
      async ({ writer: { db } }) => {
        await db.delete(NAMES, { end: 15n })
        await db.gc({ threshold: 0 })
      },
    ],
    [
      'over channels that come, change and go',
      async ({ writer: { db } }) => {
        await createGroup(db, 'other', ['b', 'c'])
        await db.channels.rename('b', 'd')
        await db.channels.update('a', { unit: 'bar' })
        await db.channels.remove('c')
      },
    ],
    ['over the removal of a group', ({ writer: { db } }) => db.channels.remove(NAMES)],
    [
      'over the ends of journal files',
      async ({ writer }) => {
        for (const first of [30, 40, 50]) {
          writer.engine.journal!.roll()
          await commit(writer, first, 3)
        }
      },
    ],
    ['beside a checkpoint', ({ writer }) => checkpointNow(writer.engine)],
    ['where only the names of files have changed', ({ writer }) => checkpointNow(writer.engine)],
  ]
  it.each(DEEDS)('%s', async (_, deed) => {
    const scene = await begin()
    const snapshot = scene.reader.db.snapshot()
    const seen = await contentsOf(snapshot)
    await deed(scene)
    expect(await refresh(scene)).toBe('on')
    expect(await refresh(scene)).toBe('same')
    const fresh = await scene.processes.open(READ_ONLY)
    expect((await scene.reader.db.stats()).log).toEqual((await fresh.db.stats()).log)
    await commit(scene.writer, 5000, 2).catch(() => {})
    expect(['on', 'same']).toContain(await refresh(scene))
    expect(await contentsOf(snapshot)).toBe(seen)
  })

  it('and parts no rows by a cut that rows lay behind which were flushed meanwhile', async () => {
    const scene = await begin()
    const { db, engine, flusher } = scene.writer
    const writer = await db.openWriter({ channels: NAMES, start: 30n })
    const write = (first: number, count: number): Promise<boolean> =>
      writer.write(frameOf('time', ['a'], timesFrom(first, count)))
    await write(30, 5)
    expect(await refresh(scene)).toBe('on')
    await db.delete(NAMES, { start: 33n, end: 38n })
    await write(40, 2)
    // The flush has captured what there is, and writes it.
    const { lastLsn } = engine
    const flushing = flusher.flushAll()
    await Promise.resolve()
    await write(44, 5)
    await flushing
    const [key] = [...engine.version.flushed.entries()].map(([group]) => group)
    expect([engine.version.flushed.get(key!), engine.version.lsn]).toEqual([lastLsn, lastLsn + 2])
    expect(await refresh(scene)).toBe('on')
    await writer.close()
  })

  it('where older files have been retired', async () => {
    const scene = await begin()
    const { writer, reader } = scene
    writer.engine.journal!.roll()
    await commit(writer, 30, 3)
    expect(await refresh(scene)).toBe('on')
    await writer.flusher.flushAll()
    expect(await retireOldest(writer.engine)).toBe(true)
    expect(await refresh(scene)).toBe('on')
    expect(await timesOf(reader.db, 'a')).toEqual([...numbers(1, 25), ...numbers(30, 32)])
  })

  it('beside a lease that was given back before it began', async () => {
    const scene = await begin()
    const { processes, writer } = scene
    await commit(writer, 30, 3)
    const wrap = (disk: FileSystem): FileSystem =>
      new GatedFileSystem(disk, (kind, path) => {
        if (kind === 'makeDirectory' && path.endsWith('/manifest')) throw new Error('it ends here')
      })
    await expect(processes.open({ takeover: true }, { wrap })).rejects.toThrow('it ends here')
    expect(await refresh(scene)).toBe('on')
    processes.abandon(writer)
  })

  it('and lets go of the rows that a flush has turned into pointers', async () => {
    const scene = await begin()
    const { writer, reader } = scene
    for (let round = 0; round < 5; round++) {
      await commit(writer, 100 * (round + 1), 50)
      await refresh(scene)
      expect([...reader.engine.groups.values()].flatMap(({ runs }) => runs)).not.toEqual([])
      await writer.flusher.flushAll()
      expect(await refresh(scene)).toBe('on')
      expect([...reader.engine.groups.values()].flatMap(({ runs }) => runs)).toEqual([])
    }
  })

  it('and looks at no segment but those that the new records name', async () => {
    const looked: string[] = []
    const scene = await begin(
      (disk) =>
        new GatedFileSystem(disk, (kind, path) => {
          if (kind === 'stat' && path.includes('/segments/')) looked.push(path)
        }),
    )
    const { writer, reader } = scene
    const { segments } = writer.engine
    looked.length = 0
    await commit(writer, 30, 3)
    await reader.db.refresh()
    expect(looked).toEqual([])
    segments.seal(segments.active!)
    await writer.flusher.flushAll()
    await reader.db.refresh()
    expect(looked).toEqual([scene.processes.segments.at(-1)])
    expect((await reader.db.stats()).segments).toMatchObject(
      (await writer.db.stats()).segments.map(({ name, live, total }) => ({ name, live, total })),
    )
  })

  it('and keeps what it shows: its pin follows, and no sooner', async () => {
    const scene = await begin()
    const { processes, writer, reader } = scene
    const snapshot = reader.db.snapshot()
    await writer.db.delete(NAMES, { end: 15n })
    await commit(writer, 30, 20)
    await writer.flusher.flushAll()
    expect(await refresh(scene)).toBe('on')
    await writer.db.gc({ threshold: 0 })
    expect(await timesOf(snapshot, 'a')).toEqual(numbers(1, 25))
    await snapshot.close()
    await writer.db.delete(NAMES, {})
    await writer.db.gc({ threshold: 0 })
    expect(await timesOf(reader.db, 'a')).toEqual([...numbers(15, 25), ...numbers(30, 49)])
    expect(await refresh(scene)).toBe('on')
    await writer.db.gc({ threshold: 0 })
    expect(processes.segments).toEqual([])
  })

  it('and forgets no segment that is in use again, with the snapshot that was the last to need it', async () => {
    const scene = await begin()
    const { writer, reader } = scene
    await writer.flusher.flushAll()
    writer.engine.segments.seal(writer.engine.segments.active!)
    // Named by tails alone.
    await commit(writer, 100, 2000)
    const [segment] = scene.processes.segments.slice(-1)
    await refresh(scene)
    const snapshot = reader.db.snapshot()
    await writer.db.delete(NAMES, { start: 100n })
    await refresh(scene)
    await commit(writer, 5000, 2000)
    expect(scene.processes.segments.at(-1)).toBe(segment)
    await refresh(scene)
    await snapshot.close()
    expect(reader.engine.segments.all().map(({ id }) => id)).toContain(writer.engine.segments.active!.id)
    expect((await reader.db.stats()).segments).toHaveLength(scene.processes.segments.length)
  })

  it('where it could not register, and keeps the descriptors of what it shows', async () => {
    const scene = await begin((disk) => {
      const rule = { kind: 'create', path: /readers/, times: Infinity, fault: { code: 'EROFS' } } as const
      return new FaultyFileSystem(disk, [rule])
    })
    const { writer, reader } = scene
    writer.engine.segments.seal(writer.engine.segments.active!)
    await writer.flusher.flushAll()
    expect(await refresh(scene)).toBe('on')
    const shown = await contentsOf(reader.db)
    await writer.db.delete(NAMES, {})
    await writer.db.gc({ threshold: 0 })
    expect(scene.processes.segments).toEqual([])
    expect(await contentsOf(reader.db)).toBe(shown)
    expect(await refresh(scene)).toBe('on')
  })

  it('up to a record that is still being written, and over it once it is whole', async () => {
    const scene = await begin()
    const { processes, writer } = scene
    const path = journalOf(processes)
    const before = processes.disk.snapshotBytes(path)
    await commit(writer, 30, 3)
    await commit(writer, 40, 3)
    const whole = processes.disk.snapshotBytes(path)
    for (const length of [before.length + 1, before.length + 20, whole.length - 1]) {
      overwrite(processes, path, whole.subarray(0, length))
      expect(await refresh(scene)).toBe('on')
    }
    overwrite(processes, path, whole)
    expect(await refresh(scene)).toBe('on')
    expect(await timesOf(scene.reader.db, 'a')).toHaveLength(31)
  })
})

describe('a refresh loads anew', () => {
  it('where the file of the newest record was retired', async () => {
    const scene = await begin()
    const { writer } = scene
    await writer.flusher.flushAll()
    expect(await retireOldest(writer.engine)).toBe(true)
    expect(await refresh(scene)).toBe('anew')
    await commit(writer, 30, 3)
    expect(await refresh(scene)).toBe('on')
  })

  it('where the newest record was cut back, and another one stands in its place', async () => {
    const [scene, other] = [await begin(), await begin()]
    await commit(scene.writer, 30, 3)
    expect(await refresh(scene)).toBe('on')
    // As if the append had failed when all of it was written: the same length, the same number.
    await commit(other.writer, 60, 3)
    const path = journalOf(scene.processes)
    expect(journalOf(other.processes)).toBe(path)
    const written = scene.processes.disk.snapshotBytes(path)
    const replaced = other.processes.disk.snapshotBytes(path)
    expect(replaced).toHaveLength(written.length)
    overwrite(scene.processes, path, replaced)
    expect(await refresh(scene)).toBe('anew')
    expect(await timesOf(scene.reader.db, 'a')).toEqual([...numbers(1, 25), 60, 61, 62])
    overwrite(scene.processes, path, written)
  })

  it('and reads nothing behind such a record', async () => {
    const [scene, other] = [await begin(), await begin()]
    await commit(scene.writer, 30, 3)
    expect(await refresh(scene)).toBe('on')
    await commit(other.writer, 60, 3)
    await commit(other.writer, 70, 3)
    const path = journalOf(scene.processes)
    const written = scene.processes.disk.snapshotBytes(path)
    overwrite(scene.processes, path, other.processes.disk.snapshotBytes(path))
    expect(await refresh(scene)).toBe('anew')
    expect(await timesOf(scene.reader.db, 'a')).toEqual([...numbers(1, 25), 60, 61, 62, 70, 71, 72])
    overwrite(scene.processes, path, written)
  })

  it('where the newest record was appended to the next file instead', async () => {
    const scene = await begin()
    const { processes, writer } = scene
    const path = journalOf(processes)
    await commit(writer, 30, 3)
    expect(await refresh(scene)).toBe('on')
    // The append had failed, and could not be cut off: the next file begins with its number.
    const other = await begin()
    other.writer.engine.journal!.roll()
    await commit(other.writer, 60, 3)
    const next = journalOf(other.processes)
    const file = processes.disk.openNow(next, 'create')
    file.writeNow(other.processes.disk.snapshotBytes(next), 0)
    file.closeNow()
    expect(next).not.toBe(path)
    expect(await refresh(scene)).toBe('anew')
    expect(await timesOf(scene.reader.db, 'a')).toEqual([...numbers(1, 25), 60, 61, 62])
    await processes.disk.remove(next)
  })

  it('where a record behind it is damaged, and tells what an opening tells', async () => {
    const scene = await begin()
    const { processes, writer, reader } = scene
    const shown = stateOf(reader.engine)
    const path = journalOf(processes)
    const { length } = processes.disk.snapshotBytes(path)
    await commit(writer, 30, 3)
    await commit(writer, 40, 3)
    processes.disk.corrupt(path, length + 30, 0xff)
    await expect(reader.db.refresh()).rejects.toMatchObject({ code: 'CORRUPTION' })
    expect(stateOf(reader.engine)).toBe(shown)
    processes.disk.corrupt(path, length + 30, 0xff)
    // All was looked at in vain: the next one reads all.
    expect(await refresh(scene)).toBe('anew')
  })

  it('where the writer has closed, died, or was taken over', async () => {
    for (const end of ['close', 'die', 'take over'] as const) {
      const scene = await begin()
      const { processes, writer } = scene
      if (end === 'close') await processes.close(writer)
      if (end === 'die') {
        await commit(writer, 30, 3)
        processes.abandon(writer)
      }
      if (end === 'take over') await processes.open({ takeover: true })
      expect(await refresh(scene)).toBe('anew')
      processes.abandon(writer)
      const next = await processes.open({ takeover: true })
      await commit(next, 100, 3)
      expect(await refresh(scene)).toBe('anew')
      await commit(next, 110, 3)
      expect(await refresh(scene)).toBe('on')
    }
  })

  it('where a sync has failed, since recovery may read less then', async () => {
    const scene = await begin()
    writeUnsyncedMark(scene.processes.disk, DIRECTORY, 1)
    await commit(scene.writer, 30, 3)
    expect(await refresh(scene)).toBe('anew')
    await commit(scene.writer, 40, 3)
    expect(await refresh(scene)).toBe('anew')
  })

  it('where the writer runs on another machine, or another run of it: what a power loss took is for recovery to judge', async () => {
    const { processes, writer } = await begin()
    const identity = { host: 'there', bootId: 'another', pidNamespace: '', pid: 7, startTime: '7' }
    const reader = await processes.open(READ_ONLY, { environment: { identity } })
    await commit(writer, 30, 3)
    expect(await refresh({ processes, reader })).toBe('anew')
  })

  it('where its registration was removed', async () => {
    const scene = await begin()
    const { processes, reader, writer } = scene
    await processes.disk.remove(`${DIRECTORY}/${reader.engine.reader!.registration!}`)
    await commit(writer, 30, 3)
    expect(await refresh(scene)).toBe('anew')
  })

  it('where anything that it reads fails: one failure is never an error', async () => {
    let [anew, nth] = [0, 0]
    for (let struck = true; struck;) {
      let faults: FaultyFileSystem | undefined
      const scene = await begin((disk) => (faults = new FaultyFileSystem(disk)))
      await commit(scene.writer, 30, 3)
      await scene.writer.flusher.flushAll()
      const rule = faults!.addRule({
        path: /journal|manifest|segments|LEASE|UNSYNCED/,
        nth: ++nth,
        fault: { code: 'EIO' },
      })
      const way = await scene.reader.engine.reader!.refresh()
      struck = faults!.struck(rule) > 0
      faults!.clearRules()
      expect(await refresh(scene)).toBe('same')
      if (struck && way === 'anew') anew++
      if (!struck) expect(way).toBe('on')
    }
    expect(anew).toBeGreaterThan(5)
  })
})

it('a close while it reads on is what the refresh tells', async () => {
  const closing: Promise<void>[] = []
  let isArmed = false
  const scene = await begin(
    (disk) =>
      new GatedFileSystem(disk, (kind, path) => {
        if (isArmed && kind === 'stat' && path.includes('UNSYNCED'))
          closing.push(scene.reader.db.close({ force: true }))
      }),
  )
  await commit(scene.writer, 30, 3)
  isArmed = true
  await expect(scene.reader.db.refresh()).rejects.toMatchObject({ code: 'CLOSED' })
  await Promise.all(closing)
  expect([closing.length, scene.processes.registrations]).toEqual([1, []])
})
