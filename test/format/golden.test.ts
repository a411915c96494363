// The golden stores: what is kept of format 0 must be read as it was meant, by the engine and by the second
// reader, on a simulated machine and in a real directory; and the engine of today must write the same bytes.

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Database, open } from '../../src/index.ts'
import { openEngine } from '../../src/database/opening/open.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY, Machine } from '../crash/machine.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { filesIn, readAfterKill, readByEngine, readBySecondReader } from './agreement.ts'
import { makeGolden, readGolden, storedShapes, writeFiles } from './golden.ts'
import type { StoredFiles } from './golden.ts'
import { kindsIn } from './kinds.ts'
import { SHAPES } from './shapes.ts'

const CHANGED =
  'the engine writes other bytes than before. Where the format changed, tell it in CHANGELOG.md under **Format**. ' +
  'Then write the golden stores anew: npx tsx test/format/generate.ts'

/** A temporary directory with these files, removed when the test ends. */
function directoryWith(files: StoredFiles): string {
  const directory = join(temporaryDirectory(), 'database')
  writeFiles(directory, files)
  return directory
}

/** The next process of the machine on which the store was made. */
async function machineWith(files: StoredFiles): Promise<Machine> {
  const disk = new MemoryFileSystem()
  for (const [name, bytes] of files) {
    const path = `${DIRECTORY}/${name}`
    await disk.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    const file = disk.openNow(path, 'create')
    file.writeNow(bytes, 0)
    file.closeNow()
  }
  return new Machine(disk, 1, 1000)
}

const shapes = Object.keys(SHAPES).toSorted()

it('there is a golden store of each shape, and of nothing else', () => {
  expect(storedShapes(), CHANGED).toEqual(shapes)
})

it('together they have every kind of record, edit, run and frame', () => {
  const found = new Set(shapes.flatMap((shape) => kindsIn(readGolden(shape).files)))
  expect([...found].toSorted()).toEqual(ALL_KINDS)
})

const ALL_KINDS = [
  ...['begin', 'create', 'redefine', 'remove', 'flush', 'delete', 'relocate', 'drop', 'punch'].map(
    (kind) => `edit ${kind}`,
  ),
  ...['begin', 'pointers', 'end', 'archive', 'holes'].map((kind) => `manifest ${kind}`),
  'commit',
  'fill',
  'run of extents',
  'run of rows',
  'short frame',
].toSorted()

describe.each(shapes)('the golden store "%s"', (shape) => {
  it('is written by the engine of today, byte for byte', async () => {
    const golden = readGolden(shape)
    const made = await makeGolden(shape)
    expect(made.expected).toBe(golden.expected)
    expect([...made.files.keys()], CHANGED).toEqual([...golden.files.keys()])
    for (const [name, bytes] of made.files)
      expect(Buffer.from(bytes).equals(golden.files.get(name)!), `${name}: ${CHANGED}`).toBe(true)
  })

  it('is read by the second reader', () => {
    const { files, expected } = readGolden(shape)
    expect(readBySecondReader(filesIn(directoryWith(files)))).toBe(expected)
  })

  it('is opened as after a kill on the machine that made it', async () => {
    const { files, expected } = readGolden(shape)
    const machine = await machineWith(files)
    const opened = await openEngine(machine.environment({ reserveSize: 0 }), DIRECTORY, resolveOptions({}))
    const db = new Database(opened.engine, opened.flusher)
    expect(await readByEngine(db)).toBe(expected)
    expect((await db.verify()).problems).toEqual([])
    await db.close()
  })

  it('is opened in a directory of another machine', async () => {
    const { files, expected } = readGolden(shape)
    const directory = directoryWith(files)
    const db = await open(directory, { takeover: true })
    expect(await readByEngine(db)).toBe(expected)
    expect((await db.verify()).problems).toEqual([])
    await db.close()
    expect(readBySecondReader(filesIn(directory))).toBe(expected)
  })
})

it('a registration of a read-only process holds by its two checks', () => {
  const { files } = readGolden('registered-reader')
  const [, bytes] = [...files].find(([name]) => name.startsWith('readers/'))!
  const text = Buffer.from(bytes).toString()
  const [, said, check, digits, ofPin] =
    /^(\{.*),"check":"([0-9a-f]{8})","pin":"(\d{16})-([0-9a-f]{8})"\}\n$/.exec(text)!
  expect(JSON.parse(text)).toMatchObject({ host: 'simulated', bootId: 'boot-1', pid: 101, lock: 'file' })
  expect(crc32(said!)).toBe(Number.parseInt(check!, 16))
  expect(crc32(digits!, Number.parseInt(check!, 16))).toBe(Number.parseInt(ofPin!, 16))
  expect(Number(digits)).toBeGreaterThan(0)
})

it('the second reader judges a kill by the boot at which the epoch began', () => {
  const directory = directoryWith(readGolden('torn').files)
  expect(readAfterKill(filesIn(directory), 'boot-1')).toBe(readGolden('torn').expected)
  expect(readAfterKill(filesIn(directory), 'boot-2')).toBeUndefined()
})
