// Each test is a sequence that the crash tests found, named for the fault that it showed.

import { describe, expect, it } from 'vitest'
import { StorageError } from '../../src/errors.ts'
import { attack, newTally } from './attack.ts'
import { courseOf } from './capture.ts'
import type { Crash } from './capture.ts'
import { Machine } from './machine.ts'
import { expectSound } from './sampled.ts'
import { Died, Session } from './session.ts'
import { RECOVERY, WORKLOADS } from './workloads.ts'

const DEFINITIONS = [
  { name: 't', kind: 'index' },
  { name: 'a', kind: 'data', type: 'float64', index: 't' },
] as const

/** Writes one strict commit to new channels. */
async function commitStrictly(session: Session): Promise<void> {
  await session.create(DEFINITIONS)
  const writer = await session.openWriter(['t', 'a'], { durability: 'strict' })
  await session.write(writer, session.rows(writer, 3))
  await session.closeWriter(writer)
}

async function openedText(machine: Machine): Promise<string> {
  const session = Session.on(machine)
  await session.open()
  const text = await session.text()
  await session.close()
  return text
}

describe('what the crash tests found', () => {
  it.each([1, 2, 3])(
    'folders that an opening made before it was killed at its change %i are durable before anything is acknowledged',
    async (n) => {
      const first = new Machine()
      first.disk.killAt(n, 1)
      await expect(Session.on(first).open()).rejects.toThrow(Died)
      const second = Session.on(first.after('kill', 0))
      await second.open()
      await commitStrictly(second)
      expect(await openedText(second.machine.after('power', 0))).toBe(second.history.text)
      await second.abandon()
    },
  )

  it('folders whose sync failed are synced by the next opening', async () => {
    const session = Session.on(Machine.faulty())
    const faults = session.machine.faults!
    const rule = faults.addRule({ kind: 'syncDirectory', nth: 1, fault: { code: 'EIO' } })
    session.hasBegun = () => faults.struck(rule) > 0
    expect(await session.open()).toBe(false)
    session.isOver = () => true
    expect(await session.open()).toBe(true)
    await commitStrictly(session)
    expect(await openedText(session.machine.after('power', 0))).toBe(session.history.text)
    await session.abandon()
  })

  it.each([
    ['remove', /CLEAN-/],
    ['syncDirectory', /journal$/],
  ] as const)('a close whose last %s fails says so with a StorageError', async (kind, path) => {
    const session = Session.on(Machine.faulty())
    await session.open()
    await commitStrictly(session)
    await session.flush()
    await session.retire()
    session.machine.faults!.addRule({ kind, path, fault: { code: 'EIO' }, times: Infinity })
    await expect(session.db.close()).rejects.toThrow(StorageError)
  })

  it('a journal that can be neither written nor cut back refuses everything with its first failure, and stats() say so', async () => {
    const session = Session.on(Machine.faulty())
    await session.open()
    await session.create(DEFINITIONS)
    const { db } = session
    const relaxed = await db.openWriter({ channels: ['t', 'a'], durability: 'relaxed' })
    await relaxed.write({ t: [1n], a: [1] })
    session.machine.faults!.addRule({
      kind: ['write', 'truncate'],
      path: /journal/,
      fault: { code: 'EIO' },
      times: 2,
    })
    await expect(db.channels.update('a', { unit: 'bar' })).rejects.toThrow('Cannot append')
    const { failed } = await db.stats()
    expect(failed).toContain('neither written nor cut back')
    await expect(relaxed.write({ t: [2n], a: [2] })).rejects.toThrow(failed!)
    await expect(db.sync()).rejects.toThrow(failed!)
    await expect(db.delete('a', {})).rejects.toThrow(failed!)
    expect(await db.count('a')).toEqual({ a: 1 })
    await expect(db.close({ force: true })).rejects.toThrow(failed!)
  })

  it.each([
    ['the journal', /journal/],
    ['a segment', /segments/],
  ])(
    'pages of %s that a failed sync left clean, and that the system lets go of, are taken for lost and not for rot',
    async (_, path) => {
      const session = Session.on(Machine.faulty())
      await session.open()
      await commitStrictly(session)
      const writer = await session.openWriter(['t', 'a'])
      await session.write(writer, session.rows(writer, 40))
      session.machine.faults!.addRule({ path, fault: { failSync: true, cleanPages: true } })
      await expect(session.db.sync()).rejects.toThrow('A sync failed')
      for (let seed = 0; seed < 12; seed++) {
        const machine = session.machine.afterEviction(seed)
        const next = Session.on(machine)
        await next.open()
        expect(session.history.find(await next.text(), 'power')).not.toBeTypeOf('string')
        await next.assertSound()
        next.assertNothingLeftOver()
        const found = await next.text()
        expect(await openedText(machine.after('power', 0))).toBe(found)
        await next.abandon()
      }
      await session.abandon()
    },
  )

  it.each(['EIO', 'EMFILE'])(
    'an extent that cannot be read in a recovery (%s) is not taken for lost: the opening is refused',
    async (code) => {
      const workload = RECOVERY.find(({ name }) => name === 'open after a power loss: relaxed commits')!
      const prepared = async (): Promise<Session> => {
        const session = Session.on(Machine.faulty(workload.options), workload.options)
        await workload.prepare(session)
        return session
      }
      const sound = await prepared()
      await sound.open()
      const expected = await sound.text()
      await sound.abandon()
      for (let nth = 1; ; nth++) {
        const session = await prepared()
        const faults = session.machine.faults!
        const rule = faults.addRule({ kind: ['open', 'read'], path: /segments/, nth, fault: { code } })
        session.hasBegun = () => faults.struck(rule) > 0
        const isOpen = await session.open()
        expect(isOpen).toBe(faults.struck(rule) === 0)
        if (!isOpen) await session.open()
        expect(await session.text()).toBe(expected)
        await session.abandon()
        if (isOpen) break
      }
    },
  )

  it('a sync that passes after one that failed proves nothing, and everything is refused with the first failure', async () => {
    const session = Session.on(Machine.faulty())
    await session.open()
    await commitStrictly(session)
    const { db, machine } = session
    machine.faults!.addRule({ path: /journal/, fault: { failSync: true, cleanPages: true } })
    const writer = await db.openWriter({
      channels: ['t', 'a'],
      durability: 'strict',
      start: 9_000_000_000_000_000_000n,
    })
    const row = { t: [9_000_000_000_000_000_001n], a: [1] }
    const first: unknown = await writer.write(row).catch((error: unknown) => error)
    expect(first).toBeInstanceOf(StorageError)
    for (const call of [
      () => writer.write({ t: [9_000_000_000_000_000_002n], a: [2] }),
      () => db.sync(),
      () => db.delete('a', {}),
      () => db.channels.rename('a', 'b'),
      () => db.gc({ threshold: 0 }),
    ])
      await expect(call()).rejects.toSatisfy((error: Error) => error === first || error.cause === first)
    expect(await db.count('a')).toEqual({ a: 4 })
    expect((await db.stats()).failed).toContain('A sync failed')
    // Only what was proven before is sure to be there: the commit was never acknowledged.
    expect(await openedText(machine.after('power', 0))).toBe(session.history.text)
    await db.close({ force: true }).catch(() => undefined)
  })

  it('the mark of a failed sync goes when the next epoch has begun', async () => {
    const session = Session.on(Machine.faulty())
    await session.open()
    await commitStrictly(session)
    session.machine.faults!.addRule({ kind: 'sync', path: /journal/, fault: { code: 'EIO' } })
    const writer = await session.openWriter(['t', 'a'])
    await session.write(writer, session.rows(writer, 1))
    await expect(session.db.sync()).rejects.toThrow(StorageError)
    const marks = (machine: Machine): string[] =>
      machine.disk.files().filter((file) => file.includes('UNSYNCED'))
    expect(marks(session.machine)).toEqual(['/srv/data/UNSYNCED-000001'])
    const machine = session.machine.after('kill', 0)
    expect(await openedText(machine)).toBe(session.history.text)
    expect(marks(machine)).toEqual([])
    await session.abandon()
  })

  it('names of retired journal files that a power loss gives back, some and not others, are no gap', async () => {
    const tally = newTally()
    const retire = WORKLOADS.find(({ name }) => name === 'retire')!
    const course = await courseOf(retire)
    const crashes = course.mutations.map((_, i): Crash => ({ kind: 'power', n: i + 1, seed: 3 }))
    await attack(retire, course, { crashes, twice: [], faults: [] }, tally)
    expectSound(tally)
  })
})
