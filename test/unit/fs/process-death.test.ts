// Deaths of the process that uses a simulated disk: killed, or without power, at any mutation.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { bytes, failureOf, rejectionOf, text } from '../../support/file-system-contract.ts'

const SEEDS = 400

describe.each([
  ['cutPowerAt', 'EPOWER'],
  ['killAt', 'EKILLED'],
] as const)('%s', (method, code) => {
  it('lets everything before the mutation happen and fails everything from it on', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    disk[method](3)
    file.writeNow(bytes('a'), 0)
    file.readNow(new Uint8Array(1), 0)
    expect(await disk.list('/')).toEqual(['a'])
    file.writeNow(bytes('b'), 1)
    expect(disk.isDead).toBe(false)
    expect(failureOf(() => file.syncNow())).toBe(code)
    expect(disk.isDead).toBe(true)
    const operations = disk.operations
    expect(failureOf(() => file.readNow(new Uint8Array(1), 0))).toBe(code)
    expect(failureOf(() => file.writeNow(bytes('c'), 2))).toBe(code)
    expect(failureOf(() => file.truncateNow(0))).toBe(code)
    expect(failureOf(() => file.sizeNow())).toBe(code)
    expect(failureOf(() => file.closeNow())).toBe(code)
    expect(failureOf(() => disk.openNow('/a', 'read'))).toBe(code)
    expect(failureOf(() => disk.syncDirectoryNow('/'))).toBe(code)
    for (const call of [
      file.read(new Uint8Array(1), 0),
      file.write(bytes('c'), 2),
      file.sync(),
      disk.list('/'),
      disk.stat('/a'),
      disk.makeDirectory('/d'),
      disk.link('/a', '/b'),
      disk.remove('/a'),
      disk.removeDirectory('/d'),
      disk.syncDirectory('/'),
    ]) {
      expect(await rejectionOf(call)).toBe(code)
    }
    expect(disk.operations).toBe(operations)
    expect(text(disk.snapshotBytes('/a'))).toBe('ab')
  })

  it('fails what was under way and had not taken effect', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    const write = file.write(bytes('late'), 0)
    disk[method](1)
    expect(failureOf(() => disk.syncDirectoryNow('/'))).toBe(code)
    expect(await rejectionOf(write)).toBe(code)
    expect(disk.snapshotBytes('/a').length).toBe(0)
  })

  it('leaves a write undone, done in part, or done', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new MemoryFileSystem()
      const file = disk.openNow('/a', 'create')
      disk[method](1, seed)
      expect(failureOf(() => file.writeNow(bytes('abcd'), 0))).toBe(code)
      const found = text(disk.afterKill().snapshotBytes('/a'))
      expect('abcd'.startsWith(found)).toBe(true)
      lengths.add(found.length)
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
  })

  it('leaves every other mutation undone or done', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new MemoryFileSystem()
      disk.openNow('/a', 'create').closeNow()
      const acts: (() => Promise<unknown>)[] = [
        async () => disk.openNow('/b', 'create'),
        () => disk.link('/a', '/c'),
        () => disk.remove('/a'),
        () => disk.makeDirectory('/d'),
      ]
      disk[method](1, seed)
      const which = seed % acts.length
      expect(await rejectionOf(acts[which]?.() ?? Promise.resolve())).toBe(code)
      outcomes.add(`${which}: ${(await disk.afterKill().list('/')).join(' ')}`)
    }
    expect([...outcomes].sort()).toEqual([
      '0: a',
      '0: a b',
      '1: a',
      '1: a c',
      '2: ',
      '2: a',
      '3: a',
      '3: a d',
    ])
  })

  it('may come between the parents of a directory', async () => {
    const found = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new MemoryFileSystem()
      disk[method](2, seed)
      expect(await rejectionOf(disk.makeDirectory('/x/y/z'))).toBe(code)
      const next = disk.afterKill()
      expect(await next.stat('/x/y/z')).toBeUndefined()
      found.add((await next.list('/x')).join(' '))
    }
    expect([...found].sort()).toEqual(['', 'y'])
  })

  it('never comes where fewer mutations follow, so that a search for the last one ends', () => {
    const disk = new MemoryFileSystem()
    disk[method](2)
    disk.openNow('/a', 'create').closeNow()
    disk.openNow('/a', 'read').closeNow()
    expect(disk.isDead).toBe(false)
  })
})

