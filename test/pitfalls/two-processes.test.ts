// The pitfalls of two processes, by name, as far as they are about the assembled engine: a holder that was
// given up for dead wakes and goes on. What the lease alone promises is in test/unit/lease.

import { describe, expect, it } from 'vitest'
import { LeaseLostError } from '../../src/errors.ts'
import { createGroup, numbers, rows, Stage, timesOf } from './stage.ts'
import type { Actor } from './stage.ts'

/** A holder with samples 1 to 10, flushed, and a writer, which others take for dead. */
async function stale(
  stage: Stage,
): Promise<Actor & { writer: Awaited<ReturnType<Actor['db']['openWriter']>> }> {
  const actor = await stage.open()
  await createGroup(actor.db, 'time', ['a'])
  const writer = await actor.db.openWriter(['time', 'a'])
  await writer.write(rows(1, 10))
  await actor.flusher.flushAll()
  await actor.db.sync()
  stage.forget()
  return { ...actor, writer }
}

describe('the stale holder', () => {
  // 0001-I8, 0005-I6
  it.each(['batched', 'strict'] as const)(
    'is not acknowledged once another has taken over (%s)',
    async (durability) => {
      const stage = new Stage({ durability })
      const old = await stale(stage)
      const taker = await stage.open()
      stage.elapsedMs += 1000
      await expect(old.writer.write(rows(11, 5))).rejects.toThrow(LeaseLostError)
      await expect(old.writer.write(rows(16, 5))).rejects.toThrow(LeaseLostError)
      await expect(old.db.delete(['time', 'a'], {})).rejects.toThrow(LeaseLostError)
      await expect(old.db.sync()).rejects.toThrow(LeaseLostError)
      expect((await timesOf(old.db, 'a')).slice(0, 10)).toEqual(numbers(1, 10))
      const writer = await taker.db.openWriter(['time', 'a'])
      await writer.write(rows(11, 2))
      expect(await timesOf(taker.db, 'a')).toEqual(numbers(1, 12))
      await old.db.close({ force: true }).catch(() => {})
      const next = await stage.kill()
      expect(await timesOf(next.db, 'a')).toEqual(numbers(1, 12))
    },
  )

  it('is told before it records anything, in any durability', async () => {
    const stage = new Stage({ durability: 'relaxed' })
    const old = await stale(stage)
    await stage.open()
    stage.elapsedMs += 1000
    const before = stage.disk.mutations
    await expect(old.writer.write(rows(11, 5))).rejects.toThrow(LeaseLostError)
    expect(await timesOf(old.db, 'a')).toEqual(numbers(1, 10))
    await expect(old.db.openWriter(['time', 'a'])).rejects.toThrow(LeaseLostError)
    await expect(old.db.gc()).rejects.toThrow(LeaseLostError)
    await stage.settled(old.engine)
    expect(stage.disk.mutations).toBe(before)
    await old.db.close({ force: true }).catch(() => {})
  })

  it('reads on, and finds itself sound', async () => {
    const stage = new Stage()
    const old = await stale(stage)
    const taker = await stage.open()
    stage.elapsedMs += 1000
    await taker.flusher.flushAll()
    expect(await timesOf(old.db, 'a')).toEqual(numbers(1, 10))
    expect((await old.db.verify()).problems).toEqual([])
    await old.db.close({ force: true }).catch(() => {})
  })

  it('does not call damage what its successor has removed', async () => {
    const stage = new Stage()
    const old = await stale(stage)
    const taker = await stage.open()
    stage.elapsedMs += 1000
    await taker.db.delete(['time', 'a'], {})
    await taker.db.gc({ threshold: 0 })
    await expect(old.db.read('a')).rejects.toThrow(LeaseLostError)
    await old.db.close({ force: true }).catch(() => {})
  })

  it('is no damage to a delete, which looked at the fence a moment ago, what its successor has punched', async () => {
    const stage = new Stage()
    const old = await stale(stage)
    await stage.open()
    const [path] = stage.disk.files().filter((each) => each.includes('/segments/'))
    const bytes = stage.disk.snapshotBytes(path!)
    const file = stage.disk.openNow(path!, 'write')
    file.writeNow(new Uint8Array(bytes.length - 64), 64)
    await expect(old.db.delete(['time', 'a'], { start: 3n, end: 6n })).rejects.toThrow(LeaseLostError)
    file.writeNow(bytes, 0)
    file.closeNow()
    await old.db.close({ force: true }).catch(() => {})
  })

  it('destroys nothing: it wakes in the middle of a collection, before the file goes', async () => {
    const stage = new Stage()
    const old = await stale(stage)
    await old.db.delete(['time', 'a'], { start: 1n, end: 6n })
    const gate = stage.hold(/^sync \/data\/journal\/000001/)
    const collected = old.db.gc({ threshold: 0 })
    await gate.reached
    const taker = await stage.open()
    const files = stage.disk.files()
    gate.open()
    await expect(collected).rejects.toThrow(LeaseLostError)
    expect(stage.disk.files()).toEqual(files)
    expect(await timesOf(taker.db, 'a')).toEqual(numbers(6, 10))
    expect((await taker.db.verify()).problems).toEqual([])
    await old.db.close({ force: true }).catch(() => {})
  })

  it('what it writes after the take-over is nothing to anyone', async () => {
    const stage = new Stage({ durability: 'relaxed' })
    const old = await stale(stage)
    const taker = await stage.open()
    const writer = await taker.db.openWriter({ channels: ['time', 'a'], durability: 'strict' })
    await writer.write(rows(100, 5))
    // The clock stands still: its last look covers it, as it would a commit of the same instant.
    await old.writer.write(rows(11, 5)).catch(() => false)
    await old.flusher.flushAll().catch(() => {})
    expect(await timesOf(taker.db, 'a')).toEqual([...numbers(1, 10), ...numbers(100, 104)])
    const next = await stage.losePower(1)
    expect(await timesOf(next.db, 'a')).toEqual([...numbers(1, 10), ...numbers(100, 104)])
  })
})
