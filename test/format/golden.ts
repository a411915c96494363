// Where the golden stores lie and how they are read back: `golden/<shape>/store` has a database's files as they
// were made, `golden/<shape>/expected.json` what is in them. Called by generate.ts and golden.test.ts.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DIRECTORY } from '../crash/machine.ts'
import type { Machine } from '../crash/machine.ts'
import { SHAPES } from './shapes.ts'

const GOLDEN = join(dirname(fileURLToPath(import.meta.url)), 'golden')

/** Bytes of a store's files by path relative to its folder. */
export type StoredFiles = ReadonlyMap<string, Uint8Array>

/** What is kept of a shape. */
export interface Golden {
  readonly files: StoredFiles
  readonly expected: string
}

/** A path relative to the folder; what is random in a registration's name is not kept. */
function nameOf(path: string): string {
  return path
    .slice(DIRECTORY.length + 1)
    .replace(/^(readers\/\d+)-[0-9a-f]{32}$/, (_, start: string) => `${start}-${'0'.repeat(32)}`)
}

/** The files on a simulated disk. */
export function filesOf({ disk }: Machine): StoredFiles {
  const paths = disk.files().filter((path) => path.startsWith(`${DIRECTORY}/`))
  return new Map(paths.map((path) => [nameOf(path), disk.snapshotBytes(path)]))
}

/** Names of the shapes of which there is a golden store, sorted. */
export function storedShapes(): string[] {
  return existsSync(GOLDEN) ? readdirSync(GOLDEN).toSorted() : []
}

export function readGolden(shape: string): Golden {
  const store = join(GOLDEN, shape, 'store')
  const names = readdirSync(store, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => statSync(join(store, name)).isFile()).toSorted()
  return {
    files: new Map(files.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(store, name))])),
    expected: readFileSync(join(GOLDEN, shape, 'expected.json'), 'utf8'),
  }
}

/** Puts these in the place of all that is there. */
export function writeGolden(stores: ReadonlyMap<string, Golden>): void {
  rmSync(GOLDEN, { recursive: true, force: true })
  for (const [shape, { files, expected }] of stores) {
    writeFiles(join(GOLDEN, shape, 'store'), files)
    writeFileSync(join(GOLDEN, shape, 'expected.json'), expected)
  }
}

/** Writes a store's files into a directory of this machine. */
export function writeFiles(directory: string, files: StoredFiles): void {
  mkdirSync(directory, { recursive: true })
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), bytes)
  }
}

/** Makes a store of this shape as the engine of today writes it. */
export async function makeGolden(shape: string): Promise<Golden> {
  const { machine, shown } = await SHAPES[shape]!()
  return { files: filesOf(machine), expected: shown }
}
