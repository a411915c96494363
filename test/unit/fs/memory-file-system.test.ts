// The simulated disk as a working file system: the port's contract, its counters, schedules and rot.
// What a power loss or a kill leaves of it is in power-loss.test and process-death.test.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import {
  bytes,
  describeFileSystem,
  failureOf,
  rejectionOf,
  text,
} from '../../support/file-system-contract.ts'

describeFileSystem('MemoryFileSystem', async () => {
  const fileSystem = new MemoryFileSystem()
  await fileSystem.makeDirectory('/db')
  return { fileSystem, root: '/db' }
})

const contentsOf = (disk: MemoryFileSystem, path: string): string => text(disk.snapshotBytes(path))

describe('counting', () => {
  it('numbers every operation, and apart from them those that change something or sync', async () => {
    const disk = new MemoryFileSystem({ trace: true })
    await disk.makeDirectory('/db')
    const file = disk.openNow('/db/a', 'create')
    file.writeNow(bytes('abc'), 0)
    await file.write(bytes('d'), 3)
    file.readNow(new Uint8Array(1), 0)
    await file.read(new Uint8Array(1), 0)
    file.sizeNow()
    file.truncateNow(1)
    await file.sync()
    file.syncNow()
    file.closeNow()
    disk.openNow('/db/a', 'read').closeNow()
    await disk.link('/db/a', '/db/b')
    await disk.remove('/db/a')
    await disk.list('/db')
    await disk.stat('/db')
    await disk.syncDirectory('/db')
    disk.syncDirectoryNow('/db')
    await disk.makeDirectory('/db/c')
    await disk.removeDirectory('/db/c')
    const kinds = disk.trace?.map((operation) => operation.kind)
    expect(kinds).toEqual([
      'makeDirectory',
      'create',
      'write',
      'write',
      'read',
      'read',
      'size',
      'truncate',
      'sync',
      'sync',
      'close',
      'open',
      'close',
      'link',
      'remove',
      'list',
      'stat',
      'syncDirectory',
      'syncDirectory',
      'makeDirectory',
      'removeDirectory',
    ])
    expect(disk.trace?.at(-1)).toEqual({ n: 21, kind: 'removeDirectory', path: '/db/c' })
    expect(disk.operations).toBe(21)
    expect(disk.mutations).toBe(13)
  })

  it('counts no mutation where nothing was changed', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    const before = disk.mutations
    file.writeNow(new Uint8Array(0), 0)
    await disk.makeDirectory('/')
    expect(failureOf(() => disk.openNow('a', 'create'))).toBe('EEXIST')
    expect(await rejectionOf(disk.remove('b'))).toBe('ENOENT')
    expect(await rejectionOf(disk.link('a', 'a'))).toBe('EEXIST')
    expect(disk.mutations).toBe(before)
  })

  it('counts each directory that is made as a mutation of its own', async () => {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('/a/b/c')
    await disk.makeDirectory('/a/b/d')
    expect(disk.mutations).toBe(4)
  })

  it('keeps no trace unless asked', async () => {
    const disk = new MemoryFileSystem()
    await disk.stat('a')
    expect(disk.trace).toBeUndefined()
    expect(disk.operations).toBe(1)
  })

  it('lists the files that are open', () => {
    const disk = new MemoryFileSystem()
    const b = disk.openNow('b', 'create')
    const a = disk.openNow('a', 'create')
    expect(disk.openFiles).toEqual(['a', 'b'])
    b.closeNow()
    expect(disk.openFiles).toEqual(['a'])
    a.closeNow()
    expect(disk.openFiles).toEqual([])
  })
})

describe('paths', () => {
  it('mean the same with and without a leading slash', async () => {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('db/x')
    disk.openNow('/db/x/../a', 'create').closeNow()
    disk.openNow('./db//b', 'create').closeNow()
    expect(disk.files()).toEqual(['/db/a', '/db/b'])
    expect(await disk.stat('db/a')).toEqual({ kind: 'file', size: 0 })
  })

  it('never lead to the removal of the root', async () => {
    const disk = new MemoryFileSystem()
    expect(await rejectionOf(disk.removeDirectory('/'))).toBe('EBUSY')
    expect(await disk.list('/')).toEqual([])
  })
})

