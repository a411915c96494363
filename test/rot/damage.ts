// Every way in which a store's bytes are changed behind the engine's back. Each has a name that says all
// of it, so that a failure is made again from its name. Lists of them are generated in a fixed order:
// the soak script takes all, `npm test` some.

import type { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { DIRECTORY } from '../crash/machine.ts'
import type { Store } from './stores.ts'

/** What a disk writes at once, and what a file system keeps in memory. */
const SECTOR = 512
const PAGE = 4096

/** A part of a file. `path` is relative to the database's folder. */
interface Part {
  readonly path: string
  readonly from: number
  readonly to: number
}

export type Damage =
  | { readonly kind: 'bit'; readonly path: string; readonly offset: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly path: string; readonly size: number }
  | { readonly kind: 'zero'; readonly part: Part }
  /** Two parts of one size change places. */
  | { readonly kind: 'swap'; readonly part: Part; readonly other: Part }
  | { readonly kind: 'exchange'; readonly path: string; readonly other: string }
  /** A file of the same name, from another database that went through the same. */
  | { readonly kind: 'twin'; readonly path: string }

export type DamageKind = Damage['kind']

/** All kinds, in the order in which the soak goes through them. */
export const KINDS: readonly DamageKind[] = ['cut', 'zero', 'swap', 'exchange', 'twin', 'bit']

/** Says all of it, without spaces. */
export function nameOf(damage: Damage): string {
  switch (damage.kind) {
    case 'bit':
      return `bit:${damage.path}:${damage.offset}:${damage.bit}`
    case 'cut':
      return `cut:${damage.path}:${damage.size}`
    case 'zero':
      return `zero:${nameOfPart(damage.part)}`
    case 'swap':
      return `swap:${nameOfPart(damage.part)}:${nameOfPart(damage.other)}`
    case 'exchange':
      return `exchange:${damage.path}:${damage.other}`
    case 'twin':
      return `twin:${damage.path}`
  }
}

function nameOfPart({ path, from, to }: Part): string {
  return `${path}:${from}:${to}`
}

/** Paths of a store's files, relative to its folder. */
export function filesOf(disk: MemoryFileSystem): string[] {
  return disk.files().map((path) => path.slice(DIRECTORY.length + 1))
}

/** All damage of one kind to a store. */
export function* damageOf(store: Store, kind: DamageKind): Generator<Damage> {
  const files = filesOf(store.disk).map((path) => ({ path, size: bytesOf(store.disk, path).length }))
  switch (kind) {
    case 'bit':
      for (const { path, size } of files)
        for (let offset = 0; offset < size; offset++)
          for (let bit = 0; bit < 8; bit++) yield { kind, path, offset, bit }
      return
    case 'cut':
      for (const { path, size: whole } of files)
        for (let size = 0; size < whole; size++) yield { kind, path, size }
      return
    case 'zero':
      for (const part of files.flatMap(piecesOf)) yield { kind, part }
      return
    case 'swap': {
      const parts = files.flatMap(piecesOf)
      for (const [i, part] of parts.entries()) {
        for (const other of parts.slice(i + 1)) {
          if (other.to - other.from === part.to - part.from) yield { kind, part, other }
        }
      }
      return
    }
    case 'exchange':
      for (const [i, { path }] of files.entries())
        for (const { path: other } of files.slice(i + 1)) yield { kind, path, other }
      return
    case 'twin':
      for (const { path } of files) yield { kind, path }
      return
  }
}

/** A file in pages, and in sectors. */
function piecesOf({ path, size }: { readonly path: string; readonly size: number }): Part[] {
  return [PAGE, SECTOR].flatMap((length) =>
    Array.from({ length: Math.ceil(size / length) }, (_, i) => ({
      path,
      from: i * length,
      to: Math.min(size, (i + 1) * length),
    })),
  )
}

/** The store's disk with the damage done; the store stays as it is. */
export function damaged(store: Store, damage: Damage): MemoryFileSystem {
  const disk = store.disk.clone()
  switch (damage.kind) {
    case 'bit':
      disk.corrupt(absolute(damage.path), damage.offset, 1 << damage.bit)
      break
    case 'cut':
      replace(disk, damage.path, bytesOf(disk, damage.path).slice(0, damage.size))
      break
    case 'zero':
      put(disk, damage.part, new Uint8Array(damage.part.to - damage.part.from))
      break
    case 'swap': {
      const [one, other] = [take(disk, damage.part), take(disk, damage.other)]
      put(disk, damage.part, other)
      put(disk, damage.other, one)
      break
    }
    case 'exchange': {
      const [one, other] = [bytesOf(disk, damage.path), bytesOf(disk, damage.other)]
      replace(disk, damage.path, other)
      replace(disk, damage.other, one)
      break
    }
    case 'twin':
      replace(disk, damage.path, bytesOf(store.twin, damage.path))
      break
  }
  return disk
}

export function absolute(path: string): string {
  return `${DIRECTORY}/${path}`
}

export function bytesOf(disk: MemoryFileSystem, path: string): Uint8Array {
  return disk.snapshotBytes(absolute(path))
}

function take(disk: MemoryFileSystem, { path, from, to }: Part): Uint8Array {
  return bytesOf(disk, path).slice(from, to)
}

function put(disk: MemoryFileSystem, { path, from }: Part, bytes: Uint8Array): void {
  const whole = bytesOf(disk, path).slice()
  whole.set(bytes, from)
  replace(disk, path, whole)
}

function replace(disk: MemoryFileSystem, path: string, bytes: Uint8Array): void {
  const file = disk.openNow(absolute(path), 'write')
  file.truncateNow(0)
  if (bytes.length > 0) file.writeNow(bytes, 0)
  file.closeNow()
}

/** The damage of a name. @throws Error where it is none */
export function damageNamed(store: Store, name: string): Damage {
  const kind = KINDS.find((each) => name.startsWith(`${each}:`))
  if (kind !== undefined) {
    for (const damage of damageOf(store, kind)) if (nameOf(damage) === name) return damage
  }
  throw new Error(`The store "${store.name}, ${store.ending}" has no damage ${name}`)
}
