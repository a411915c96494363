// The pointer tables of all channels: an immutable map from channel key to table.
// A trie of 64-wide arrays, as deep as its largest key demands (three levels for 262,143 keys), so
// that a change copies a few short arrays however many channels there are. A channel without pointers
// has no entry, so that equal contents are equal maps. A plain class without immer's mark: drafts
// neither copy nor freeze it. Held by the version; changed by `apply`.

import { assert } from '../assert.ts'
import { PointerTable } from './pointer-table.ts'

const BITS = 6
const WIDTH = 1 << BITS
const MASK = WIDTH - 1

/** Largest channel key: five levels. */
const KEY_MAX = 2 ** 30 - 1

/** On the lowest level tables, above it slots; `undefined` where there is nothing. */
type Slots = readonly (Slots | PointerTable | undefined)[]
type MutableSlots = (Slots | PointerTable | undefined)[]

/** Pointer tables by channel key: integers from 1 to 2^30 - 1, best dense. */
export class PointerTables {
  /** The map without entries. */
  static readonly empty: PointerTables = new PointerTables(emptySlots(), 0, 0)

  /** Number of channels that have pointers. */
  readonly size: number
  readonly #root: Slots
  // Shift of the root's digit: 0 for one level, 6 for two ...
  readonly #shift: number

  private constructor(root: Slots, shift: number, size: number) {
    this.#root = root
    this.#shift = shift
    this.size = size
  }

