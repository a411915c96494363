// Looking after it: stats and verify (api.md 8 and 10, Reports).

import { describe, expect, it } from 'vitest'
import { open } from '../../../src/database/public.ts'
import { verify } from '../../../src/database/verify/directory.ts'
import { CorruptionError, NotADatabaseError, ValidationError } from '../../../src/errors.ts'
import { openStore } from '../../support/open-store.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { errorOf, expectError, expectRefused, wrong } from '../../support/refused.ts'
import { pressureWriter, VITALS, writePressure } from '../../support/vitals.ts'

const MANY = BigInt64Array.from({ length: 20_000 }, (_, i) => BigInt(i))

describe('stats', () => {
  it('tells samples, domains and bytes of each channel, wherever they lie', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3)
    await writePressure(store.db, 10)
    await store.db.delete('pressure', { start: 2n, end: 3n })
    const expected = {
      time: { samples: 4, domains: 2, bytes: 32 },
      pressure: { samples: 3, domains: 3, bytes: 24 },
      count: { samples: 0, domains: 0, bytes: 0 },
      valve: { samples: 0, domains: 0, bytes: 0 },
      slow: { samples: 0, domains: 0, bytes: 0 },
      state: { samples: 0, domains: 0, bytes: 0 },
    }
    expect((await store.db.stats()).channels).toEqual(expected)
    expect((await (await store.kill()).stats()).channels).toEqual(expected)
    expect((await (await store.reopen()).stats()).channels).toEqual(expected)
  })

  // 0001-I5
  it('tells live, dead and total bytes of each segment: together the file', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time'])
    await writer.write({ time: MANY })
    await store.db.delete('time', { end: 5000n })
    const { segments } = await store.db.stats()
    expect(segments).toHaveLength(1)
    const [{ name, live, dead, total }] = segments as [(typeof segments)[number]]
    expect(total).toBe(store.disk.snapshotBytes(`${store.directory}/${name}`).length)
    expect(live + dead).toBe(total - 64)
    expect(dead / (live + dead)).toBeCloseTo(0.25, 3)
  })

  it('tells memory, the log, what is open, the last collection; no recovery after a clean close', async () => {
    const store = await openStore({ channels: VITALS, memoryBudget: 2 ** 20 })
    const { write } = await pressureWriter(store.db)
    const before = await store.db.stats()
    await write(1)
    store.db.snapshot()
    const stats = await store.db.stats()
    expect(stats.memory.budget).toBe(2 ** 20)
    expect(stats.memory.held).toBeGreaterThan(0)
    expect(stats.log.bytes).toBeGreaterThan(before.log.bytes)
    expect(stats.open).toEqual({ writers: 1, iterators: 0, streamers: 0, snapshots: 1 })
    expect(stats.readers).toEqual([])
    expect(stats.gc).toBeUndefined()
    expect(stats.failed).toBeUndefined()
    const report = await store.db.gc()
    const { gc } = await store.db.stats()
    expect(gc).toEqual({ at: expect.stringMatching(/^\d{4}-.*Z$/), report })
    await store.reopen()
    expect((await store.db.stats()).memory.held).toBe(0)
    expect((await store.db.stats()).recovery?.cut).toBeUndefined()
  })

  it('tells the same bytes of the log as a read-only process: with the manifest that it began with', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1, 2, 3)
    await store.reopen()
    const reader = await store.openAlso({ readOnly: true })
    const { bytes } = (await store.db.stats()).log
    expect(bytes).toBe((await reader.stats()).log.bytes)
    const logs = store.disk.files().filter((path) => /\/(journal|manifest)\//.test(path))
    expect(bytes).toBe(logs.reduce((sum, path) => sum + store.disk.snapshotBytes(path).length, 0))
    await reader.close()
  })

  it('tells what recovery cut', async () => {
    const store = await openStore({ channels: VITALS })
    await writePressure(store.db, 1)
    await store.kill()
    const { recovery } = await store.db.stats()
    expect(recovery).toMatchObject({ crashed: true })
    expect(recovery?.cut).toBeUndefined()
    expect(JSON.parse(JSON.stringify(recovery))).toEqual(recovery)
  })

  it('survives JSON.stringify, with the names of objects too', async () => {
    const { db } = await openStore()
    await db.channels.create({ name: '__proto__', kind: 'index' })
    const writer = await db.openWriter(['__proto__'])
    await writer.write(JSON.parse('{ "__proto__": "2024-01-01T00:00:00Z" }') as never)
    await db.gc()
    const stats = await db.stats()
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats)
    expect(Object.entries(stats.channels)).toEqual([['__proto__', { samples: 1, domains: 1, bytes: 8 }]])
  })
})

