// The folder that the demo leaves behind: how many files, how large, and how its path is shown.

import { readdirSync, statSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { bytes, several } from './screen.ts'

/** Bytes of all files in a folder and its folders. */
export function sizeOf(directory: string): number {
  return sizes(directory).reduce((sum, size) => sum + size, 0)
}

/** `7 files, 598 KiB`. */
export function contents(directory: string): string {
  return `${several(sizes(directory).length, 'file')}, ${bytes(sizeOf(directory))}`
}

/** A path as one would type it here. */
export function shortPath(directory: string): string {
  const near = relative(process.cwd(), directory)
  return near.startsWith('..') || isAbsolute(near) ? directory : `./${near.replaceAll('\\', '/')}`
}

function sizes(directory: string): number[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
}
