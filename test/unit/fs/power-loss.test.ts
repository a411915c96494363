// Power loss, exhaustively in the small: over many seeds, exactly the states that a disk may be in are
// reached, every one of them and no other.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { File } from '../../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { bytes, text } from '../../support/file-system-contract.ts'
import { propertyOptions } from '../../support/seeds.ts'

const SEEDS = 3000

/** All states that power losses lead to, as `look` describes them, sorted. */
function statesOf(disk: MemoryFileSystem, look: (found: MemoryFileSystem) => string): string[] {
  const states = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed += 1) states.add(look(disk.afterPowerLoss(seed)))
  return [...states].sort()
}

const contents =
  (path: string) =>
  (found: MemoryFileSystem): string =>
    text(found.snapshotBytes(path))

const names = (found: MemoryFileSystem): string => found.files().join(' ')

/** A disk with an open file '/a' whose name is durable. */
function diskWithFile(synced = ''): { disk: MemoryFileSystem; file: File } {
  const disk = new MemoryFileSystem()
  const file = disk.openNow('/a', 'create')
  file.writeNow(bytes(synced), 0)
  file.syncNow()
  disk.syncDirectoryNow('/')
  return { disk, file }
}

describe('contents after a power loss', () => {
  it('hold what was synced', () => {
    const { disk } = diskWithFile('abc')
    expect(statesOf(disk, contents('/a'))).toEqual(['abc'])
  })

  it('may lack an unsynced append, hold part of it, or show zeroes for it', () => {
    const { disk, file } = diskWithFile('ab')
    file.writeNow(bytes('cd'), 2)
    expect(statesOf(disk, contents('/a'))).toEqual(['ab', 'ab\0\0', 'abc', 'abc\0', 'abcd'].sort())
  })

  it('may hold any of several unsynced writes without the others', () => {
    const { disk, file } = diskWithFile('....')
    file.writeNow(bytes('A'), 0)
    file.writeNow(bytes('B'), 1)
    file.writeNow(bytes('C'), 2)
    const expected = ['....', 'A...', '.B..', '..C.', 'AB..', 'A.C.', '.BC.', 'ABC.']
    expect(statesOf(disk, contents('/a'))).toEqual(expected.sort())
  })

  it('have writes before a sync and may lack those after it', () => {
    const { disk, file } = diskWithFile('....')
    file.writeNow(bytes('A'), 0)
    file.syncNow()
    file.writeNow(bytes('B'), 1)
    expect(statesOf(disk, contents('/a'))).toEqual(['A...', 'AB..'].sort())
  })

  it('never show an older write over a newer one', () => {
    const { disk, file } = diskWithFile('.')
    file.writeNow(bytes('1'), 0)
    file.writeNow(bytes('2'), 0)
    expect(statesOf(disk, contents('/a'))).toEqual(['.', '1', '2'])
    file.syncNow()
    expect(statesOf(disk, contents('/a'))).toEqual(['2'])
  })

  it('are synced file by file', () => {
    const { disk, file } = diskWithFile()
    const other = disk.openNow('/b', 'create')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('A'), 0)
    other.writeNow(bytes('B'), 0)
    file.syncNow()
    const both = (found: MemoryFileSystem): string => `${contents('/a')(found)}|${contents('/b')(found)}`
    expect(statesOf(disk, both)).toEqual(['A|', 'A|\0', 'A|B'])
  })

  it('may lack an unsynced truncate, and what followed it separately', () => {
    const { disk, file } = diskWithFile('abcd')
    file.truncateNow(2)
    expect(statesOf(disk, contents('/a'))).toEqual(['ab', 'abcd'])
    file.writeNow(bytes('X'), 2)
    expect(statesOf(disk, contents('/a'))).toEqual(['ab', 'ab\0', 'abX', 'abXd', 'abcd'])
    file.syncNow()
    expect(statesOf(disk, contents('/a'))).toEqual(['abX'])
  })

  it('may be torn at sector boundaries of the file, in any pattern', () => {
    const { disk, file } = diskWithFile('.'.repeat(1536))
    file.writeNow(bytes('x'.repeat(1024)), 256)
    // Sectors of the write: [256, 512), [512, 1024), [1024, 1280).
    const pattern = (found: MemoryFileSystem): string => {
      const all = contents('/a')(found)
      return [all.slice(256, 512), all.slice(512, 1024), all.slice(1024, 1280)]
        .map((sector) => (/^x+$/.test(sector) ? 'x' : /^\.+$/.test(sector) ? '.' : '?'))
        .join('')
    }
    const reached = statesOf(disk, pattern)
    expect(reached).toEqual(expect.arrayContaining(['...', '..x', '.x.', '.xx', 'x..', 'x.x', 'xx.', 'xxx']))
    // What is cut inside a sector is cut short: whole before it, nothing after it.
    expect(reached.filter((state) => state.includes('?')).sort()).toEqual(['?..', 'x?.', 'xx?'])
  })

  it('of a handle without a name are gone', async () => {
    const { disk, file } = diskWithFile('abc')
    await disk.remove('/a')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('X'), 0)
    file.syncNow()
    expect(statesOf(disk, names)).toEqual([''])
  })
})

