// The operating system's files: the port's contract, and descriptors that are neither lost nor reused.

import { mkdtemp, readlink, rm, symlink } from 'node:fs/promises'
import fs, { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { uninterrupted, uninterruptedLater } from '../../../src/fs/node-file.ts'
import { NodeFileSystem, nodeFileSystem } from '../../../src/fs/node-file-system.ts'
import { systemError } from '../../../src/fs/system-error.ts'
import { bytes, describeFileSystem, failureOf, text } from '../../support/file-system-contract.ts'

const makeRoot = (): Promise<string> => mkdtemp(join(tmpdir(), 'rubidium-fs-'))

describeFileSystem('NodeFileSystem', async () => {
  const root = await makeRoot()
  return {
    fileSystem: new NodeFileSystem(),
    root,
    dispose: () => rm(root, { recursive: true }),
  }
})

it('NodeFileSystem tells the path behind links, also up out of them', async () => {
  const root = await nodeFileSystem.realPath(await makeRoot())
  onTestFinished(() => rm(root, { recursive: true }))
  await nodeFileSystem.makeDirectory(`${root}/a/b`)
  await symlink(`${root}/a/b`, `${root}/link`)
  expect(await nodeFileSystem.realPath(`${root}/link`)).toBe(`${root}/a/b`)
  expect(await nodeFileSystem.realPath(`${root}/link/..`)).toBe(`${root}/a`)
})

describe.runIf(process.platform === 'linux')('descriptors of NodeFileSystem', () => {
  let root: string

  beforeEach(async () => {
    root = await makeRoot()
  })

  afterEach(async () => {
    await rm(root, { recursive: true })
  })

  const openDescriptors = async (): Promise<string[]> => {
    const targets = readdirSync('/proc/self/fd').map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
    return (await Promise.all(targets)).filter((target) => target.startsWith(root))
  }

  it('are given back at the close when nothing is under way', async () => {
    const file = nodeFileSystem.openNow(`${root}/a`, 'create')
    expect(await openDescriptors()).toEqual([`${root}/a`])
    file.closeNow()
    expect(await openDescriptors()).toEqual([])
  })

  it('are given back after the last operation when some are under way at the close', async () => {
    const file = nodeFileSystem.openNow(`${root}/a`, 'create')
    const work = [file.write(bytes('abc'), 0), file.sync(), file.read(new Uint8Array(3), 0)]
    file.closeNow()
    await Promise.all(work)
    expect(await openDescriptors()).toEqual([])
  })

  it('are given back where a directory was opened by mistake', async () => {
    expect(failureOf(() => nodeFileSystem.openNow(root, 'read'))).toBe('EISDIR')
    await nodeFileSystem.syncDirectory(root)
    nodeFileSystem.syncDirectoryNow(root)
    expect(await openDescriptors()).toEqual([])
  })
})

describe('what the system does by halves', () => {
  let root: string

  beforeEach(async () => {
    root = await makeRoot()
  })

  afterEach(async () => {
    vi.restoreAllMocks()
    await rm(root, { recursive: true })
  })

  it('is a short read that is gone on with: fewer bytes come only at the end of the file', async () => {
    const file = nodeFileSystem.openNow(`${root}/a`, 'create')
    file.writeNow(bytes('abcdefgh'), 0)
    const { readSync, read } = fs
    const short = (length: unknown): number => Math.min(Number(length), 3)
    vi.spyOn(fs, 'readSync').mockImplementation((...args: unknown[]) => {
      args[3] = short(args[3])
      return (readSync as (...all: unknown[]) => number)(...args)
    })
    vi.spyOn(fs, 'read').mockImplementation((...args: unknown[]) => {
      args[3] = short(args[3])
      ;(read as (...all: unknown[]) => void)(...args)
    })
    for (const how of ['now', 'later']) {
      const target = new Uint8Array(10)
      expect(how === 'now' ? file.readNow(target, 0) : await file.read(target, 0)).toBe(8)
      expect(text(target.subarray(0, 8))).toBe('abcdefgh')
    }
    expect(vi.mocked(fs.readSync)).toHaveBeenCalledTimes(4)
    expect(vi.mocked(fs.read)).toHaveBeenCalledTimes(4)
    vi.restoreAllMocks()
    file.closeNow()
  })

  it("is a close that says something, which is nobody's business any more", () => {
    const file = nodeFileSystem.openNow(`${root}/a`, 'create')
    const { closeSync } = fs
    vi.spyOn(fs, 'closeSync').mockImplementation((fd) => {
      closeSync(fd)
      throw systemError('EIO', 'close', 'a')
    })
    file.closeNow()
    expect(fs.closeSync).toHaveBeenCalledTimes(1)
    expect(failureOf(() => file.sizeNow())).toBe('EBADF')
  })
})

describe('an interrupted system call', () => {
  it('is made again until it is not interrupted', async () => {
    let left = 3
    const call = (): string => {
      left -= 1
      if (left > 0) throw systemError('EINTR', 'write', 'a')
      return 'done'
    }
    expect(uninterrupted(call)).toBe('done')
    left = 3
    expect(await uninterruptedLater(async () => call())).toBe('done')
  })

  it('passes every other failure on', async () => {
    const call = (): never => {
      throw systemError('EIO', 'write', 'a')
    }
    expect(failureOf(() => uninterrupted(call))).toBe('EIO')
    await expect(uninterruptedLater(async () => call())).rejects.toMatchObject({ code: 'EIO' })
  })
})
