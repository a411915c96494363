// A file of the simulated disk, without its names: what a process reads now, what is surely on disk,
// and the ordered changes between the two. Invariant: `current` is `durable` with all changes applied
// in order. Called by MemoryFileSystem and its files.

import { ChangeLog } from './change-log.ts'
import { GrowableBytes } from './growable-bytes.ts'
import type { PowerLoss } from './power-loss.ts'
import type { SeededRandom } from './seeded-random.ts'

type ContentChange =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'extend'; readonly size: number }
  | { readonly kind: 'punch'; readonly offset: number; readonly length: number }

/** Contents of one file of the simulated disk. Offsets and sizes in bytes. */
export class MemoryInode {
  readonly kind = 'file'
  #current: GrowableBytes
  #durable: GrowableBytes
  #changes = new ChangeLog<ContentChange>()

  /** @param durable contents that are on disk; taken over, not copied. */
  constructor(durable: GrowableBytes = new GrowableBytes()) {
    this.#durable = durable
    this.#current = durable.clone()
  }

  get size(): number {
    return this.#current.size
  }

  /** Blocks that it takes on the disk; with [start, end) written as well. */
  blocks(blockSize: number, start?: number, end?: number): number {
    return this.#current.blocks(blockSize, start, end)
  }

  /** Copies what is there from `offset` on into `target`; returns how many bytes that were. */
  read(target: Uint8Array, offset: number): number {
    return this.#current.read(target, offset)
  }

  /** Writes a copy of `source`, unsynced. */
  write(sequence: number, source: Uint8Array, offset: number): void {
    if (source.length === 0) return
    this.#current.write(source, offset)
    // The constructor copies where `slice` of a Buffer would share.
    this.#changes.add(sequence, { kind: 'write', offset, bytes: new Uint8Array(source) })
  }

  /** Cuts or extends to `size`, unsynced. */
  truncate(sequence: number, size: number): void {
    this.#current.truncate(size)
    this.#changes.add(sequence, { kind: 'truncate', size })
  }

  /** Makes a hole of `length` bytes at `offset`, unsynced. */
  punch(sequence: number, offset: number, length: number): void {
    if (length === 0) return
    this.#current.punch(offset, offset + length)
    this.#changes.add(sequence, { kind: 'punch', offset, length })
  }

  /** Puts the changes with a sequence below `mark` on disk, but for those that `markClean` met. */
  sync(mark: number): void {
    for (const change of this.#changes.sync(mark)) applyChange(this.#durable, change)
  }

  /** As after a failed sync: what is unsynced stays visible, but no later sync puts it on disk. */
  markClean(): void {
    this.#changes.markClean()
  }

  /** Sequences of the changes that a power loss may take, ascending. */
  atStake(): number[] {
    return this.#changes.atStake()
  }

  /** The file as a power loss leaves it, all of it on disk. */
  afterPowerLoss(loss: PowerLoss): MemoryInode {
    const contents = this.#durable.clone()
    this.#changes.replay((change, sequence, synced) => {
      if (synced) applyChange(contents, change)
      else applySurviving(contents, change, sequence, loss)
    })
    return new MemoryInode(contents)
  }

  /**
   * The file once the system has let go of the pages that failed syncs left clean: reads show what the disk
   * has of them, each change or none of it. Of a write that is not there the size may be, and reads as
   * zeroes.
   */
  afterEviction(random: SeededRandom): MemoryInode {
    const copy = new MemoryInode(this.#durable.clone())
    copy.#changes = this.#changes.settleClean((change) => {
      if (random.chance(0.3)) return undefined
      const isSized = change.kind === 'write' && random.chance(0.5)
      return { kind: 'extend', size: isSized ? change.offset + change.bytes.length : 0 }
    })
    copy.sync(0)
    copy.#current = copy.#durable.clone()
    copy.#changes.replay((change) => applyChange(copy.#current, change))
    return copy
  }

  /** An independent file with the same contents and the same unsynced changes. */
  clone(): MemoryInode {
    const copy = new MemoryInode(this.#durable.clone())
    copy.#current = this.#current.clone()
    copy.#changes = this.#changes.clone()
    return copy
  }

  /** A copy of the contents that a process reads now. */
  toBytes(): Uint8Array {
    return this.#current.toBytes()
  }

  /** Changes the byte at `offset` wherever it is kept, as rot on the disk would. */
  corrupt(offset: number, change: (byte: number) => number): void {
    for (const contents of [this.#current, this.#durable]) {
      const byte = new Uint8Array(1)
      if (contents.read(byte, offset) === 1) contents.write(byte.map(change), offset)
    }
    this.#changes.rewrite((one) => {
      if (one.kind !== 'write' || offset < one.offset || offset >= one.offset + one.bytes.length) return one
      // Clones share the bytes of changes, so they are replaced, not altered.
      const at = offset - one.offset
      return { ...one, bytes: one.bytes.map((byte, index) => (index === at ? change(byte) : byte)) }
    })
  }
}

function applyChange(contents: GrowableBytes, change: ContentChange): void {
  if (change.kind === 'write') contents.write(change.bytes, change.offset)
  else if (change.kind === 'punch') contents.punch(change.offset, change.offset + change.length)
  else if (change.kind === 'truncate') contents.truncate(change.size)
  else contents.extend(change.size)
}

function applySurviving(
  contents: GrowableBytes,
  change: ContentChange,
  sequence: number,
  loss: PowerLoss,
): void {
  if (change.kind === 'punch') {
    // Torn like a write: some of its sectors, or blocks, are still there.
    for (const { start, end } of loss.ofWrite(sequence, change.offset, change.length).pieces)
      contents.punch(change.offset + start, change.offset + end)
    return
  }
  if (change.kind !== 'write') {
    if (loss.keeps(sequence)) applyChange(contents, change)
    return
  }
  const surviving = loss.ofWrite(sequence, change.offset, change.bytes.length)
  for (const { start, end } of surviving.pieces) {
    contents.write(change.bytes.subarray(start, end), change.offset + start)
  }
  if (surviving.sized) contents.extend(change.offset + change.bytes.length)
}
