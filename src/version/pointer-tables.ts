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
    if (key >>> this.#shift >= WIDTH) return PointerTable.empty
    let slots = this.#root
    for (let shift = this.#shift; shift > 0; shift -= BITS) {
      const below = slots[(key >>> shift) & MASK]
      if (below === undefined || below instanceof PointerTable) return PointerTable.empty
      slots = below
    }
    const table = slots[key & MASK]
    return table instanceof PointerTable ? table : PointerTable.empty
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
    // Arrays made by this call: they may be written to until it returns.
    const own = new Set<Slots>()
    let root = this.#root
    let shift = this.#shift
    let size = this.size
    for (const [key, table] of entries) {
      assertKey(key)
      while (key >>> shift >= WIDTH && table.length > 0) {
        const above: MutableSlots = emptySlots()
        if (size > 0) above[0] = root
        own.add(above)
        root = above
        shift += BITS
      }
      if (key >>> shift >= WIDTH) continue
      const before = lookUp(root, shift, key)
      if (before === (table.length > 0 ? table : undefined)) continue
      root = put(root, shift, key, table.length > 0 ? table : undefined, own) ?? emptySlots()
      size += (table.length > 0 ? 1 : 0) - (before === undefined ? 0 : 1)
    }
    if (root === this.#root) return this
    return size === 0 ? PointerTables.empty : new PointerTables(root, shift, size)
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

function emptySlots(): MutableSlots {
  return Array.from({ length: WIDTH }, () => undefined)
}

function assertKey(key: number): void {
  const valid = Number.isInteger(key) && key >= 1 && key <= KEY_MAX
  assert(valid, 'a channel key is an integer from 1 to 2^30 - 1')
}

function lookUp(root: Slots, rootShift: number, key: number): PointerTable | undefined {
  let slots = root
  for (let shift = rootShift; ; shift -= BITS) {
    const slot = slots[(key >>> shift) & MASK]
    if (slot === undefined || slot instanceof PointerTable) return slot
    slots = slot
  }
}

/** `slots` with the key set, copied unless this change owns them; `undefined` if nothing is left. */
function put(
  slots: Slots,
  shift: number,
  key: number,
  table: PointerTable | undefined,
  own: Set<Slots>,
): Slots | undefined {
  const index = (key >>> shift) & MASK
  const old = slots[index]
  let slot: Slots | PointerTable | undefined = table
  if (shift > 0) {
    const below = old === undefined || old instanceof PointerTable ? emptySlots() : old
    if (below !== old) own.add(below)
    slot = put(below, shift - BITS, key, table, own)
  }
  if (slot === undefined && slots.every((other, at) => at === index || other === undefined)) return undefined
  const copy: MutableSlots = own.has(slots) ? (slots as MutableSlots) : slots.slice()
  own.add(copy)
  copy[index] = slot
  return copy
}

function* walk(slots: Slots, prefix: number): IterableIterator<[number, PointerTable]> {
  for (const [index, slot] of slots.entries()) {
    const key = prefix * WIDTH + index
    if (slot instanceof PointerTable) yield [key, slot]
    else if (slot !== undefined) yield* walk(slot, key)
  }
}
