// The pitfalls of the log and the disk, by name: what was proven, what may be believed, what may be
// destroyed. Each is played on a simulated disk that forgets what was not synced.

import { describe, expect, it } from 'vitest'
import { CorruptionError, StorageError } from '../../src/errors.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { begin, createGroup, numbers, rows, Stage, timesOf } from './stage.ts'
import type { Actor } from './stage.ts'

const SMALL = { journalFileSize: 2048, inlineLimit: 1024 }
const SEEDS = [0, 1, 2, 3, 4, 5]

function filesIn(disk: MemoryFileSystem, folder: string): string[] {
  return disk.files().filter((path) => path.startsWith(`/data/${folder}/`))
}

describe('proven too much', () => {
  // 0005-I1
  it('a sync proves what was noted before it began, not what was appended meanwhile', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    const gate = stage.hold(/^sync \/data\/segments/)
    const first = writer.write(rows(1, 500))
    await gate.reached
    const noted = engine.lastLsn
    const second = writer.write(rows(1000, 500))
    const seen: number[] = []
    const both = Promise.all([
      first.then(() => seen.push(engine.syncer.proven)),
      second.then(() => seen.push(engine.syncer.proven)),
    ])
    gate.open()
    await both
    expect(seen).toEqual([noted, noted + 1])
    const next = await stage.losePower(0)
    expect(await next.db.count('a')).toEqual({ a: 1000 })
  })

  it.each(SEEDS)(
    'a record whose bytes a power loss took is cut off, what was proven stays (seed %i)',
    async (seed) => {
      const stage = new Stage({ durability: 'batched' }, SMALL)
      const { db } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, 500))
      await db.sync()
      for (let i = 0; i < 5; i++) await writer.write(rows(1000 + 1000 * i, 200))
      const next = await stage.losePower(seed)
      const times = await timesOf(next.db, 'a')
      expect(times.slice(0, 500)).toEqual(numbers(1, 500))
      expect((times.length - 500) % 200).toBe(0)
      expect((await next.db.verify()).problems).toEqual([])
    },
  )
})

describe('rightly destroyed', () => {
  // 0001-I7
  it.each(SEEDS)(
    'bytes that a later record freed are not missed: the delete stays (seed %i)',
    async (seed) => {
      const stage = new Stage({ durability: 'strict' })
      const { db, flusher } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, 100))
      await flusher.flushAll()
      await db.delete(['time', 'a'], {})
      expect((await db.gc({ threshold: 0 })).segmentsRemoved).toBe(1)
      expect(filesIn(stage.disk, 'segments')).toEqual([])
      const next = await stage.losePower(seed)
      expect(await next.db.count(['time', 'a'])).toEqual({ time: 0, a: 0 })
    },
  )
})

describe('a gap under an acknowledged record', () => {
  // 0005-I7
  it('what recovery believed after a kill is on the disk before the next epoch acknowledges', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 1; i <= 5; i++) await writer.write(rows(i, 1))
    await writer.write(rows(100, 300))
    const second = await stage.kill()
    const strict = await second.db.openWriter({ channels: ['time', 'a'], durability: 'strict' })
    await strict.write(rows(1000, 1))
    const third = await stage.losePower(0)
    expect(await timesOf(third.db, 'a')).toEqual([...numbers(1, 5), ...numbers(100, 399), 1000])
  })

  it('files before the one that is written to are synced too, oldest first', async () => {
    const stage = new Stage({}, { ...SMALL, journalFileSize: 1024 })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 1; i <= 60; i++) await writer.write(rows(i, 1))
    expect(engine.journal?.files.length).toBeGreaterThan(3)
    await writer.close()
    const strict = await db.openWriter({ channels: ['time', 'a'], start: 1000n, durability: 'strict' })
    await strict.write(rows(1000, 1))
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual([...numbers(1, 60), 1000])
  })
})

describe('a synced file that nobody finds', () => {
  it('names are synced before the first acknowledgement, of the database, of segments and of journal files', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { db } = await stage.open()
    await createGroup(db, 'time', ['a'])
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 1))
    const second = await stage.losePower(0)
    expect(await timesOf(second.db, 'a')).toEqual([1])
    const again = await second.db.openWriter(['time', 'a'])
    await again.write(rows(10, 500))
    for (let i = 0; i < 60; i++) await again.write(rows(1000 + i, 1))
    const third = await stage.losePower(0)
    expect(await timesOf(third.db, 'a')).toEqual([1, ...numbers(10, 509), ...numbers(1000, 1059)])
  })
})

