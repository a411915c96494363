// The simulated disk when it is full: room is given out by the block, holes take none, and what does not
// fit is written as far as it does.

import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'

const BLOCK = 512

function diskOf(blocks: number): MemoryFileSystem {
  // One block holds the names of the root.
  return new MemoryFileSystem({ capacity: (blocks + 1) * BLOCK })
}

describe('a disk of limited size', () => {
  it('takes a write as far as there is room, then none', () => {
    const disk = diskOf(2)
    const file = disk.openNow('/a', 'create')
    expect(file.writeNow(new Uint8Array(3 * BLOCK), 0)).toBe(2 * BLOCK)
    expect(() => file.writeNow(new Uint8Array(1), 2 * BLOCK)).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    )
    expect(file.sizeNow()).toBe(2 * BLOCK)
  })

  it('cuts a write that begins inside a block at the end of one', () => {
    const disk = diskOf(2)
    const file = disk.openNow('/a', 'create')
    expect(file.writeNow(new Uint8Array(10), 0)).toBe(10)
    expect(file.writeNow(new Uint8Array(5000), 10)).toBe(2 * BLOCK - 10)
  })

  it('overwrites, and fills up blocks that are there, without any room', () => {
    const disk = diskOf(1)
    const file = disk.openNow('/a', 'create')
    file.writeNow(new Uint8Array(100), 0)
    expect(file.writeNow(new Uint8Array(BLOCK - 100), 100)).toBe(BLOCK - 100)
    expect(file.writeNow(new Uint8Array(BLOCK), 0)).toBe(BLOCK)
  })

  it('counts no holes', () => {
    const disk = diskOf(2)
    const file = disk.openNow('/a', 'create')
    file.truncateNow(100 * BLOCK)
    const before = disk.used
    expect(file.writeNow(new Uint8Array(10), 50 * BLOCK)).toBe(10)
    expect(disk.used - before).toBe(BLOCK)
  })

  it('gives back what is cut, and what is removed once nobody has it open', async () => {
    const disk = diskOf(4)
    const file = disk.openNow('/a', 'create')
    file.writeNow(new Uint8Array(4 * BLOCK), 0)
    file.truncateNow(BLOCK + 1)
    expect(disk.used).toBe(3 * BLOCK)
    await disk.remove('/a')
    expect(disk.used).toBe(2 * BLOCK)
    file.closeNow()
    expect(disk.used).toBe(0)
  })

  it('refuses names where the directory needs a block for them', async () => {
    const disk = diskOf(0)
    for (let i = 0; i < 8; i++) disk.openNow(`/${i}`, 'create').closeNow()
    expect(() => disk.openNow('/9', 'create')).toThrow(expect.objectContaining({ code: 'ENOSPC' }))
    await expect(disk.link('/1', '/9')).rejects.toMatchObject({ code: 'ENOSPC' })
    await expect(disk.makeDirectory('/d')).rejects.toMatchObject({ code: 'ENOSPC' })
    await disk.remove('/1')
    expect(() => disk.openNow('/9', 'create')).not.toThrow()
  })

  it('keeps its size, and what it has handed out, through copies, kills and power losses', async () => {
    const disk = diskOf(10)
    const file = disk.openNow('/a', 'create')
    file.writeNow(new Uint8Array(100), 3 * BLOCK)
    disk.capacity = 5 * BLOCK
    await file.sync()
    await disk.syncDirectory('/')
    for (const copy of [disk.clone(), disk.afterKill(), disk.afterPowerLoss(0), disk.afterPowerLoss(7)]) {
      expect(copy.capacity).toBe(5 * BLOCK)
      expect(copy.used).toBe(2 * BLOCK)
    }
  })

  it('always has room when nobody gave it a size', () => {
    const file = new MemoryFileSystem().openNow('/a', 'create')
    expect(file.writeNow(new Uint8Array(100_000), 0)).toBe(100_000)
  })
})
