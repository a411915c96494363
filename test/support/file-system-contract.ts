// What every implementation of the file-system port must do, as one suite. A file system is asked for
// anew by each test, with an empty directory to work in. Run by the unit tests of each implementation.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileSystem } from '../../src/fs/file-system.ts'

/** A file system under test, and the directory that is its own. */
export interface FileSystemUnderTest {
  readonly fileSystem: FileSystem
  /** An empty directory. */
  readonly root: string
  readonly dispose?: () => Promise<void>
}

/** Registers the suite. `make` is called once a test. */
export function describeFileSystem(name: string, make: () => Promise<FileSystemUnderTest>): void {
  describe(`${name} keeps the contract of the port`, () => {
    let under: FileSystemUnderTest
    let fs: FileSystem
    let at: (name: string) => string

    beforeEach(async () => {
      under = await make()
      fs = under.fileSystem
      at = (file) => `${under.root}/${file}`
    })

    afterEach(async () => {
      await under.dispose?.()
    })

    const create = (file: string, contents: string): void => {
      const made = fs.openNow(at(file), 'create')
      expect(made.writeNow(bytes(contents), 0)).toBe(contents.length)
      made.closeNow()
    }

    const contentsOf = (file: string): string => {
      const opened = fs.openNow(at(file), 'read')
      const target = new Uint8Array(opened.sizeNow())
      expect(opened.readNow(target, 0)).toBe(target.length)
      opened.closeNow()
      return text(target)
    }

    describe('opening', () => {
      it('creates a file only where its name is free', () => {
        const file = fs.openNow(at('a'), 'create')
        expect(file.path).toBe(at('a'))
        expect(file.sizeNow()).toBe(0)
        file.closeNow()
        expect(failureOf(() => fs.openNow(at('a'), 'create'))).toBe('EEXIST')
        expect(failureOf(() => fs.openNow(under.root, 'create'))).toBe('EEXIST')
      })

      it('opens for reading and writing only what exists', () => {
        expect(failureOf(() => fs.openNow(at('a'), 'read'))).toBe('ENOENT')
        expect(failureOf(() => fs.openNow(at('a'), 'write'))).toBe('ENOENT')
        expect(failureOf(() => fs.openNow(at('no/a'), 'create'))).toBe('ENOENT')
      })

      it('opens no directory, and nothing below a file', () => {
        create('a', 'x')
        expect(failureOf(() => fs.openNow(under.root, 'read'))).toBe('EISDIR')
        expect(failureOf(() => fs.openNow(under.root, 'write'))).toBe('EISDIR')
        expect(failureOf(() => fs.openNow(at('a/b'), 'create'))).toBe('ENOTDIR')
        expect(failureOf(() => fs.openNow(at('a/b'), 'read'))).toBe('ENOTDIR')
      })

      it('refuses to change a file that was opened for reading', async () => {
        create('a', 'abc')
        const file = fs.openNow(at('a'), 'read')
        expect(failureOf(() => file.writeNow(bytes('x'), 0))).toBe('EBADF')
        expect(await rejectionOf(file.write(bytes('x'), 0))).toBe('EBADF')
        expect(failureOf(() => file.truncateNow(0))).toBe('EINVAL')
        file.closeNow()
        expect(contentsOf('a')).toBe('abc')
      })
    })

    describe('reading and writing', () => {
      it('overwrites in place and appends, whatever the kind of call', async () => {
        create('a', 'abcdef')
        const file = fs.openNow(at('a'), 'write')
        expect(file.writeNow(bytes('X'), 1)).toBe(1)
        expect(await file.write(bytes('YZ'), 6)).toBe(2)
        expect(file.sizeNow()).toBe(8)
        const now = new Uint8Array(4)
        expect(file.readNow(now, 0)).toBe(4)
        expect(text(now)).toBe('aXcd')
        const later = new Uint8Array(4)
        expect(await file.read(later, 4)).toBe(4)
        expect(text(later)).toBe('efYZ')
        file.closeNow()
      })

      it('reads fewer bytes only at the end of the file', async () => {
        create('a', 'abc')
        const file = fs.openNow(at('a'), 'read')
        const target = bytes('.....')
        expect(file.readNow(target, 1)).toBe(2)
        expect(text(target)).toBe('bc...')
        expect(await file.read(target, 3)).toBe(0)
        expect(file.readNow(target, 1000)).toBe(0)
        expect(file.readNow(new Uint8Array(0), 0)).toBe(0)
        expect(text(target)).toBe('bc...')
        file.closeNow()
      })

      it('reads and writes only the view that it was given', () => {
        const file = fs.openNow(at('a'), 'create')
        const buffer = bytes('0123456789')
        expect(file.writeNow(buffer.subarray(2, 5), 0)).toBe(3)
        const target = bytes('..........')
        expect(file.readNow(target.subarray(4, 6), 1)).toBe(2)
        expect(text(target)).toBe('....34....')
        file.closeNow()
      })

      it('keeps what was written when the buffer is used again', () => {
        const file = fs.openNow(at('a'), 'create')
        const buffer = Buffer.from('abc')
        file.writeNow(buffer, 0)
        buffer.fill(0)
        const target = new Uint8Array(3)
        file.readNow(target, 0)
        expect(text(target)).toBe('abc')
        file.closeNow()
      })

      it('fills a gap before a write with zeroes', () => {
        const file = fs.openNow(at('a'), 'create')
        file.writeNow(bytes('z'), 3)
        file.closeNow()
        expect(contentsOf('a')).toBe('\0\0\0z')
      })

      it('cuts and extends, and shows zeroes where it was cut before', () => {
        create('a', 'abcdef')
        const file = fs.openNow(at('a'), 'write')
        file.truncateNow(2)
        expect(file.sizeNow()).toBe(2)
        file.truncateNow(4)
        file.closeNow()
        expect(contentsOf('a')).toBe('ab\0\0')
      })

      it('writes nothing for an empty source', async () => {
        const file = fs.openNow(at('a'), 'create')
        expect(file.writeNow(new Uint8Array(0), 10)).toBe(0)
        expect(await file.write(new Uint8Array(0), 10)).toBe(0)
        expect(file.sizeNow()).toBe(0)
        file.closeNow()
      })

      it('shows what one handle writes to all others at once', () => {
        create('a', 'abc')
        const writer = fs.openNow(at('a'), 'write')
        const reader = fs.openNow(at('a'), 'read')
        writer.writeNow(bytes('X'), 0)
        const target = new Uint8Array(3)
        reader.readNow(target, 0)
        expect(text(target)).toBe('Xbc')
        writer.closeNow()
        reader.closeNow()
      })

      it('takes several megabytes in one call', async () => {
        const file = fs.openNow(at('a'), 'create')
        const source = new Uint8Array(3 * 2 ** 20).map((_, index) => index % 251)
        let done = 0
        while (done < source.length) done += await file.write(source.subarray(done), done)
        const target = new Uint8Array(source.length)
        expect(await file.read(target, 0)).toBe(source.length)
        expect(Buffer.compare(target, source)).toBe(0)
        file.closeNow()
      })

      it('refuses offsets that are no byte positions', async () => {
        const file = fs.openNow(at('a'), 'create')
        for (const offset of [-1, 0.5, NaN, Infinity]) {
          expect(() => file.readNow(new Uint8Array(1), offset)).toThrow('offset')
          expect(() => file.writeNow(new Uint8Array(1), offset)).toThrow('offset')
          expect(() => file.truncateNow(offset)).toThrow('offset')
          await expect(file.read(new Uint8Array(1), offset)).rejects.toThrow('offset')
          await expect(file.write(new Uint8Array(1), offset)).rejects.toThrow('offset')
        }
        expect(file.sizeNow()).toBe(0)
        file.closeNow()
      })

      it('syncs contents without changing them', async () => {
        const file = fs.openNow(at('a'), 'create')
        file.writeNow(bytes('abc'), 0)
        await file.sync()
        file.syncNow()
        file.closeNow()
        expect(contentsOf('a')).toBe('abc')
      })
    })

    describe('closing', () => {
      it('fails every later call on the file with EBADF, a second close too', async () => {
        const file = fs.openNow(at('a'), 'create')
        file.closeNow()
        // The system gives the freed number to this file: nothing may reach it.
        const other = fs.openNow(at('b'), 'create')
        expect(failureOf(() => file.readNow(new Uint8Array(1), 0))).toBe('EBADF')
        expect(failureOf(() => file.writeNow(bytes('x'), 0))).toBe('EBADF')
        expect(failureOf(() => file.truncateNow(5))).toBe('EBADF')
        expect(failureOf(() => file.sizeNow())).toBe('EBADF')
        expect(failureOf(() => file.syncNow())).toBe('EBADF')
        expect(failureOf(() => file.closeNow())).toBe('EBADF')
        expect(await rejectionOf(file.read(new Uint8Array(1), 0))).toBe('EBADF')
        expect(await rejectionOf(file.write(bytes('x'), 0))).toBe('EBADF')
        expect(await rejectionOf(file.sync())).toBe('EBADF')
        expect(other.sizeNow()).toBe(0)
        other.closeNow()
      })

      it('lets operations that are under way end on their own file', async () => {
        const file = fs.openNow(at('a'), 'create')
        const source = bytes('x'.repeat(100_000))
        const writes = Promise.all([0, 1, 2].map((part) => file.write(source, part * source.length)))
        const sync = file.sync()
        file.closeNow()
        const other = fs.openNow(at('b'), 'create')
        expect(await writes).toEqual([source.length, source.length, source.length])
        await sync
        expect(other.sizeNow()).toBe(0)
        other.closeNow()
        expect(contentsOf('a')).toBe('x'.repeat(300_000))
      })
    })

    describe('names', () => {
      it('lists a directory in order', async () => {
        create('b', '')
        create('B', '')
        create('a10', '')
        create('a9', '')
        await fs.makeDirectory(at('c'))
        expect(await fs.list(under.root)).toEqual(['B', 'a10', 'a9', 'b', 'c'])
        expect(await fs.list(at('c'))).toEqual([])
      })

      it('lists only directories', async () => {
        create('a', '')
        expect(await rejectionOf(fs.list(at('a')))).toBe('ENOTDIR')
        expect(await rejectionOf(fs.list(at('no')))).toBe('ENOENT')
      })

      it('says what is at a path', async () => {
        create('a', 'abc')
        await fs.makeDirectory(at('d'))
        expect(await fs.stat(at('a'))).toEqual({ kind: 'file', size: 3 })
        expect(await fs.stat(at('d'))).toMatchObject({ kind: 'directory' })
        expect(await fs.stat(at('no'))).toBeUndefined()
        expect(await fs.stat(at('no/deeper'))).toBeUndefined()
        expect(await fs.stat(at('a/below'))).toBeUndefined()
      })

      it('makes a directory with its parents, and is content with one that exists', async () => {
        await fs.makeDirectory(at('x/y/z'))
        await fs.makeDirectory(at('x/y/z'))
        create('x/y/z/a', 'deep')
        expect(contentsOf('x/y/z/a')).toBe('deep')
        expect(await fs.list(at('x'))).toEqual(['y'])
      })

      it('makes no directory where a file is, or below one', async () => {
        create('a', '')
        expect(await rejectionOf(fs.makeDirectory(at('a')))).toBe('EEXIST')
        expect(await rejectionOf(fs.makeDirectory(at('a/b')))).toBe('ENOTDIR')
      })

      it('tells where a file or a directory really is, and of what is missing that it is', async () => {
        await fs.makeDirectory(at('d/e'))
        create('d/e/a', '')
        const real = await fs.realPath(at('d'))
        expect(real.startsWith('/')).toBe(true)
        expect(await fs.realPath(at('d/e'))).toBe(`${real}/e`)
        expect(await fs.realPath(at('d/e/a'))).toBe(`${real}/e/a`)
        expect(await rejectionOf(fs.realPath(at('d/no')))).toBe('ENOENT')
        expect(await rejectionOf(fs.realPath(at('d/e/a/b')))).toBe('ENOTDIR')
      })

      it('removes only empty directories', async () => {
        await fs.makeDirectory(at('d'))
        create('d/a', '')
        create('f', '')
        expect(await rejectionOf(fs.removeDirectory(at('d')))).toBe('ENOTEMPTY')
        expect(await rejectionOf(fs.removeDirectory(at('no')))).toBe('ENOENT')
        expect(await rejectionOf(fs.removeDirectory(at('f')))).toBe('ENOTDIR')
        await fs.remove(at('d/a'))
        await fs.removeDirectory(at('d'))
        expect(await fs.list(under.root)).toEqual(['f'])
      })

      it('gives a file a second name, which lives on without the first', async () => {
        create('a', 'abc')
        await fs.link(at('a'), at('b'))
        const file = fs.openNow(at('b'), 'write')
        file.writeNow(bytes('X'), 0)
        file.closeNow()
        expect(contentsOf('a')).toBe('Xbc')
        await fs.remove(at('a'))
        expect(await fs.list(under.root)).toEqual(['b'])
        expect(contentsOf('b')).toBe('Xbc')
      })

      it('links only files, only to free names', async () => {
        create('a', 'a')
        create('b', 'b')
        await fs.makeDirectory(at('d'))
        expect(await rejectionOf(fs.link(at('a'), at('b')))).toBe('EEXIST')
        expect(await rejectionOf(fs.link(at('a'), at('d')))).toBe('EEXIST')
        expect(await rejectionOf(fs.link(at('a'), at('a')))).toBe('EEXIST')
        expect(await rejectionOf(fs.link(at('no'), at('c')))).toBe('ENOENT')
        expect(await rejectionOf(fs.link(at('a'), at('no/c')))).toBe('ENOENT')
        expect(await rejectionOf(fs.link(at('d'), at('c')))).toBe('EPERM')
        expect(contentsOf('b')).toBe('b')
      })

      it('lets exactly one of many callers link a name', async () => {
        const names = ['t0', 't1', 't2', 't3', 't4']
        for (const name of names) create(name, name)
        const results = await Promise.allSettled(names.map((name) => fs.link(at(name), at('won'))))
        const winners = names.filter((_, index) => results[index]?.status === 'fulfilled')
        expect(winners).toHaveLength(1)
        expect(contentsOf('won')).toBe(winners[0])
      })

      it('removes a name, while what has the file open reads on', async () => {
        create('a', 'abc')
        const file = fs.openNow(at('a'), 'write')
        await fs.remove(at('a'))
        expect(await fs.stat(at('a'))).toBeUndefined()
        create('a', 'new')
        file.writeNow(bytes('X'), 0)
        const target = new Uint8Array(3)
        expect(file.readNow(target, 0)).toBe(3)
        expect(text(target)).toBe('Xbc')
        await file.sync()
        file.closeNow()
        expect(contentsOf('a')).toBe('new')
      })

      it('removes only names of files that are there', async () => {
        await fs.makeDirectory(at('d'))
        expect(await rejectionOf(fs.remove(at('no')))).toBe('ENOENT')
        expect(['EISDIR', 'EPERM']).toContain(await rejectionOf(fs.remove(at('d'))))
        expect(await fs.list(under.root)).toEqual(['d'])
      })

      it('syncs directories that exist', async () => {
        create('a', '')
        await fs.syncDirectory(under.root)
        fs.syncDirectoryNow(under.root)
        expect(await rejectionOf(fs.syncDirectory(at('no')))).toBe('ENOENT')
        expect(failureOf(() => fs.syncDirectoryNow(at('no')))).toBe('ENOENT')
        expect(await rejectionOf(fs.syncDirectory(at('a')))).toBe('ENOTDIR')
        expect(failureOf(() => fs.syncDirectoryNow(at('a')))).toBe('ENOTDIR')
        expect(await fs.list(under.root)).toEqual(['a'])
      })
    })
  })
}

/** Bytes of a string of single-byte characters. */
export function bytes(contents: string): Uint8Array {
  return new Uint8Array(Buffer.from(contents, 'latin1'))
}

/** The string that `bytes` made bytes of. */
export function text(contents: Uint8Array): string {
  return Buffer.from(contents).toString('latin1')
}

/** The code of the error that `action` throws; undefined where it throws none, or one without a code. */
export function failureOf(action: () => unknown): unknown {
  try {
    action()
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

/** As `failureOf`, for a promise. */
export async function rejectionOf(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => undefined,
    (error: unknown) => codeOf(error),
  )
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
