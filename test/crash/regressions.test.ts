// Each test is a sequence that the crash tests found, named for the fault that it showed.

import { describe, expect, it } from 'vitest'
import { StorageError } from '../../src/errors.ts'
import { crashEverywhere, newTally } from './crashes.ts'
import { Machine } from './machine.ts'
import { expectSound } from './sampled.ts'
import { Died, Session } from './session.ts'
import { WORKLOADS } from './workloads.ts'

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

  it('names of retired journal files that a power loss gives back, some and not others, are no gap', async () => {
    const tally = newTally()
    const retire = WORKLOADS.find(({ name }) => name === 'retire')!
    await crashEverywhere(retire, 'power', [3], { stride: 5, seed: 2 }, tally)
    expectSound(tally)
  })
})