describe('schedules', () => {
  it('let asynchronous operations take effect in any order', async () => {
    const waiting = new Map<string, () => void>()
    const disk = new MemoryFileSystem({
      scheduler: (label) => new Promise((resolve) => waiting.set(label, resolve)),
    })
    const a = disk.openNow('a', 'create')
    const b = disk.openNow('b', 'create')
    const first = a.write(bytes('first'), 0)
    const second = b.write(bytes('second'), 0)
    expect([...waiting.keys()]).toEqual(['write a', 'write b'])
    waiting.get('write b')?.()
    await second
    expect([a.sizeNow(), b.sizeNow()]).toEqual([0, 6])
    waiting.get('write a')?.()
    await first
    expect(a.sizeNow()).toBe(5)
  })

  it('make a write take the bytes that are there when it takes effect', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    const source = bytes('old')
    const write = file.write(source, 0)
    expect(file.sizeNow()).toBe(0)
    source.set(bytes('new'))
    await write
    expect(contentsOf(disk, 'a')).toBe('new')
  })

  it('make a read find the bytes that are there when it takes effect', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    file.writeNow(bytes('old'), 0)
    const target = new Uint8Array(3)
    const read = file.read(target, 0)
    file.writeNow(bytes('new'), 0)
    await read
    expect(text(target)).toBe('new')
  })

  it('make a sync keep what was written before its call, and nothing later', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('before'), 0)
    const sync = file.sync()
    file.writeNow(bytes('after'), 6)
    await sync
    expect(contentsOf(disk.afterPowerLoss(0), 'a')).toBe('before')
    expect(contentsOf(disk.afterPowerLoss(1), 'a')).toBe('beforeafter')
  })

  it('make a directory sync keep the names that were there at its call, and no later ones', async () => {
    const disk = new MemoryFileSystem()
    disk.openNow('a', 'create')
    const sync = disk.syncDirectory('/')
    disk.openNow('b', 'create')
    await sync
    expect(disk.afterPowerLoss(0).files()).toEqual(['/a'])
  })
})

describe('corruption', () => {
  it('changes one byte for readers and for what a power loss leaves', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('abc'), 0)
    file.syncNow()
    file.writeNow(bytes('def'), 3)
    disk.corrupt('a', 1, 0x20)
    disk.corrupt('a', 4, () => 0x21)
    expect(contentsOf(disk, 'a')).toBe('aBcd!f')
    expect(contentsOf(disk.afterPowerLoss(1), 'a')).toBe('aBcd!f')
    expect(contentsOf(disk.afterPowerLoss(0), 'a')).toBe('aBc')
  })

  it('leaves clones alone', () => {
    const disk = new MemoryFileSystem()
    disk.openNow('a', 'create').writeNow(bytes('abc'), 0)
    const copy = disk.clone()
    disk.corrupt('a', 0, 0xff)
    expect(contentsOf(copy.afterPowerLoss(1), 'a')).toBe('abc')
  })

  it('refuses to miss the file', () => {
    const disk = new MemoryFileSystem()
    disk.openNow('a', 'create')
    expect(() => disk.corrupt('a', 0, 1)).toThrow('inside the file')
    expect(failureOf(() => disk.corrupt('b', 0, 1))).toBe('ENOENT')
  })
})

describe('large stores', () => {
  it('take thousands of small appends, syncs and clones without copying what is there each time', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('a', 'create')
    const record = new Uint8Array(1024).fill(7)
    for (let n = 0; n < 8192; n += 1) {
      file.writeNow(record, n * record.length)
      if (n % 8 === 7) file.syncNow()
    }
    disk.syncDirectoryNow('/')
    const found = disk.afterPowerLoss(0).snapshotBytes('a')
    expect(found.length).toBe(8 * 2 ** 20)
    expect(found.every((byte) => byte === 7)).toBe(true)
  })
})
