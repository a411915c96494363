// An open file of the simulated disk. Its synchronous calls take effect at once, its asynchronous ones
// when they are scheduled; those that are under way when the file is closed still take effect, as they
// do on a real descriptor. Opened by MemoryFileSystem; FaultyFileSystem asks it to forget a sync.

import { assert } from '../assert.ts'
import type { File, OpenMode } from './file-system.ts'
import type { MemoryInode } from './memory-inode.ts'
import type { OperationKind } from './operation-kind.ts'
import { SECTOR_SIZE } from './power-loss.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { DeathCode, SimulatedProcess } from './simulated-process.ts'
import { systemError } from './system-error.ts'

/** What an open file needs of its disk. */
export interface MemoryFileOptions {
  readonly path: string
  readonly mode: OpenMode
  readonly inode: MemoryInode
  readonly process: SimulatedProcess
  /** A number above all it returned before; orders the changes of the whole disk. */
  readonly nextSequence: () => number
  /** How many bytes of a write find room on the disk: all of them, or the first so many. */
  readonly roomFor: (inode: MemoryInode, offset: number, length: number) => number
  readonly onClose: (file: MemoryFile) => void
  /** Whether the file system can punch holes. */
  readonly holes: boolean
}

/** A handle on an inode, which outlives its names. */
export class MemoryFile implements File {
  readonly path: string
  readonly #writable: boolean
  readonly #inode: MemoryInode
  readonly #process: SimulatedProcess
  readonly #nextSequence: () => number
  readonly #roomFor: MemoryFileOptions['roomFor']
  readonly #onClose: (file: MemoryFile) => void
  readonly #holes: boolean
  #closed = false

  constructor(options: MemoryFileOptions) {
    this.path = options.path
    this.#writable = options.mode !== 'read'
    this.#inode = options.inode
    this.#process = options.process
    this.#nextSequence = options.nextSequence
    this.#roomFor = options.roomFor
    this.#onClose = options.onClose
    this.#holes = options.holes
  }

  readNow(target: Uint8Array, offset: number): number {
    this.#check('read', offset)
    return this.#read(target, offset)
  }

  async read(target: Uint8Array, offset: number): Promise<number> {
    this.#check('read', offset)
    await this.#process.turn('read', this.path)
    return this.#read(target, offset)
  }

  writeNow(source: Uint8Array, offset: number): number {
    this.#check('write', offset)
    return this.#write(source, offset)
  }

  /** Takes the bytes of `source` when it takes effect, as the operating system does. */
  async write(source: Uint8Array, offset: number): Promise<number> {
    this.#check('write', offset)
    await this.#process.turn('write', this.path)
    return this.#write(source, offset)
  }

  truncateNow(size: number): void {
    this.#check('truncate', size)
    this.#process.operate('truncate', this.path)
    if (!this.#writable) throw systemError('EINVAL', 'truncate', this.path)
    this.#process.mutate('truncate', this.path, () => {
      this.#inode.truncate(this.#nextSequence(), size)
    })
  }

  sizeNow(): number {
    this.#check('size', 0)
    this.#process.operate('size', this.path)
    return this.#inode.size
  }

  /** Makes durable what was written before the call; no more than that, to be unkind. */
  async sync(): Promise<void> {
    this.#check('sync', 0)
    const mark = this.#nextSequence()
    await this.#process.turn('sync', this.path)
    this.#sync(mark)
  }

  syncNow(): void {
    this.#check('sync', 0)
    this.#sync(this.#nextSequence())
  }

  /** A death in it leaves the beginning of the hole, or of its blocks. */
  async punch(offset: number, length: number): Promise<void> {
    this.#check('punch', offset)
    await this.#process.turn('punch', this.path)
    this.#process.operate('punch', this.path)
    if (!this.#holes) throw systemError('EOPNOTSUPP', 'punch', this.path)
    if (!this.#writable) throw systemError('EBADF', 'punch', this.path)
    const punch = (inode: MemoryInode, most: number): void => {
      inode.punch(this.#nextSequence(), offset, most)
    }
    this.#process.mutate('punch', this.path, () => punch(this.#inode, length), {
      inode: this.#inode,
      apply: (inode, random, code) => punch(inode, partialLength(random, code, offset, length)),
    })
  }

  closeNow(): void {
    this.#check('close', 0)
    this.#process.operate('close', this.path)
    this.#closed = true
    this.#onClose(this)
  }

  /** What it is a handle on. */
  get inode(): MemoryInode {
    return this.#inode
  }

  /** As after a failed sync on Linux: what is unsynced stays readable, but no later sync makes it durable. */
  markClean(): void {
    this.#inode.markClean()
  }

  #check(kind: OperationKind, offset: number): void {
    this.#process.assertAlive(kind, this.path)
    if (this.#closed) throw systemError('EBADF', kind, this.path)
    assert(Number.isSafeInteger(offset) && offset >= 0, 'a file offset or size is a safe integer >= 0')
  }

  #read(target: Uint8Array, offset: number): number {
    this.#process.operate('read', this.path)
    return this.#inode.read(target, offset)
  }

  #write(source: Uint8Array, offset: number): number {
    this.#process.operate('write', this.path)
    if (!this.#writable) throw systemError('EBADF', 'write', this.path)
    if (source.length === 0) return 0
    const most = this.#roomFor(this.#inode, offset, source.length)
    if (most === 0) throw systemError('ENOSPC', 'write', this.path)
    const write = (inode: MemoryInode, length: number): void => {
      inode.write(this.#nextSequence(), source.subarray(0, length), offset)
    }
    this.#process.mutate('write', this.path, () => write(this.#inode, most), {
      inode: this.#inode,
      apply: (inode, random, code) => write(inode, partialLength(random, code, offset, most)),
    })
    return most
  }

  #sync(mark: number): void {
    this.#process.operate('sync', this.path)
    this.#process.mutate('sync', this.path, () => this.#inode.sync(mark))
  }
}

// How much of a write a dying process leaves behind: any prefix, or one that ends with a sector.
function partialLength(random: SeededRandom, code: DeathCode, offset: number, length: number): number {
  const cut = random.below(length)
  if (code === 'EKILLED' || random.chance(0.5)) return cut
  return Math.max(0, cut - ((offset + cut) % SECTOR_SIZE))
}