  /** The table of a channel; the empty one if the channel has no pointers. */
  get(key: number): PointerTable {
    assertKey(key)
    return lookUp(this.#root, this.#shift, key) ?? PointerTable.empty
  }

  /** The map with this table for the channel; setting an empty table is deleting. */
  set(key: number, table: PointerTable): PointerTables {
    return this.setMany([[key, table]])
  }

  /** The map without the channel; `this` if it has no pointers. */
  delete(key: number): PointerTables {
    return this.setMany([[key, PointerTable.empty]])
  }

  /**
   * The map with all these tables, the last of a key counting; `this` if nothing changes. Cheaper than
   * one `set` after another: what several entries touch is copied once.
   * @throws AssertionError if a key is out of range.
   */
  setMany(entries: Iterable<readonly [number, PointerTable]>): PointerTables {
    const edit = this.edit()
    for (const [key, table] of entries) edit.set(key, table)
    return edit.finish()
  }

  /** Many changes of this map, which stays what it is. */
  edit(): PointerTablesEdit {
    return new PointerTablesEdit(this.#root, this.#shift, this.size, (root, shift, size) => {
      if (root === this.#root) return this
      return size === 0 ? PointerTables.empty : new PointerTables(root, shift, size)
    })
  }

  /** Keys of the channels that have pointers, ascending. */
  *keys(): IterableIterator<number> {
    for (const [key] of this.entries()) yield key
  }

  /** Channels that have pointers with their tables, by ascending key. */
  entries(): IterableIterator<[number, PointerTable]> {
    return walk(this.#root, 0)
  }
}

/**
 * Changes of a map, one by one; what several of them touch is copied once. Made for runs of neighbouring
 * keys: the slots that the last change was in are at hand for the next. Ends with `finish`.
 */
export class PointerTablesEdit {
  #root: Slots
  #shift: number
  #size: number
  readonly #finish: (root: Slots, shift: number, size: number) => PointerTables
  // Arrays made by this edit: they may be written to until it ends.
  readonly #own = new Set<Slots>()
  // The slots of the lowest level that were changed last, and which keys they are for: key >>> BITS.
  #near: MutableSlots | undefined
  #prefix = -1
  // Something was taken out of them: perhaps nothing is left.
  #isThinned = false

  /** For `PointerTables.edit`. */
  constructor(
    root: Slots,
    shift: number,
    size: number,
    finish: (root: Slots, shift: number, size: number) => PointerTables,
  ) {
    this.#root = root
    this.#shift = shift
    this.#size = size
    this.#finish = finish
  }

  /**
   * The table of a channel, as it is now; the empty one if it has no pointers.
   * @throws AssertionError if the key is out of range
   */
  get(key: number): PointerTable {
    assertKey(key)
    return this.#lookUp(key) ?? PointerTable.empty
  }

  /**
   * Another table for the channel; an empty one takes it out.
   * @throws AssertionError if the key is out of range
   */
  set(key: number, table: PointerTable): void {
    assertKey(key)
    const before = this.#lookUp(key)
    const after = table.length > 0 ? table : undefined
    if (before === after) return
    this.#size += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
    if (key >>> BITS !== this.#prefix || this.#near === undefined) this.#goTo(key)
    this.#near![key & MASK] = after
    if (after === undefined) this.#isThinned = true
  }

  /** The map with all changes. The edit must not be used any more. */
  finish(): PointerTables {
    this.#leave()
    return this.#finish(this.#root, this.#shift, this.#size)
  }

  #lookUp(key: number): PointerTable | undefined {
    const slot = key >>> BITS === this.#prefix ? this.#near?.[key & MASK] : undefined
    if (slot instanceof PointerTable) return slot
    return key >>> BITS === this.#prefix ? undefined : lookUp(this.#root, this.#shift, key)
  }

  /** Makes the slots of a key those at hand: own ones, with all above them. */
  #goTo(key: number): void {
    this.#leave()
    while (key >>> this.#shift >= WIDTH) {
      const above = emptySlots()
      above[0] = this.#root
      this.#own.add(above)
      this.#root = above
      this.#shift += BITS
    }
    let slots = this.#owned(this.#root)
    this.#root = slots
    for (let shift = this.#shift; shift > 0; shift -= BITS) {
      const index = (key >>> shift) & MASK
      const old = slots[index]
      const below = this.#owned(old instanceof PointerTable ? undefined : old)
      slots[index] = below
      slots = below
    }
    this.#near = slots
    this.#prefix = key >>> BITS
  }

  #owned(slots: Slots | undefined): MutableSlots {
    if (slots !== undefined && this.#own.has(slots)) return slots as MutableSlots
    const copy = slots === undefined ? emptySlots() : slots.slice()
    this.#own.add(copy)
    return copy
  }

  /** Takes out slots in which nothing is left. */
  #leave(): void {
    if (this.#isThinned) this.#root = pruned(this.#root, this.#shift, this.#prefix * WIDTH) ?? emptySlots()
    this.#isThinned = false
    this.#near = undefined
    this.#prefix = -1
  }
}

function emptySlots(): MutableSlots {
  return Array.from({ length: WIDTH }, () => undefined)
}

/** @throws AssertionError for what is no channel key */
export function assertKey(key: number): void {
  const valid = Number.isInteger(key) && key >= 1 && key <= KEY_MAX
  assert(valid, 'a channel key is an integer from 1 to 2^30 - 1')
}

function lookUp(root: Slots, rootShift: number, key: number): PointerTable | undefined {
  if (key >>> rootShift >= WIDTH) return undefined
  let slots = root
  for (let shift = rootShift; ; shift -= BITS) {
    const slot = slots[(key >>> shift) & MASK]
    if (slot === undefined || slot instanceof PointerTable) return slot
    slots = slot
  }
}

/**
 * Own slots without those on the way to `key` in which nothing is; `undefined` where nothing is left at all.
 */
function pruned(slots: Slots, shift: number, key: number): Slots | undefined {
  if (shift > 0) {
    const index = (key >>> shift) & MASK
    const below = slots[index] as Slots
    ;(slots as MutableSlots)[index] = pruned(below, shift - BITS, key)
  }
  return slots.every((slot) => slot === undefined) ? undefined : slots
}

function* walk(slots: Slots, prefix: number): IterableIterator<[number, PointerTable]> {
  for (const [index, slot] of slots.entries()) {
    const key = prefix * WIDTH + index
    if (slot instanceof PointerTable) yield [key, slot]
    else if (slot !== undefined) yield* walk(slot, key)
  }
}