describe('names after a power loss', () => {
  it('may be missing although the contents were synced', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    file.writeNow(bytes('A'), 0)
    file.syncNow()
    const look = (found: MemoryFileSystem): string =>
      found
        .files()
        .map((path) => `${path}=${contents(path)(found)}`)
        .join(' ')
    expect(statesOf(disk, look)).toEqual(['', '/a=A'])
    disk.syncDirectoryNow('/')
    expect(statesOf(disk, look)).toEqual(['/a=A'])
  })

  it('may be there although the contents were not synced', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    file.writeNow(bytes('A'), 0)
    disk.syncDirectoryNow('/')
    expect(statesOf(disk, contents('/a'))).toEqual(['', '\0', 'A'])
  })

  it('survive independently of each other', () => {
    const disk = new MemoryFileSystem()
    for (const name of ['/a', '/b', '/c']) disk.openNow(name, 'create')
    const expected = ['', '/a', '/b', '/c', '/a /b', '/a /c', '/b /c', '/a /b /c']
    expect(statesOf(disk, names)).toEqual(expected.sort())
  })

  it('may come back after an unsynced removal, and not after a synced one', async () => {
    const { disk } = diskWithFile('abc')
    await disk.remove('/a')
    expect(statesOf(disk, names)).toEqual(['', '/a'])
    disk.syncDirectoryNow('/')
    expect(statesOf(disk, names)).toEqual([''])
  })

  it('stand for one of the files that they stood for since the last sync', async () => {
    const { disk } = diskWithFile('old')
    await disk.remove('/a')
    const file = disk.openNow('/a', 'create')
    file.writeNow(bytes('new'), 0)
    file.syncNow()
    const look = (found: MemoryFileSystem): string => (names(found) === '' ? '-' : contents('/a')(found))
    expect(statesOf(disk, look)).toEqual(['-', 'new', 'old'])
  })

  it('of a hard link are independent, but lead to one file', async () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    await disk.link('/a', '/b')
    expect(statesOf(disk, names)).toEqual(['', '/a', '/a /b', '/b'])
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('x'), 0)
    const look = (found: MemoryFileSystem): string => `${contents('/a')(found)}|${contents('/b')(found)}`
    expect(statesOf(disk, look)).toEqual(['x|x', '|', '\0|\0'].sort())
    const found = disk.afterPowerLoss(1)
    found.openNow('/a', 'write').writeNow(bytes('y'), 0)
    expect(contents('/b')(found)).toBe('y')
  })

  it('are lost with the directory that holds them', async () => {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('/d')
    disk.openNow('/d/a', 'create')
    disk.syncDirectoryNow('/d')
    expect(statesOf(disk, names)).toEqual(['', '/d/a'])
    disk.syncDirectoryNow('/')
    expect(statesOf(disk, names)).toEqual(['/d/a'])
  })

  it('are synced directory by directory', async () => {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('/d')
    disk.syncDirectoryNow('/')
    disk.openNow('/a', 'create')
    disk.openNow('/d/b', 'create')
    disk.syncDirectoryNow('/d')
    expect(statesOf(disk, names)).toEqual(['/a /d/b', '/d/b'])
  })
})

describe('a failed sync that leaves clean pages', () => {
  it('keeps bytes readable that no later sync makes durable', () => {
    const disk = new MemoryFileSystem()
    const file = disk.openNow('/a', 'create')
    disk.syncDirectoryNow('/')
    file.writeNow(bytes('lost'), 0)
    file.markClean()
    file.writeNow(bytes('kept'), 4)
    file.syncNow()
    expect(contents('/a')(disk)).toBe('lostkept')
    expect(contents('/a')(disk.afterPowerLoss(0))).toBe('\0\0\0\0kept')
    expect(contents('/a')(disk.afterKill())).toBe('lostkept')
    expect(contents('/a')(disk.afterKill().afterPowerLoss(0))).toBe('\0\0\0\0kept')
    expect(statesOf(disk, contents('/a'))).toContain('lostkept')
  })

  it('never shows lost bytes over newer ones that were synced', () => {
    const { disk, file } = diskWithFile('..')
    file.writeNow(bytes('1'), 0)
    disk.openNow('/a', 'write').markClean()
    file.writeNow(bytes('2'), 0)
    file.syncNow()
    expect(statesOf(disk, contents('/a'))).toEqual(['2.'])
  })

  it('loses names of a directory in the same way', () => {
    const disk = new MemoryFileSystem()
    disk.openNow('/a', 'create')
    disk.markDirectoryClean('/')
    disk.openNow('/b', 'create')
    disk.syncDirectoryNow('/')
    expect(disk.files()).toEqual(['/a', '/b'])
    expect(statesOf(disk, names)).toEqual(['/a /b', '/b'])
  })
})