describe('verify', () => {
  it('finds nothing wrong with what is sound, at any time', async () => {
    const store = await openStore({ channels: VITALS })
    expect(await store.db.verify()).toEqual({ ok: true, problems: [] })
    const { write } = await pressureWriter(store.db)
    await Promise.all([
      write(1),
      store.db.verify(),
      write(2),
      store.db.delete('pressure', {}),
      store.db.verify(),
    ])
    expect(await (await store.reopen()).verify()).toEqual({ ok: true, problems: [] })
  })

  // 0001-I4
  it('names file, offset and channel of damage, and never throws for it; the read of that block does', async () => {
    const store = await openStore({ channels: VITALS }, { verify: false })
    const writer = await store.db.openWriter(['time', 'pressure'])
    await writer.write({ time: MANY, pressure: Float64Array.from(MANY, Number) })
    await store.reopen()
    const { name } = (await store.db.stats()).segments[0]!
    const path = `${store.directory}/${name}`
    store.disk.corrupt(path, store.disk.snapshotBytes(path).length - 100_000, 0x10)
    const { ok, problems } = await store.db.verify()
    expect(ok).toBe(false)
    expect(problems[0]).toMatchObject({
      what: expect.any(String),
      channel: expect.stringMatching(/time|pressure/),
    })
    expect(problems.some(({ file }) => file?.includes(name))).toBe(true)
    expect(JSON.parse(JSON.stringify(problems))).toEqual(problems)
    const channel = problems[0]!.channel as 'time'
    const error = await expectError(() => store.db.read(channel), CorruptionError, { code: 'CORRUPTION' })
    expect(error.file).toContain(name)
    expect(error.offset).toBeGreaterThan(64)
    // Whatever needs none of those bytes goes on.
    expect((await store.db.read(channel, { end: 1000n })).count(channel)).toBe(1000)
    expect(await store.db.count(channel)).toEqual({ [channel]: MANY.length })
    expect(await (await store.openAlso({ readOnly: true })).verify()).toMatchObject({ ok: false })
  })

  it('names a segment that is gone', async () => {
    const store = await openStore({ channels: VITALS }, { verify: false })
    const writer = await store.db.openWriter(['time'])
    await writer.write({ time: MANY })
    await store.db.close({ force: true })
    for (const path of store.disk.files()) if (path.includes('/segments/')) await store.disk.remove(path)
    const outcome = await store.reopen().then(
      async (db) => (await db.verify()).ok,
      (error: unknown) => error,
    )
    expect(outcome === false || outcome instanceof CorruptionError).toBe(true)
  })

  it('reports progress and obeys a signal', async () => {
    const store = await openStore({ channels: VITALS })
    const writer = await store.db.openWriter(['time', 'slow'])
    await writer.write({ time: MANY, slow: MANY })
    const seen: string[] = []
    await store.db.verify({ onProgress: ({ done, total }) => seen.push(`${done}/${total}`) })
    expect(seen).toEqual(['1/2', '2/2'])
    const reason = new Error('enough')
    expect(await errorOf(() => store.db.verify({ signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it.each([null, { deep: true }, { signal: 1 }, { signal: null }, { onProgress: 1 }, { onProgress: null }])(
    'refuses %o',
    async (options) => {
      const { db } = await openStore()
      await expectRefused(db, () => db.verify(wrong(options)), ValidationError)
    },
  )

  it('of a directory works on what is closed, open, or no database', async () => {
    const directory = temporaryDirectory()
    await expectError(() => verify(directory), NotADatabaseError)
    await expectError(() => verify(`${directory}/nothing`), NotADatabaseError)
    {
      await using db = await open(directory, { channels: VITALS })
      await writePressure(db, 1, 2, 3)
      expect(await verify(directory)).toEqual({ ok: true, problems: [] })
    }
    expect(await verify(directory)).toEqual({ ok: true, problems: [] })
    await expectError(() => open(`${directory}/nothing`, { readOnly: true }), NotADatabaseError)
    for (const wrongly of [
      () => verify(wrong(5)),
      () => verify(directory, wrong({ deep: true })),
      () => verify(directory, wrong(null)),
    ]) {
      await expectError(wrongly, ValidationError)
    }
  })
})
