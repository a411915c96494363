// Fault rules: which operations they strike, and what a struck operation does and leaves undone.

import { describe, expect, it } from 'vitest'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import {
  bytes,
  describeFileSystem,
  failureOf,
  rejectionOf,
  text,
} from '../../support/file-system-contract.ts'

describeFileSystem('FaultyFileSystem without rules', async () => {
  const inner = new MemoryFileSystem()
  await inner.makeDirectory('/db')
  return { fileSystem: new FaultyFileSystem(inner), root: '/db' }
})

describe('a rule', () => {
  it('strikes the nth match, so many times in a row, and then no more', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem())
    const rule = faulty.addRule({ kind: 'write', nth: 2, times: 2, fault: { code: 'ENOSPC' } })
    const file = faulty.openNow('a', 'create')
    const results = [1, 2, 3, 4].map(() => failureOf(() => file.writeNow(bytes('x'), file.sizeNow())))
    expect(results).toEqual([undefined, 'ENOSPC', 'ENOSPC', undefined])
    expect(file.sizeNow()).toBe(2)
    expect(faulty.struck(rule)).toBe(2)
  })

  it('strikes the first match once by default', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [{ fault: { code: 'EMFILE' } }])
    expect(failureOf(() => faulty.openNow('a', 'create'))).toBe('EMFILE')
    expect(failureOf(() => faulty.openNow('a', 'create'))).toBeUndefined()
  })

  it('strikes for ever where it is told so', async () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [
      { kind: 'stat', times: Infinity, fault: { code: 'EIO' } },
    ])
    for (let n = 0; n < 5; n += 1) expect(await rejectionOf(faulty.stat('a'))).toBe('EIO')
  })

  it('counts only operations of its kinds on its paths', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [
      { kind: ['write', 'truncate'], path: /journal/g, nth: 2, fault: { code: 'EIO' } },
    ])
    const journal = faulty.openNow('journal-1', 'create')
    const segment = faulty.openNow('segment-1', 'create')
    const results = [segment, segment, journal, segment, journal].map((file) =>
      failureOf(() => file.writeNow(bytes('x'), 0)),
    )
    expect(results).toEqual([undefined, undefined, undefined, undefined, 'EIO'])
    expect(failureOf(() => journal.truncateNow(0))).toBeUndefined()
  })

  it('may be added and removed at any time', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem())
    const file = faulty.openNow('a', 'create')
    const rule = faulty.addRule({ kind: 'size', times: Infinity, fault: { code: 'EIO' } })
    expect(faulty.rules).toEqual([rule])
    expect(failureOf(() => file.sizeNow())).toBe('EIO')
    faulty.removeRule(rule)
    expect(failureOf(() => file.sizeNow())).toBeUndefined()
    faulty.addRule(rule)
    faulty.clearRules()
    expect(failureOf(() => file.sizeNow())).toBeUndefined()
    expect(faulty.rules).toEqual([])
  })

  it('that is older wins where several strike, and all of them count', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [
      { kind: 'size', fault: { code: 'EIO' } },
      { kind: 'size', times: 2, fault: { code: 'ENOSPC' } },
    ])
    const file = faulty.openNow('a', 'create')
    const results = [1, 2, 3].map(() => failureOf(() => file.sizeNow()))
    expect(results).toEqual(['EIO', 'ENOSPC', undefined])
  })
})

describe('an observer', () => {
  it('is told of every operation when it is called, those that fail included', async () => {
    const files = new FaultyFileSystem(new MemoryFileSystem(), [{ kind: 'list', fault: { code: 'EIO' } }])
    const seen: string[] = []
    files.observer = (kind, path) => seen.push(`${kind} ${path}`)
    files.openNow('/a', 'create').writeNow(new Uint8Array(1), 0)
    await files.list('/').catch(() => undefined)
    expect(seen).toEqual(['create /a', 'write /a', 'list /'])
  })
})