describe('removed too early', () => {
  // 0005-I2
  it('opening removes no segment that only an unsynced record drops: the power may go at any operation', async () => {
    const stage = new Stage({})
    const { db, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 100))
    await flusher.flushAll()
    await db.sync()
    await db.delete(['time', 'a'], {})
    const gate = stage.hold(/^sync \/data\/journal/)
    void db.gc({ threshold: 0 }).catch(() => {})
    await gate.reached
    stage.die()
    const found = stage.disk
    let finished = false
    for (let n = 1; !finished; n++) {
      for (const seed of SEEDS.slice(0, 3)) {
        stage.disk = found.clone()
        stage.disk.cutPowerAt(n, seed)
        const opened = await stage.open().catch(() => undefined)
        finished = opened !== undefined && !stage.disk.isDead
        const { db: next } = await stage.losePower(seed)
        const counts = await next.count(['time', 'a'])
        expect([0, 100]).toContain(counts['time'])
        expect(counts['a']).toBe(counts['time'])
        if (counts['a'] === 100) expect(await timesOf(next, 'a')).toEqual(numbers(1, 100))
        expect((await next.verify()).problems).toEqual([])
        stage.die()
      }
    }
    expect(finished).toBe(true)
  })

  it.each(SEEDS)(
    'a journal file goes only when the record that flushed its commits is proven (seed %i)',
    async (seed) => {
      const stage = new Stage({ durability: 'strict' }, { ...SMALL, manifestSlack: 1 << 20 })
      const { db, engine, flusher } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      // The first retirement writes a checkpoint; the next ones append to it.
      await writer.write(rows(1, 1))
      await flusher.flushAll()
      while (await retireOldest(engine));
      await writer.write(rows(2, 5))
      engine.journal?.roll()
      await writer.write(rows(7, 5))
      await flusher.flushAll()
      expect(await retireOldest(engine)).toBe(true)
      const next = await stage.losePower(seed)
      expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 11))
    },
  )
})

describe('clean pages, old disk', () => {
  // 0005-I4
  it('after a failed sync writes are refused with the first failure, reads go on, nothing more is proven', async () => {
    const stage = new Stage({ durability: 'strict' })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    const { proven } = engine.syncer
    stage.fail({ kind: 'sync', path: /journal/, fault: { failSync: true, cleanPages: true } })
    await expect(writer.write(rows(6, 5))).rejects.toThrow(StorageError)
    await expect(writer.write(rows(11, 5))).rejects.toThrow(/Writes are refused/)
    await expect(db.sync()).rejects.toThrow(StorageError)
    await expect(db.delete(['time', 'a'], {})).rejects.toThrow(StorageError)
    expect(engine.syncer.proven).toBe(proven)
    expect((await timesOf(db, 'a')).slice(0, 5)).toEqual(numbers(1, 5))
    expect((await db.stats()).failed).toMatch(/A sync failed/)
    await expect(db.close({ force: true })).rejects.toThrow(StorageError)
  })

  it.each([{ size: 5 }, { size: 500 }])(
    'what is read from the page cache after a failed sync is written anew before it is built on ($size rows)',
    async ({ size }) => {
      const stage = new Stage({ durability: 'strict' }, SMALL)
      const { db } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, 5))
      stage.fail({ kind: 'sync', path: /journal|segments/, fault: { failSync: true, cleanPages: true } })
      await expect(writer.write(rows(6, size))).rejects.toThrow(StorageError)
      const second = await stage.kill()
      const believed = await timesOf(second.db, 'a')
      expect(believed).toEqual(numbers(1, 5 + size))
      const again = await second.db.openWriter(['time', 'a'])
      await again.write(rows(10_000, 1))
      const third = await stage.losePower(0)
      expect(await timesOf(third.db, 'a')).toEqual([...believed, 10_000])
    },
  )
})

