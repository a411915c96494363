// The simulated disk, for model and crash tests: files in memory that know what was written from what
// was synced, names apart from contents. A test counts its operations, kills its process or cuts its
// power at any of them, and goes on with the disk as it would be found. Invariant: everything is
// determined by the calls and the seeds. Nothing of the engine imports it.

import { assert } from '../assert.ts'
import type { FileStat, FileSystem, OpenMode } from './file-system.ts'
import { MemoryDirectory } from './memory-directory.ts'
import { MemoryFile } from './memory-file.ts'
import { MemoryInode } from './memory-inode.ts'
import { BLOCK_SIZE, MemoryRoom } from './memory-room.ts'
import { MemoryTree, partsOf } from './memory-tree.ts'
import type { OperationKind } from './operation-kind.ts'
import { PowerLoss } from './power-loss.ts'
import { SeededRandom } from './seeded-random.ts'
import {
  type DeathCode,
  type OperationScheduler,
  type PartialWrite,
  SimulatedProcess,
  type TracedOperation,
} from './simulated-process.ts'
import { systemError } from './system-error.ts'

/** How a simulated disk is used. */
export interface MemoryFileSystemOptions {
  /** Awaited before each asynchronous operation takes effect; default: a microtask. */
  readonly scheduler?: OperationScheduler
  /** Whether to keep a list of all operations; default false. */
  readonly trace?: boolean
  /** Bytes of the disk, in whole blocks; default: there is always room. */
  readonly capacity?: number
  /** Whether its files can have holes punched into them; default false, as on many file systems. */
  readonly holes?: boolean
}

/** A change or sync that is about to happen, and what a death in it would leave. */
export interface PendingMutation {
  readonly kind: OperationKind
  readonly path: string
  /** A copy of the disk without it. */
  readonly before: () => MemoryFileSystem
  /**
   * A copy of the disk with a part of it, which `seed` decides; undefined for what happens in full or not at
   * all. A kill and a power loss cut a write in different places.
   */
  readonly torn: (code: DeathCode, seed: number) => MemoryFileSystem | undefined
}