describe('a failing operation', () => {
  it('does nothing, whichever it is', async () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner)
    await faulty.makeDirectory('/d')
    const file = faulty.openNow('/a', 'create')
    file.writeNow(bytes('abc'), 0)
    const before = inner.operations
    faulty.addRule({ times: Infinity, fault: { code: 'EIO' } })
    expect(failureOf(() => faulty.openNow('/a', 'read'))).toBe('EIO')
    expect(failureOf(() => faulty.openNow('/b', 'create'))).toBe('EIO')
    expect(failureOf(() => file.readNow(new Uint8Array(1), 0))).toBe('EIO')
    expect(failureOf(() => file.writeNow(bytes('x'), 0))).toBe('EIO')
    expect(failureOf(() => file.truncateNow(0))).toBe('EIO')
    expect(failureOf(() => file.syncNow())).toBe('EIO')
    expect(failureOf(() => faulty.syncDirectoryNow('/'))).toBe('EIO')
    for (const call of [
      file.read(new Uint8Array(1), 0),
      file.write(bytes('x'), 0),
      file.sync(),
      faulty.list('/'),
      faulty.stat('/a'),
      faulty.makeDirectory('/e'),
      faulty.link('/a', '/b'),
      faulty.remove('/a'),
      faulty.removeDirectory('/d'),
      faulty.syncDirectory('/'),
    ]) {
      expect(await rejectionOf(call)).toBe('EIO')
    }
    expect(inner.operations).toBe(before)
    expect(text(inner.snapshotBytes('/a'))).toBe('abc')
  })

  it('does close the file where the close fails', () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner, [{ kind: 'close', fault: { code: 'EIO' } }])
    const file = faulty.openNow('/a', 'create')
    expect(failureOf(() => file.closeNow())).toBe('EIO')
    expect(inner.openFiles).toEqual([])
    expect(failureOf(() => file.sizeNow())).toBe('EBADF')
  })
})

describe('a short transfer', () => {
  it('moves so many bytes and says so', async () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner, [{ times: 4, fault: { short: 2 } }])
    const file = faulty.openNow('/a', 'create')
    expect(file.writeNow(bytes('abcd'), 0)).toBe(2)
    expect(await file.write(bytes('cdef'), 2)).toBe(2)
    expect(text(inner.snapshotBytes('/a'))).toBe('abcd')
    const target = bytes('....')
    expect(file.readNow(target, 0)).toBe(2)
    expect(await file.read(target.subarray(2), 0)).toBe(2)
    expect(text(target)).toBe('abab')
    expect(file.writeNow(bytes('wxyz'), 0)).toBe(4)
  })

  it('may move nothing', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [{ kind: 'write', fault: { short: 0 } }])
    const file = faulty.openNow('/a', 'create')
    expect(file.writeNow(bytes('abcd'), 0)).toBe(0)
    expect(file.sizeNow()).toBe(0)
  })
})

describe('a failing sync', () => {
  const write = (faulty: FaultyFileSystem): ReturnType<FaultyFileSystem['openNow']> => {
    const file = faulty.openNow('/a', 'create')
    faulty.syncDirectoryNow('/')
    file.writeNow(bytes('abc'), 0)
    return file
  }

  it('leaves what it should have synced to the next one', async () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner)
    const file = write(faulty)
    faulty.addRule({ kind: 'sync', fault: { failSync: true, cleanPages: false } })
    expect(await rejectionOf(file.sync())).toBe('EIO')
    expect(inner.afterPowerLoss(0).snapshotBytes('/a').length).toBe(0)
    await file.sync()
    expect(text(inner.afterPowerLoss(0).snapshotBytes('/a'))).toBe('abc')
  })

  it('with clean pages is followed by one that succeeds and saves nothing', async () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner)
    const file = write(faulty)
    faulty.addRule({ kind: 'sync', fault: { failSync: true, cleanPages: true } })
    expect(failureOf(() => file.syncNow())).toBe('EIO')
    await file.sync()
    expect(text(inner.snapshotBytes('/a'))).toBe('abc')
    expect(inner.afterPowerLoss(0).snapshotBytes('/a').length).toBe(0)
  })

  it('of a directory loses its names in the same ways', async () => {
    const inner = new MemoryFileSystem()
    const faulty = new FaultyFileSystem(inner, [
      { fault: { failSync: true, cleanPages: false } },
      { nth: 3, fault: { failSync: true, cleanPages: true } },
    ])
    faulty.openNow('/a', 'create')
    expect(await rejectionOf(faulty.syncDirectory('/'))).toBe('EIO')
    faulty.syncDirectoryNow('/')
    faulty.openNow('/b', 'create')
    expect(failureOf(() => faulty.syncDirectoryNow('/'))).toBe('EIO')
    await faulty.syncDirectory('/')
    expect(inner.files()).toEqual(['/a', '/b'])
    expect(inner.afterPowerLoss(0).files()).toEqual(['/a'])
  })

  it('strikes nothing but syncs', () => {
    const faulty = new FaultyFileSystem(new MemoryFileSystem(), [
      { times: Infinity, fault: { failSync: true, cleanPages: true } },
    ])
    const file = faulty.openNow('/a', 'create')
    expect(file.writeNow(bytes('abc'), 0)).toBe(3)
    expect(file.readNow(new Uint8Array(3), 0)).toBe(3)
    expect(failureOf(() => file.syncNow())).toBe('EIO')
  })
})