describe('two syncs at once', () => {
  it('the second does not pass on pages that the first has lost', async () => {
    const stage = new Stage({ durability: 'strict' })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    stage.fail({ kind: 'sync', path: /journal/, fault: { failSync: true, cleanPages: true } })
    const gate = stage.hold(/^sync \/data\/journal/)
    const outcomes = [writer.write(rows(1, 1)), writer.write(rows(2, 1)), db.sync()].map((each) =>
      each.then(
        () => 'kept',
        (error: unknown) => (error as Error).name,
      ),
    )
    gate.open()
    expect(await Promise.all(outcomes)).toEqual(['StorageError', 'StorageError', 'StorageError'])
    expect(engine.syncer.failure).toBeInstanceOf(StorageError)
    await expect(db.close({ force: true })).rejects.toThrow(StorageError)
  })
})

describe('a short append, then a good one', () => {
  it.each([
    { what: 'cut off', truncates: true },
    { what: 'ended, and the next begins another file', truncates: false },
  ])('what a failed append left behind is $what', async ({ truncates }) => {
    const stage = new Stage()
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    stage.fail({ kind: 'write', path: /journal/, fault: { short: 40 } })
    stage.fail({ kind: 'write', path: /journal/, nth: 2, fault: { code: 'ENOSPC' } })
    if (!truncates) stage.fail({ kind: 'truncate', path: /journal/, fault: { code: 'EIO' } })
    await expect(writer.write(rows(6, 5))).rejects.toThrow(StorageError)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 5))
    expect(await writer.write(rows(6, 3))).toBe(true)
    expect(await timesOf(db, 'a')).toEqual(numbers(1, 8))
    await db.sync()
    const second = await stage.kill()
    expect(await timesOf(second.db, 'a')).toEqual(numbers(1, 8))
    const third = await stage.losePower(0)
    expect(await timesOf(third.db, 'a')).toEqual(numbers(1, 8))
  })
})

describe('a torn record in the middle of the chain', () => {
  /** Four journal files: each of the first three ends with the first bytes of a record that was refused. */
  async function begun(stage: Stage): Promise<{ actor: Actor; expected: number[] }> {
    const actor = await begin(stage)
    const writer = await actor.db.openWriter(['time', 'a'])
    for (let i = 0; i < 3; i++) {
      await writer.write(rows(1 + 10 * i, 5))
      stage.faults.clearRules()
      stage.fail({ kind: 'write', path: /journal/, fault: { short: 24 } })
      stage.fail({ kind: 'write', path: /journal/, nth: 2, fault: { code: 'EIO' } })
      stage.fail({ kind: 'truncate', path: /journal/, fault: { code: 'EIO' } })
      await expect(writer.write(rows(6 + 10 * i, 1))).rejects.toThrow(StorageError)
    }
    stage.faults.clearRules()
    await writer.write(rows(100, 1))
    expect(actor.engine.journal?.files.length).toBe(4)
    return { actor, expected: [...numbers(1, 5), ...numbers(11, 15), ...numbers(21, 25), 100] }
  }

  // 0005-I4
  it('is no damage where the next file says so', async () => {
    const stage = new Stage()
    const { expected } = await begun(stage)
    const next = await stage.kill()
    expect(await timesOf(next.db, 'a')).toEqual(expected)
  })

  it('hides nothing that was proven behind it from a power loss', async () => {
    const stage = new Stage()
    const { actor, expected } = await begun(stage)
    await actor.db.sync()
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual(expected)
  })

  it('is damage where the file that goes on behind it is gone', async () => {
    const stage = new Stage()
    const { actor } = await begun(stage)
    await actor.db.sync()
    stage.die()
    await stage.disk.remove(filesIn(stage.disk, 'journal').at(-2)!)
    await expect(stage.open()).rejects.toThrow(CorruptionError)
  })
})