describe('an observer of mutations', () => {
  it('is told of each before it happens, with a copy of the disk without it', async () => {
    const disk = new MemoryFileSystem()
    const seen: string[] = []
    disk.observeMutations(({ kind, path, before }) => {
      seen.push(`${kind} ${path}: ${before().files().join(' ')}`)
    })
    const file = disk.openNow('/a', 'create')
    file.writeNow(bytes('ab'), 0)
    file.syncNow()
    await disk.link('/a', '/b')
    disk.observeMutations(undefined)
    await disk.remove('/a')
    expect(seen).toEqual(['create /a: ', 'write /a: /a', 'sync /a: /a', 'link /b: /a'])
  })

  it('gets copies with a part of a write, unsynced, as a kill or a power loss cuts it', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    disk.syncDirectoryNow('/')
    const lengths = new Set<number>()
    disk.observeMutations(({ torn }) => {
      for (let seed = 0; seed < SEEDS; seed += 1) {
        const copy = torn('EKILLED', seed)!
        lengths.add(copy.snapshotBytes('/a').length)
        expect(copy.afterPowerLoss(0).snapshotBytes('/a').length).toBe(0)
        copy.openNow('/a', 'write').syncNow()
        expect(copy.afterPowerLoss(0).snapshotBytes('/a')).toEqual(copy.snapshotBytes('/a'))
      }
    })
    file.writeNow(bytes('abcd'), 0)
    expect([...lengths].sort((a, b) => a - b)).toEqual([0, 1, 2, 3])
    expect(text(disk.snapshotBytes('/a'))).toBe('abcd')
  })

  it('gets no part of what happens in full or not at all, and none of a file without a name', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    const parts: (MemoryFileSystem | undefined)[] = []
    disk.observeMutations(({ torn }) => parts.push(torn('EPOWER', 3)))
    await disk.remove('/a')
    file.writeNow(bytes('ab'), 0)
    expect(parts[0]).toBeUndefined()
    expect(parts[1]?.files()).toEqual([])
  })

  it('is not told of what copies of the disk do', () => {
    const disk = new MemoryFileSystem()
    const seen: string[] = []
    disk.observeMutations(({ kind }) => seen.push(kind))
    disk.clone().openNow('/a', 'create')
    expect(seen).toEqual([])
  })
})

describe('the disk after a kill', () => {
  it('shows everything that was written, which a later power loss may still take', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('ab'), 0)
    file.syncNow()
    file.writeNow(bytes('cd'), 2)
    disk.killAt(1)
    expect(failureOf(() => disk.openNow('/b', 'create'))).toBe('EKILLED')
    const next = disk.afterKill()
    expect(text(next.snapshotBytes('/a'))).toBe('abcd')
    expect(text(next.afterPowerLoss(0).snapshotBytes('/a'))).toBe('ab')
    next.openNow('/a', 'write').syncNow()
    expect(text(next.afterPowerLoss(0).snapshotBytes('/a'))).toBe('abcd')
    expect(next.openFiles).toHaveLength(1)
  })

  it('keeps hard links together and names that a power loss may bring back', async () => {
    const disk = new MemoryFileSystem()
    disk.openNow('/a', 'create').closeNow()
    await disk.link('/a', '/b')
    disk.syncDirectoryNow('/')
    await disk.remove('/a')
    const next = disk.afterKill()
    const file = next.openNow('/b', 'write')
    file.writeNow(bytes('x'), 0)
    file.syncNow()
    expect(next.files()).toEqual(['/b'])
    const found = next.afterPowerLoss(0)
    expect(found.files()).toEqual(['/a', '/b'])
    expect(text(found.snapshotBytes('/a'))).toBe('x')
  })

  it('is apart from the disk before', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    file.writeNow(bytes('ab'), 0)
    const next = disk.afterKill()
    file.writeNow(bytes('X'), 0)
    next.openNow('/c', 'create')
    expect(text(next.snapshotBytes('/a'))).toBe('ab')
    expect(disk.files()).toEqual(['/a'])
  })
})

describe('a death by power loss', () => {
  it('during a sync leaves what it should have synced at stake, or durable', () => {
    const kept = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new MemoryFileSystem()
      const file = disk.openNow('/a', 'create')
      disk.syncDirectoryNow('/')
      file.writeNow(bytes('ab'), 0)
      disk.cutPowerAt(1, seed)
      expect(failureOf(() => file.syncNow())).toBe('EPOWER')
      kept.add(text(disk.afterPowerLoss(0).snapshotBytes('/a')))
    }
    expect([...kept].sort()).toEqual(['', 'ab'])
  })

  it('may end a partial write with a sector', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const disk = new MemoryFileSystem()
      const file = disk.openNow('/a', 'create')
      disk.cutPowerAt(1, seed)
      expect(failureOf(() => file.writeNow(bytes('x'.repeat(1000)), 100))).toBe('EPOWER')
      lengths.add(disk.snapshotBytes('/a').length)
    }
    expect([...lengths]).toEqual(expect.arrayContaining([0, 512, 1024, 1100]))
  })
})
