// The reserve by itself (0006-I6): how large it gets, who gets how much of it, and when it grows back.

import { describe, expect, it } from 'vitest'
import { Reserve } from '../../../src/database/reserve.ts'
import { StorageError } from '../../../src/errors.ts'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { File } from '../../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'

const BLOCK = 512
const SIZE = 16 * BLOCK

interface Setting {
  readonly disk: MemoryFileSystem
  readonly reserve: Reserve
  /** Takes whatever room there is. */
  readonly other: File
}

/** A disk with so many blocks beside a file and the names. */
async function settingOf(blocks: number): Promise<Setting> {
  const disk = new MemoryFileSystem({ capacity: (blocks + 1) * BLOCK })
  const other = disk.openNow('/other', 'create')
  const reserve = new Reserve(disk, '/', SIZE)
  await reserve.open()
  return { disk, reserve, other }
}

function sizeOf(disk: MemoryFileSystem): number {
  return disk.snapshotBytes('/RESERVE').length / BLOCK
}

/** Appends blocks, all or none, as a record does. */
function append(file: File, blocks: number): number {
  const size = file.sizeNow()
  try {
    for (let at = size; at < size + blocks * BLOCK;)
      at += file.writeNow(new Uint8Array(size + blocks * BLOCK - at), at)
    return blocks
  } catch (error) {
    file.truncateNow(size)
    throw error
  }
}

const FULL = expect.objectContaining({ code: 'ENOSPC' }) as unknown

describe('the reserve', () => {
  it('is made of bytes that no file system can make smaller, and is on the disk when it is open', async () => {
    const { disk, reserve } = await settingOf(40)
    expect(reserve.isWhole).toBe(true)
    const found = disk.afterPowerLoss(0).snapshotBytes('/RESERVE')
    expect(found).toHaveLength(SIZE)
    expect(new Set(found.subarray(0, 256)).size).toBeGreaterThan(100)
  })

  it('is as large as there is room for, and grows when there is more', async () => {
    const { disk, reserve } = await settingOf(5)
    expect([sizeOf(disk), reserve.isWhole, reserve.wasFull]).toEqual([5, false, true])
    expect(() => reserve.assertWhole('Cannot commit', 100)).toThrow(StorageError)
    disk.capacity = 30 * BLOCK
    reserve.assertWhole('Cannot commit', 100)
    expect(sizeOf(disk)).toBe(16)
  })

  it('says what was refused for it, and how much room that needs', async () => {
    const { reserve } = await settingOf(5)
    expect(() => reserve.assertWhole('Cannot commit', 100)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(
          'Cannot commit: the disk is full, 5.6 KiB of room are needed',
        ) as unknown,
        needed: 11 * BLOCK + 100,
        path: '/RESERVE',
      }),
    )
  })

  it('goes on with the file that an earlier holder has left, whole or not', async () => {
    const { disk, reserve } = await settingOf(9)
    reserve.close()
    disk.capacity = 100 * BLOCK
    const next = new Reserve(disk, '/', SIZE)
    await next.open()
    expect([sizeOf(disk), next.isWhole]).toEqual([16, true])
    expect(disk.openFiles).toEqual(['/RESERVE', '/other'])
  })

  it('is given to a step that finds no room, and grows back by what the step has left', async () => {
    const { disk, reserve, other } = await settingOf(16)
    expect(reserve.lendNow('delete', () => append(other, 3))).toBe(3)
    expect([sizeOf(disk), reserve.isWhole]).toEqual([13, false])
    other.truncateNow(0)
    expect(reserve.refill()).toBe(true)
  })

  it('leaves a quarter to deletes, and they a sixteenth to what drops segments', async () => {
    const { disk, reserve, other } = await settingOf(16)
    expect(() => reserve.lendNow('work', () => append(other, 13))).toThrow(FULL)
    expect(sizeOf(disk)).toBe(16)
    expect(reserve.lendNow('work', () => append(other, 12))).toBe(12)
    expect(() => reserve.lendNow('work', () => append(other, 1))).toThrow(FULL)
    expect(() => reserve.lendNow('delete', () => append(other, 4))).toThrow(FULL)
    expect(reserve.lendNow('delete', () => append(other, 3))).toBe(3)
    expect(() => reserve.lendNow('delete', () => append(other, 1))).toThrow(FULL)
    expect(reserve.lendNow('drop', () => append(other, 1))).toBe(1)
    expect(() => reserve.lendNow('drop', () => append(other, 1))).toThrow(FULL)
    expect(sizeOf(disk)).toBe(0)
  })

  it('does not grow back, nor is whole, while long work has it', async () => {
    const { disk, reserve, other } = await settingOf(16)
    await reserve.lend(async () => {
      append(other, 1)
      await Promise.resolve()
      if (sizeOf(disk) < 16) {
        expect([sizeOf(disk), reserve.refill(), reserve.isWhole]).toEqual([4, false, false])
        expect(() => reserve.assertWhole('Cannot commit', 1)).toThrow(StorageError)
      }
    })
    expect(sizeOf(disk)).toBe(15)
  })

  it('is left with a quarter by who copies alone, unless there was less already (0006-I7)', async () => {
    const { disk, reserve, other } = await settingOf(16)
    await expect(reserve.lendAlone(async () => append(other, 13))).rejects.toThrow(FULL)
    expect(sizeOf(disk)).toBe(16)
    await expect(reserve.lendAlone(async () => append(other, 12))).resolves.toBe(12)
    await expect(reserve.lendAlone(async () => append(other, 1))).rejects.toThrow(FULL)
    reserve.lendNow('delete', () => append(other, 1))
    reserve.close()
    const next = new Reserve(disk, '/', SIZE)
    await expect(next.lendAlone(async () => append(other, 2))).resolves.toBe(2)
    expect(sizeOf(disk)).toBe(1)
  })

  it('is given whole to who gives room back', async () => {
    const { disk, reserve, other } = await settingOf(16)
    await expect(reserve.lend(async () => append(other, 13))).rejects.toThrow(FULL)
    await expect(reserve.lend(async () => append(other, 13), true)).resolves.toBe(13)
    expect(sizeOf(disk)).toBe(3)
  })

  it('passes on what is no full disk, and tries nothing again', async () => {
    const { reserve } = await settingOf(16)
    let tries = 0
    const fail = (): never => {
      tries++
      throw new TypeError('no')
    }
    expect(() => reserve.lendNow('drop', fail)).toThrow(TypeError)
    await expect(reserve.lend(async () => fail())).rejects.toThrow(TypeError)
    expect([tries, reserve.wasFull]).toEqual([2, false])
  })

  it('that cannot be written for another reason keeps nobody from writing', async () => {
    const { disk, other } = await settingOf(16)
    const faulty = new FaultyFileSystem(disk)
    const reserve = new Reserve(faulty, '/', SIZE)
    await reserve.open()
    reserve.lendNow('drop', () => append(other, 2))
    faulty.addRule({ kind: 'write', fault: { code: 'EIO' }, times: Infinity })
    expect(reserve.refill()).toBe(true)
  })

  it('of no size touches no file', async () => {
    const disk = new MemoryFileSystem()
    const reserve = new Reserve(disk, '/', 0)
    await reserve.open()
    expect([reserve.isWhole, disk.operations]).toEqual([true, 0])
    reserve.close()
  })
})