describe('a full disk', () => {
  it.each(['journal', 'segments'])(
    'is the error of the contract, loses nothing, and can be written to again: %s',
    async (folder) => {
      const stage = new Stage({}, SMALL)
      const { db } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, 5))
      await writer.write(rows(10, 200))
      const rule = stage.fail({
        kind: ['write', 'create'],
        path: new RegExp(folder),
        times: Infinity,
        fault: { code: 'ENOSPC' },
      })
      const size = folder === 'journal' ? 5 : 200
      await expect(writer.write(rows(1000, size))).rejects.toThrow(StorageError)
      await expect(writer.write(rows(1000, size))).rejects.toMatchObject({ code: 'STORAGE' })
      expect(await timesOf(db, 'a')).toEqual([...numbers(1, 5), ...numbers(10, 209)])
      stage.faults.removeRule(rule)
      expect(await writer.write(rows(1000, size))).toBe(true)
      const next = await stage.reopen()
      expect(await timesOf(next.db, 'a')).toEqual([
        ...numbers(1, 5),
        ...numbers(10, 209),
        ...numbers(1000, 999 + size),
      ])
    },
  )

  it('a flush that finds the disk full wakes those who wait for memory, and keeps the tails', async () => {
    const stage = new Stage({ memoryBudget: 1 << 20 }, { inlineLimit: 1 << 16 })
    const { db, engine } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    const rule = stage.fail({
      kind: ['write', 'create'],
      path: /segments/,
      times: Infinity,
      fault: { code: 'ENOSPC' },
    })
    let written = 0
    let failure: unknown
    while (failure === undefined && written < 1000) {
      await writer.write(rows(1 + written * 1000, 1000)).then(
        () => written++,
        (error: unknown) => (failure = error),
      )
    }
    expect(failure).toBeInstanceOf(StorageError)
    expect(await db.count('a')).toEqual({ a: written * 1000 })
    // A flush that is still failing would wake the next who waits.
    await stage.settled(engine)
    stage.faults.removeRule(rule)
    for (let i = 0; i < 100; i++) expect(await writer.write(rows(1 + (written + i) * 1000, 1000))).toBe(true)
    expect(await db.count('a')).toEqual({ a: (written + 100) * 1000 })
  })
})

describe('checkpoint and retirement at once', () => {
  it('nothing is retired while a checkpoint is written, and nothing is lost after it', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { db, engine, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    await flusher.flushAll()
    const gate = stage.hold(/^write \/data\/manifest/)
    const checkpoint = checkpointNow(engine)
    await gate.reached
    await writer.write(rows(6, 5))
    await db.delete('a', { start: 2n, end: 4n })
    await flusher.flushAll()
    engine.journal?.roll()
    await writer.write(rows(20, 5))
    const files = filesIn(stage.disk, 'journal')
    const retired = retireOldest(engine)
    await db.channels.create({ name: 'late', kind: 'index' })
    expect(filesIn(stage.disk, 'journal')).toEqual(files)
    gate.open()
    await checkpoint
    expect(await retired).toBe(true)
    expect(filesIn(stage.disk, 'journal').length).toBeLessThan(files.length)
    const next = await stage.losePower(0)
    expect(await timesOf(next.db, 'a')).toEqual([1, ...numbers(4, 10), ...numbers(20, 24)])
    expect(next.db.channels.find('late')?.kind).toBe('index')
  })
})

describe('a false gap', () => {
  it('a retired file whose last record was a commit leaves no gap behind', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { db, engine, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    for (let round = 0; round < 4; round++) {
      await db.channels.create({ name: `extra${round}`, kind: 'index' })
      await writer.write(rows(1 + 10 * round, 3))
      engine.journal?.roll()
      await flusher.flushAll()
      expect(await retireOldest(engine)).toBe(true)
      const next = await new Stage().adopt(stage.disk.afterPowerLoss(0, {}))
      expect(await next.db.count('a')).toEqual({ a: 3 * (round + 1) })
      expect(next.db.channels.list()).toHaveLength(3 + round)
    }
  })
})

describe('a torn archive is no damage', () => {
  // 0005-I5
  it('while the journal still holds all of it: power lost in the middle of a retirement, and after it', async () => {
    const stage = new Stage({ durability: 'strict' }, SMALL)
    const { db, engine, flusher } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    await flusher.flushAll()
    expect(await retireOldest(engine)).toBe(true)
    await writer.write(rows(6, 5))
    await db.delete('a', { start: 2n, end: 4n })
    await flusher.flushAll()
    engine.journal?.roll()
    const before = stage.disk
    let states = 0
    const gate = stage.hold(/^(write|sync) \/data\/manifest|^remove \/data\/journal/)
    const retired = retireOldest(engine)
    await gate.reached
    for (const seed of SEEDS) {
      const next = await new Stage().adopt(before.afterPowerLoss(seed, {}))
      expect(await timesOf(next.db, 'a')).toEqual([1, ...numbers(4, 10)])
      states++
    }
    gate.open()
    expect(await retired).toBe(true)
    for (const seed of SEEDS) {
      const next = await new Stage().adopt(before.afterPowerLoss(seed, {}))
      expect(await timesOf(next.db, 'a')).toEqual([1, ...numbers(4, 10)])
      states++
    }
    expect(states).toBe(2 * SEEDS.length)
  })
})

