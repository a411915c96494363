// Holes in files: the simulated disk makes them as a real one does, and a power loss keeps, drops or tears them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FaultyFileSystem } from '../../../src/fs/faulty-file-system.ts'
import type { FileSystem } from '../../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../../src/fs/memory-file-system.ts'
import { nodeFileSystem } from '../../../src/fs/node-file-system.ts'
import { hasCode } from '../../../src/fs/system-error.ts'
import { errorOf } from '../../support/refused.ts'

const SIZE = 40_000
const [FROM, LENGTH] = [4096, 12_288]

/** A file of sevens with a hole in it, as it reads. */
async function punched(files: FileSystem, path: string): Promise<Uint8Array> {
  const file = files.openNow(path, 'create')
  file.writeNow(new Uint8Array(SIZE).fill(7), 0)
  await file.punch!(FROM, LENGTH)
  const bytes = new Uint8Array(SIZE + 1)
  expect(file.readNow(bytes, 0)).toBe(SIZE)
  file.closeNow()
  return bytes.subarray(0, SIZE)
}

const EXPECTED = new Uint8Array(SIZE).fill(7).fill(0, FROM, FROM + LENGTH)

/** A synced file of sevens on a disk that can punch holes. */
async function synced(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem({ holes: true })
  const file = disk.openNow('file', 'create')
  file.writeNow(new Uint8Array(SIZE).fill(7), 0)
  await file.sync()
  await disk.syncDirectory('/')
  file.closeNow()
  return disk
}

describe('a hole', () => {
  it('reads as zeroes, leaves the size, and gives its room back', async () => {
    const disk = new MemoryFileSystem({ holes: true })
    expect(await punched(disk, 'file')).toEqual(EXPECTED)
    const before = disk.used
    const file = disk.openNow('other', 'create')
    file.writeNow(new Uint8Array(SIZE), 0)
    const taken = disk.used - before
    await file.punch(100, 1000)
    // Of the blocks of 512 bytes it only covers one whole.
    expect(before + taken - disk.used).toBe(512)
    file.writeNow(new Uint8Array(1000), 100)
    expect(disk.used).toBe(before + taken)
  })

  it('is the same on a real disk', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'rubidium-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    try {
      expect(await punched(nodeFileSystem, join(folder, 'file'))).toEqual(EXPECTED)
    } catch (error) {
      if (!hasCode(error, 'EOPNOTSUPP')) throw error
      context.skip('this machine, or its file system, punches no holes')
    }
  })

  it('needs a file that is open for writing', async () => {
    const disk = await synced()
    expect(await errorOf(() => disk.openNow('file', 'read').punch(0, 512))).toMatchObject({ code: 'EBADF' })
    const file = disk.openNow('file', 'write')
    file.closeNow()
    expect(await errorOf(() => file.punch(0, 512))).toMatchObject({ code: 'EBADF' })
  })

  it('cannot be made where the file system does not know them, nor where it fails', async () => {
    const file = new MemoryFileSystem().openNow('file', 'create')
    expect(await errorOf(() => file.punch(0, 512))).toMatchObject({ code: 'EOPNOTSUPP' })
    const faults = new FaultyFileSystem(await synced(), [{ kind: 'punch', fault: { code: 'EIO' } }])
    const faulty = faults.openNow('file', 'write')
    expect(await errorOf(() => faulty.punch!(0, 512))).toMatchObject({ code: 'EIO' })
    await faulty.punch!(0, 512)
    const bytes = new Uint8Array(513)
    faulty.readNow(bytes, 0)
    expect(bytes.at(-1)).toBe(7)
    expect(bytes.subarray(0, 512).every((byte) => byte === 0)).toBe(true)
  })

  it('survives a kill; a power loss keeps, drops or tears what is not synced', async () => {
    const disk = await synced()
    const file = disk.openNow('file', 'write')
    await file.punch(FROM, LENGTH)
    const after = (left: MemoryFileSystem): Uint8Array => left.snapshotBytes('file')
    expect(after(disk.afterKill())).toEqual(EXPECTED)
    expect(after(disk.afterPowerLoss(0))).toEqual(new Uint8Array(SIZE).fill(7))
    expect(after(disk.afterPowerLoss(1))).toEqual(EXPECTED)
    let torn = 0
    for (let seed = 2; seed < 60; seed++) {
      const bytes = after(disk.afterPowerLoss(seed))
      expect(bytes.length).toBe(SIZE)
      const zeroes = bytes.filter((byte) => byte === 0).length
      if (zeroes > 0 && zeroes < LENGTH) torn++
      expect(bytes.every((byte, i) => byte === 7 || (byte === 0 && EXPECTED[i] === 0))).toBe(true)
    }
    expect(torn).toBeGreaterThan(5)
    await file.sync()
    for (let seed = 0; seed < 20; seed++) expect(after(disk.afterPowerLoss(seed))).toEqual(EXPECTED)
  })

  it('is a place to die at, and may be half done then', async () => {
    const outcomes = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const disk = await synced()
      const file = disk.openNow('file', 'write')
      disk.killAt(1, seed)
      expect(await errorOf(() => file.punch(FROM, LENGTH))).toMatchObject({ code: 'EKILLED' })
      const bytes = disk.afterKill().snapshotBytes('file')
      outcomes.add(bytes.filter((byte) => byte === 0).length)
    }
    expect(outcomes).toContain(0)
    expect(outcomes).toContain(LENGTH)
    expect(outcomes.size).toBeGreaterThan(3)
  })
})