/**
 * A file system in memory, with one process that uses it. A path is the same with and without a
 * leading '/'.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #options: MemoryFileSystemOptions
  readonly #process: SimulatedProcess
  readonly #open = new Set<MemoryFile>()
  #tree = new MemoryTree()
  readonly #room: MemoryRoom
  #sequence = 0

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#options = options
    this.#room = new MemoryRoom(options.capacity ?? Infinity, () => this.used)
    this.#process = new SimulatedProcess(options.scheduler, options.trace === true)
  }

  /** Operations so far, reads and failed ones included. */
  get operations(): number {
    return this.#process.operations
  }

  /**
   * Changes and syncs so far: files made, writes, truncates, syncs, links, removals, each directory
   * made. What fails, or changes nothing (zero bytes, a directory that exists), does not count.
   */
  get mutations(): number {
    return this.#process.mutations
  }

  /**
   * Bytes that files and directories take, those included that have no name any more and are open; no counted
   * operation.
   */
  get used(): number {
    return BLOCK_SIZE * this.#tree.blocks([...this.#open].map(({ inode }) => inode))
  }

  /** Bytes of the disk; may be changed at any time, also to less than what is used. */
  get capacity(): number {
    return this.#room.capacity
  }

  set capacity(bytes: number) {
    this.#room.capacity = bytes
  }

  /** All operations so far in order; undefined without the option `trace`. */
  get trace(): readonly TracedOperation[] | undefined {
    return this.#process.trace
  }

  /** Paths of the files that are open, sorted; one entry a handle. */
  get openFiles(): string[] {
    return [...this.#open].map((file) => file.path).sort()
  }

  /** Whether the process that used this disk is dead; then every operation fails. */
  get isDead(): boolean {
    return this.#process.dead !== undefined
  }

  /**
   * Cuts the power at the nth mutation from now (1: the next). By `seed` it happens in full, not at
   * all or, a write, in part; it and all operations after it fail with EPOWER. Replaces an earlier death.
   */
  cutPowerAt(n: number, seed = 0): void {
    this.#process.dieAt(n, 'EPOWER', seed)
  }

  /** As `cutPowerAt`, for a process that is killed: all fails with EKILLED, a write may leave a prefix. */
  killAt(n: number, seed = 0): void {
    this.#process.dieAt(n, 'EKILLED', seed)
  }

  /**
   * A new, living disk as a power loss now would leave this one, which stays as it is. Each unsynced
   * write survives whole, cut short, torn at sector boundaries or not at all; each unsynced truncate
   * and change of a name survives or not.
   * @param seed 0: nothing unsynced survives; 1: everything does; others: some of it.
   */
  afterPowerLoss(seed: number, options: MemoryFileSystemOptions = this.#options): MemoryFileSystem {
    const loss = new PowerLoss(seed, this.#tree.atStake())
    return this.#derive(options, (node, mapped) =>
      node.kind === 'file' ? node.afterPowerLoss(loss) : node.afterPowerLoss(loss, mapped),
    )
  }

  /** A new, living disk as the next process finds it: everything as written, the unsynced still unsynced. */
  afterKill(options: MemoryFileSystemOptions = this.#options): MemoryFileSystem {
    return this.clone(options)
  }

  /**
   * As `afterKill`, where the system has also let go of the pages that failed syncs left clean: of each such
   * change `seed` decides whether the disk has it. Names stay.
   */
  afterEviction(seed: number, options: MemoryFileSystemOptions = this.#options): MemoryFileSystem {
    const random = new SeededRandom(seed)
    return this.#derive(options, (node, mapped) =>
      node.kind === 'file' ? node.afterEviction(random) : node.clone(mapped),
    )
  }

  /** An independent, living disk in the same state, with nothing open and all counters at 0. */
  clone(options: MemoryFileSystemOptions = this.#options): MemoryFileSystem {
    return this.#derive(options, (node, mapped) => (node.kind === 'file' ? node.clone() : node.clone(mapped)))
  }

  /**
   * Tells `observer` of every change and sync right before it happens (undefined: no longer). Copies of the
   * disk are not observed.
   */
  observeMutations(observer: ((pending: PendingMutation) => void) | undefined): void {
    if (observer === undefined) {
      this.#process.observer = undefined
      return
    }
    this.#process.observer = (kind, path, part) => {
      observer({
        kind,
        path,
        before: () => this.clone(),
        torn: (code, seed) => (part === undefined ? undefined : this.#withPart(part, code, seed)),
      })
    }
  }

  /** A copy of a file's contents as a process reads them; no counted operation. */
  snapshotBytes(path: string): Uint8Array {
    return this.#tree.file(path, 'read').toBytes()
  }

  /**
   * Changes one byte of a file behind everyone's back, written and durable alike; no counted operation.
   * @param change a mask to XOR with, or a function of the old byte.
   */
  corrupt(path: string, offset: number, change: number | ((byte: number) => number)): void {
    const inode = this.#tree.file(path, 'corrupt')
    assert(offset >= 0 && offset < inode.size, 'what is to be corrupted lies inside the file')
    inode.corrupt(offset, typeof change === 'number' ? (byte) => byte ^ change : change)
  }

  /** Paths of all files, with a leading '/', sorted; no counted operation. */
  files(): string[] {
    return this.#tree.files()
  }

  /** As after a failed sync of a directory: its unsynced names stay visible, but no later sync keeps them. */
  markDirectoryClean(path: string): void {
    this.#tree.directory(path, 'syncDirectory').markClean()
  }

  openNow(path: string, mode: OpenMode): MemoryFile {
    this.#process.operate(mode === 'create' ? 'create' : 'open', path)
    const inode = mode === 'create' ? this.#create(path) : this.#tree.file(path, 'open')
    const file = new MemoryFile({
      path,
      mode,
      inode,
      process: this.#process,
      nextSequence: this.#nextSequence,
      roomFor: this.#room.roomFor,
      onClose: (closed) => this.#open.delete(closed),
      holes: this.#options.holes === true,
    })
    this.#open.add(file)
    return file
  }

  async list(path: string): Promise<string[]> {
    await this.#begin('list', path)
    return this.#tree.directory(path, 'list').names.sort()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.#begin('stat', path)
    const node = this.#tree.find(path)
    if (node === undefined) return undefined
    return node.kind === 'file' ? { kind: 'file', size: node.size } : { kind: 'directory', size: 0 }
  }

  /** There are no links in it: the path itself, with a leading '/'. */
  async realPath(path: string): Promise<string> {
    await this.#begin('realPath', path)
    this.#tree.node(path, 'realPath')
    return `/${partsOf(path).join('/')}`
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#begin('makeDirectory', path)
    const parts = partsOf(path)
    let parent = this.#tree.root
    for (const [index, name] of parts.entries()) {
      let node = parent.get(name)
      if (node === undefined) {
        const made = new MemoryDirectory()
        const holder = parent
        this.#room.takeName(holder, 'makeDirectory', path)
        this.#process.mutate('makeDirectory', path, () => holder.set(this.#nextSequence(), name, made))
        node = made
      }
      if (node.kind === 'file') {
        throw systemError(index === parts.length - 1 ? 'EEXIST' : 'ENOTDIR', 'makeDirectory', path)
      }
      parent = node
    }
  }

  async link(existing: string, path: string): Promise<void> {
    await this.#begin('link', path)
    const node = this.#tree.node(existing, 'link')
    if (node.kind === 'directory') throw systemError('EPERM', 'link', existing)
    const { directory, name } = this.#tree.place(path, 'link')
    if (directory.get(name) !== undefined) throw systemError('EEXIST', 'link', path)
    this.#room.takeName(directory, 'link', path)
    this.#process.mutate('link', path, () => directory.set(this.#nextSequence(), name, node))
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path)
    this.#tree.file(path, 'remove')
    const { directory, name } = this.#tree.place(path, 'remove')
    this.#process.mutate('remove', path, () => directory.set(this.#nextSequence(), name, undefined))
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#begin('removeDirectory', path)
    const removed = this.#tree.directory(path, 'removeDirectory')
    if (removed === this.#tree.root) throw systemError('EBUSY', 'removeDirectory', path)
    if (!removed.isEmpty) throw systemError('ENOTEMPTY', 'removeDirectory', path)
    const { directory, name } = this.#tree.place(path, 'removeDirectory')
    this.#process.mutate('removeDirectory', path, () => directory.set(this.#nextSequence(), name, undefined))
  }

  /** Makes durable the names that were there at the call; no later ones, to be unkind. */
  async syncDirectory(path: string): Promise<void> {
    const mark = this.#nextSequence()
    await this.#process.turn('syncDirectory', path)
    this.#syncDirectory(path, mark)
  }

  syncDirectoryNow(path: string): void {
    this.#syncDirectory(path, this.#nextSequence())
  }

  readonly #nextSequence = (): number => {
    this.#sequence += 1
    return this.#sequence
  }

  async #begin(kind: OperationKind, path: string): Promise<void> {
    await this.#process.turn(kind, path)
    this.#process.operate(kind, path)
  }

  #syncDirectory(path: string, mark: number): void {
    this.#process.operate('syncDirectory', path)
    const directory = this.#tree.directory(path, 'syncDirectory')
    this.#process.mutate('syncDirectory', path, () => directory.sync(mark))
  }

  #create(path: string): MemoryInode {
    const { directory, name } = this.#tree.place(path, 'open')
    if (directory.get(name) !== undefined) throw systemError('EEXIST', 'open', path)
    this.#room.takeName(directory, 'open', path)
    const inode = new MemoryInode()
    this.#process.mutate('create', path, () => directory.set(this.#nextSequence(), name, inode))
    return inode
  }

  /** A copy in which a part of a write has happened. */
  #withPart(part: PartialWrite, code: DeathCode, seed: number): MemoryFileSystem {
    const copy = this.#derive(this.#options, (node, mapped) => {
      if (node.kind === 'directory') return node.clone(mapped)
      const inode = node.clone()
      if (node === part.inode) part.apply(inode, new SeededRandom(seed), code)
      return inode
    })
    // It has taken numbers of this disk.
    copy.#sequence = this.#sequence
    return copy
  }

  /** A disk of other nodes, as `change` makes them. */
  #derive(options: MemoryFileSystemOptions, change: Parameters<MemoryTree['map']>[0]): MemoryFileSystem {
    const derived = new MemoryFileSystem(options)
    derived.#tree = this.#tree.map(change)
    if (options === this.#options || options.capacity === undefined) derived.capacity = this.capacity
    derived.#sequence = this.#sequence
    return derived
  }
}