describe('an old clean mark', () => {
  it('contradicts no later crash', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    const second = await stage.reopen()
    expect((await second.db.stats()).recovery).toMatchObject({ crashed: false })
    const again = await second.db.openWriter(['time', 'a'])
    await again.write(rows(6, 5))
    const third = await stage.kill()
    expect((await third.db.stats()).recovery).toMatchObject({ crashed: true })
    expect(await timesOf(third.db, 'a')).toEqual(numbers(1, 10))
  })

  it('does not miss what was rightly retired after it', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    const second = await stage.reopen()
    const again = await second.db.openWriter(['time', 'a'])
    await again.write(rows(6, 5))
    await second.flusher.flushAll()
    while (await retireOldest(second.engine));
    const third = await stage.losePower(0)
    expect(await timesOf(third.db, 'a')).toEqual(numbers(1, 10))
  })

  it.each([{ size: 5 }, { size: 200 }])(
    'a clean close leaves no journal, also where all of a tail was deleted ($size rows)',
    async ({ size }) => {
      const stage = new Stage({}, SMALL)
      const { db } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, size))
      await db.delete(['time', 'a'], {})
      const second = await stage.reopen()
      expect((await second.db.stats()).recovery).toMatchObject({ crashed: false, records: 0 })
      expect(await second.db.count('a')).toEqual({ a: 0 })
    },
  )

  it('a log that is shorter than the mark says is damage', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    await db.close({ force: true })
    stage.goDark(1)
    const [manifest] = filesIn(stage.disk, 'manifest')
    const file = stage.disk.openNow(manifest!, 'write')
    file.truncateNow(file.sizeNow() - 8)
    file.closeNow()
    await expect(stage.open()).rejects.toThrow(CorruptionError)
  })
})

describe('the journal is bounded', () => {
  it.each([{ size: 5 }, { size: 200 }])(
    'also where what it holds was deleted before it was flushed ($size rows)',
    async ({ size }) => {
      const stage = new Stage({}, { ...SMALL, journalLimit: 8192 })
      const { db, engine } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      for (let i = 0; i < 300; i++) {
        await writer.write(rows(1 + i * 1000, size))
        await db.delete(['time', 'a'], {})
      }
      await stage.settled(engine)
      expect(engine.journal?.size).toBeLessThan(2 * 8192)
      const next = await stage.kill()
      expect(await next.db.count('a')).toEqual({ a: 0 })
    },
  )
})

describe('sound bytes in the wrong place', () => {
  async function twoSegments(stage: Stage): Promise<Actor> {
    const actor = await begin(stage)
    const writer = await actor.db.openWriter(['time', 'a'])
    await writer.write(rows(1, 100))
    await actor.flusher.flushAll()
    for (const segment of actor.engine.segments.all()) actor.engine.segments.seal(segment)
    await writer.write(rows(101, 100))
    return actor
  }

  // 0002-I3
  it('files that were exchanged are damage', async () => {
    const stage = new Stage()
    const { db } = await twoSegments(stage)
    await db.close({ force: true })
    stage.goDark(1)
    const [one, two] = filesIn(stage.disk, 'segments')
    exchange(stage.disk, one!, two!, 0)
    const next = await stage.open()
    await expect(next.db.read('a', {})).rejects.toThrow(CorruptionError)
    const report = await next.db.verify()
    expect(report.ok).toBe(false)
    expect(report.problems[0]?.file).toMatch(/segments/)
    await next.db.close()
  })

  // 0002-I1
  it('pages that were swapped are damage', async () => {
    const stage = new Stage()
    const { db } = await twoSegments(stage)
    await db.close({ force: true })
    stage.goDark(1)
    const [one, two] = filesIn(stage.disk, 'segments')
    exchange(stage.disk, one!, two!, 64)
    const next = await stage.open()
    await expect(next.db.read('a', {})).rejects.toThrow(CorruptionError)
    expect((await next.db.verify()).ok).toBe(false)
    await next.db.close()
  })

  /** Puts the bytes from `offset` on of each file into the other. */
  function exchange(disk: MemoryFileSystem, one: string, two: string, offset: number): void {
    const [a, b] = [disk.snapshotBytes(one), disk.snapshotBytes(two)]
    for (const [path, bytes] of [
      [one, b],
      [two, a],
    ] as const) {
      const file = disk.openNow(path, 'write')
      file.writeNow(bytes.subarray(offset), offset)
      file.truncateNow(bytes.length)
      file.closeNow()
    }
  }
})

