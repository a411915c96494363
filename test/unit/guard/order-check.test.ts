import { describe, expect, it } from 'vitest'
import { GuardSet, withGuards } from '../../../src/guard/guard-set.ts'
import { unguarded } from '../../../src/guard/held.ts'
import { OrderCheck } from '../../../src/guard/order-check.ts'

function checkedSet(): { set: GuardSet; check: OrderCheck } {
  const check = new OrderCheck()
  return { set: new GuardSet({ clock: { monotonicMs: () => 0 }, check }), check }
}

const lease = { rank: 'lease', mode: 'shared', purpose: 'use' } as const
const catalog = { rank: 'catalog', mode: 'shared', purpose: 'list' } as const

describe('the order check', () => {
  it('finds nothing in operations that pass on what they hold (0004-I6)', async () => {
    const { set, check } = checkedSet()
    const operation = (name: string): Promise<void> =>
      check.run(name, () =>
        withGuards(set, unguarded, lease, async (held) => {
          await Promise.resolve()
          await withGuards(set, held, catalog, () => Promise.resolve())
        }),
      )
    await Promise.all([operation('one'), operation('two')])
    expect(check.violations).toEqual([])
  })

  it('reports an acquisition made beside the chain (0004-I6)', async () => {
    const { set, check } = checkedSet()
    const inner = (): Promise<void> => withGuards(set, unguarded, catalog, () => undefined)
    await check.run('rename', () =>
      withGuards(set, unguarded, lease, async () => {
        await Promise.resolve()
        await inner()
      }),
    )
    expect(check.violations).toEqual([
      'rename: catalog was asked for beside lease (shared, "use"), which rename holds',
    ])
  })

  it('reports it before it waits, so that a deadlock shows', async () => {
    const { set, check } = checkedSet()
    const outer = await check.run('outer', () => set.acquire(unguarded, { ...lease, mode: 'exclusive' }))
    const inner = check.run('inner', () => set.tryAcquire(unguarded, lease))
    expect(await inner).toBeUndefined()
    outer.release()
    expect(check.violations).toEqual(['outer: ended with lease (exclusive, "use") still held'])
    await check.run('self', async () => {
      await set.acquire(unguarded, { ...lease, mode: 'exclusive' })
      expect(set.tryAcquire(unguarded, lease)).toBeUndefined()
    })
    expect(check.violations[1]).toContain('self: lease was asked for beside lease (exclusive, "use")')
  })

  it('reports a guard that is still held when its operation ends or throws', async () => {
    const { set, check } = checkedSet()
    const failing = check.run('create', async () => {
      await set.acquire(unguarded, catalog)
      throw new Error('disk full')
    })
    await expect(failing).rejects.toThrow('disk full')
    expect(check.violations).toEqual(['create: ended with catalog (shared, "list") still held'])
  })

  it('sees what the operation around holds, but not from detached work', async () => {
    const { set, check } = checkedSet()
    await check.run('write', () =>
      withGuards(set, unguarded, lease, async () => {
        await check.runDetached('flush', () => withGuards(set, unguarded, catalog, () => undefined))
        expect(check.violations).toEqual([])
        await check.run('nested', () => withGuards(set, unguarded, catalog, () => undefined))
      }),
    )
    expect(check.violations).toEqual([
      'nested: catalog was asked for beside lease (shared, "use"), which write holds',
    ])
  })

  it('counts a release made in another context', async () => {
    const { set, check } = checkedSet()
    await check.run('hand over', async () => {
      const held = await set.acquire(unguarded, lease)
      await check.runDetached('other', () => held.release())
    })
    expect(check.violations).toEqual([])
  })

  it('says nothing outside of operations', async () => {
    const { set, check } = checkedSet()
    await set.acquire(unguarded, lease)
    await set.acquire(unguarded, catalog)
    expect(check.violations).toEqual([])
  })
})