describe('pages that a failed sync left clean, once the system lets go of them', () => {
  /** All that a process may find then, as `look` describes it, sorted. */
  function evictedStatesOf(disk: MemoryFileSystem, look: (found: MemoryFileSystem) => string): string[] {
    const states = new Set<string>()
    for (let seed = 0; seed < 300; seed += 1) states.add(look(disk.afterEviction(seed)))
    return [...states].sort()
  }

  it('show what the disk has: all of a write, or nothing, and perhaps the size it gave the file', () => {
    const { disk, file } = diskWithFile('old')
    file.writeNow(bytes('new!'), 3)
    disk.openNow('/a', 'write').markClean()
    expect(evictedStatesOf(disk, contents('/a'))).toEqual(['old', 'old\0\0\0\0', 'oldnew!'])
  })

  it('show the bytes from before where a write was over others', () => {
    const { disk, file } = diskWithFile('ab')
    file.writeNow(bytes('x'), 0)
    disk.openNow('/a', 'write').markClean()
    expect(evictedStatesOf(disk, contents('/a'))).toEqual(['ab', 'xb'])
  })

  it('are gone or there for good: a later power loss changes nothing of them', () => {
    const { disk, file } = diskWithFile('ab')
    file.writeNow(bytes('x'), 0)
    disk.openNow('/a', 'write').markClean()
    for (let seed = 0; seed < 20; seed += 1) {
      const found = disk.afterEviction(seed)
      expect(contents('/a')(found.afterPowerLoss(0))).toBe(contents('/a')(found))
    }
  })

  it('may lack a truncate', () => {
    const { disk, file } = diskWithFile('abc')
    file.truncateNow(1)
    disk.openNow('/a', 'write').markClean()
    expect(evictedStatesOf(disk, contents('/a'))).toEqual(['a', 'abc'])
  })

  it('are all that goes: what no sync failed on is read as before, and is at stake as before', () => {
    const { disk, file } = diskWithFile('')
    file.writeNow(bytes('lost'), 0)
    disk.openNow('/a', 'write').markClean()
    file.writeNow(bytes('kept'), 4)
    for (let seed = 0; seed < 20; seed += 1) {
      const found = disk.afterEviction(seed)
      expect(contents('/a')(found).slice(4)).toBe('kept')
      expect(contents('/a')(found.afterPowerLoss(0)).slice(4)).not.toContain('kept')
      found.openNow('/a', 'write').syncNow()
      expect(contents('/a')(found.afterPowerLoss(0)).slice(4)).toBe('kept')
    }
    expect(contents('/a')(disk)).toBe('lostkept')
  })
})

describe('the disk after a power loss', () => {
  it('is all durable, works, and leaves the one before as it was', () => {
    const { disk, file } = diskWithFile('ab')
    file.writeNow(bytes('cd'), 2)
    const found = disk.afterPowerLoss(1)
    expect(contents('/a')(found.afterPowerLoss(0))).toBe('abcd')
    found.openNow('/a', 'write').writeNow(bytes('X'), 0)
    expect(contents('/a')(found)).toBe('Xbcd')
    expect(contents('/a')(disk)).toBe('abcd')
    expect(contents('/a')(disk.afterPowerLoss(0))).toBe('ab')
    expect([found.operations, found.mutations]).toEqual([2, 1])
  })

  it('is the same for the same seed', async () => {
    const disk = new MemoryFileSystem()
    await disk.makeDirectory('/d')
    for (let n = 0; n < 20; n += 1) disk.openNow(`/d/${n}`, 'create').writeNow(bytes('x'.repeat(n * 100)), 0)
    const look = (found: MemoryFileSystem): string =>
      found
        .files()
        .map((path) => `${path}=${contents(path)(found)}`)
        .join(' ')
    for (let seed = 0; seed < 50; seed += 1) {
      expect(look(disk.afterPowerLoss(seed))).toBe(look(disk.clone().afterPowerLoss(seed)))
    }
  })

  it('has lost nothing with seed 1 and everything unsynced with seed 0', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        at: fc.nat(2000),
        size: fc.integer({ min: 1, max: 1500 }),
      }),
      fc.record({ kind: fc.constant('truncate' as const), size: fc.nat(2000) }),
      fc.record({ kind: fc.constant('sync' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.integer(), (steps, seed) => {
        const { disk, file } = diskWithFile()
        let synced = ''
        for (const [index, one] of steps.entries()) {
          if (one.kind === 'write') file.writeNow(new Uint8Array(one.size).fill(index + 1), one.at)
          if (one.kind === 'truncate') file.truncateNow(one.size)
          if (one.kind === 'sync') {
            file.syncNow()
            synced = contents('/a')(disk)
          }
        }
        expect(contents('/a')(disk.afterPowerLoss(0))).toBe(synced)
        expect(contents('/a')(disk.afterPowerLoss(1))).toBe(contents('/a')(disk))
        expect(contents('/a')(disk.afterKill())).toBe(contents('/a')(disk))
        file.syncNow()
        expect(contents('/a')(disk.afterPowerLoss(seed))).toBe(contents('/a')(disk))
      }),
      propertyOptions(100),
    )
  })
})