describe('replay below the checkpoint', () => {
  // 0003-I1, 0001-I11
  it.each([{ size: 5 }, { size: 200 }])(
    'a delete below the checkpoint cuts the tail again ($size rows)',
    async ({ size }) => {
      const stage = new Stage({}, SMALL)
      const { db, engine } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, size))
      await db.delete('a', { start: 2n, end: 4n })
      await db.delete(['time', 'a'], { start: 5n, end: 6n })
      await checkpointNow(engine)
      await writer.write(rows(1000, 2))
      const expected = [1, 4, ...numbers(6, size), 1000, 1001]
      const before = (await db.read('a', {})).series('a').map(({ length }) => length)
      const next = await stage.kill()
      expect(await timesOf(next.db, 'a')).toEqual(expected)
      expect((await next.db.read('a', {})).series('a').map(({ length }) => length)).toEqual(before)
      expect(await timesOf(next.db, 'time', true)).toEqual([
        ...numbers(1, 4),
        ...numbers(6, size),
        1000,
        1001,
      ])
    },
  )
})

describe('the wrong boot', () => {
  it('an opener that died before its first record does not make an honest torn end damage', async () => {
    const stage = new Stage({}, SMALL)
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    for (let i = 0; i < 8; i++) await writer.write(rows(1 + i * 10, 5))
    let opened = 0
    const left = [1, 2, 3, 4].map((seed) => stage.disk.afterPowerLoss(seed))
    stage.goDark(0)
    for (const disk of left) {
      for (let n = 1; ; n++) {
        stage.disk = disk.clone()
        stage.disk.killAt(n, n)
        const first = await stage.open().catch(() => undefined)
        const finished = first !== undefined && !stage.disk.isDead
        const next = await stage.kill()
        const times = await timesOf(next.db, 'a')
        expect(times.length % 5).toBe(0)
        opened++
        stage.die()
        if (finished) break
      }
    }
    expect(opened).toBeGreaterThan(40)
  })
})

describe('rot taken for a tear', () => {
  async function rotten(stage: Stage): Promise<void> {
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    await writer.write(rows(6, 5))
  }

  function rot(disk: MemoryFileSystem): void {
    const path = filesIn(disk, 'journal').at(-1)!
    disk.corrupt(path, disk.snapshotBytes(path).length - 20, 1)
  }

  it('damage in the last record after a kill is damage: the page cache does not tear', async () => {
    const stage = new Stage()
    await rotten(stage)
    stage.die()
    rot(stage.disk)
    await expect(stage.open()).rejects.toThrow(CorruptionError)
  })

  it('after a power loss it is cut off, and reported', async () => {
    const stage = new Stage()
    await rotten(stage)
    stage.goDark(1)
    rot(stage.disk)
    const next = await stage.open()
    expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 5))
    const { recovery } = await next.db.stats()
    expect(recovery).toMatchObject({ crashed: true, cut: { records: 0 } })
    expect(recovery?.cut?.bytes).toBeGreaterThan(0)
  })

  // 0005-I3
  it('damage below the proven mark is damage, whatever happened', async () => {
    const stage = new Stage({ durability: 'strict' })
    const { db } = await begin(stage)
    const writer = await db.openWriter(['time', 'a'])
    await writer.write(rows(1, 5))
    await writer.write(rows(6, 5))
    stage.goDark(1)
    const path = filesIn(stage.disk, 'journal').at(-1)!
    stage.disk.corrupt(path, 64 + 40, 1)
    await expect(stage.open()).rejects.toThrow(CorruptionError)
  })

  it.each([0, 30])(
    'an incomplete last record after a kill is cut off (%i bytes of it there)',
    async (left) => {
      const stage = new Stage()
      const { db } = await begin(stage)
      const writer = await db.openWriter(['time', 'a'])
      await writer.write(rows(1, 5))
      const path = filesIn(stage.disk, 'journal').at(-1)!
      const { length } = stage.disk.snapshotBytes(path)
      await writer.write(rows(6, 5))
      stage.die()
      const file = stage.disk.openNow(path, 'write')
      file.truncateNow(length + left)
      file.closeNow()
      const next = await stage.open()
      expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 5))
    },
  )
})
