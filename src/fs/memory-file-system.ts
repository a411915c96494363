// The simulated disk, for model and crash tests: files in memory that know what was written from what
// was synced, names apart from contents. A test counts its operations, kills its process or cuts its
// power at any of them, and goes on with the disk as it would be found. Invariant: everything is
// determined by the calls and the seeds. Nothing of the engine imports it.

import { assert } from '../assert.ts'
import type { FileStat, FileSystem, OpenMode } from './file-system.ts'
import { MemoryDirectory, type MemoryNode } from './memory-directory.ts'
import { MemoryFile } from './memory-file.ts'
import { MemoryInode } from './memory-inode.ts'
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

/** Room is given out in blocks of so many bytes: to contents, and to directories for their names. */
const BLOCK_SIZE = 512

/** Bytes that a name takes in its directory. */
const NAME_SIZE = 64

/** A change or sync that is about to happen, and what a death in it would leave. */
export interface PendingMutation {
  readonly kind: OperationKind
  readonly path: string
  /** A copy of the disk without it. */
  readonly before: () => MemoryFileSystem
  /**
   * A copy of the disk with a part of it, which `seed` decides; undefined for what happens in full or not at all.
   * A kill and a power loss cut a write in different places.
   */
  readonly torn: (code: DeathCode, seed: number) => MemoryFileSystem | undefined
}

/** A place for a name: the directory that is to hold it, and the name in it. */
interface Place {
  readonly directory: MemoryDirectory
  readonly name: string
}

/**
 * A file system in memory, with one process that uses it. A path is the same with and without a
 * leading '/'.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #options: MemoryFileSystemOptions
  readonly #process: SimulatedProcess
  readonly #open = new Set<MemoryFile>()
  #root = new MemoryDirectory()
  #sequence = 0
  /** Bytes of the disk; may be changed at any time, also to less than what is used. */
  capacity: number

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#options = options
    this.capacity = options.capacity ?? Infinity
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

  /** Bytes that files and directories take, those included that have no name any more and are open; no counted operation. */
  get used(): number {
    const seen = new Set<MemoryNode>()
    const blocksOf = (node: MemoryNode): number => {
      if (seen.has(node)) return 0
      seen.add(node)
      if (node.kind === 'file') return node.blocks(BLOCK_SIZE)
      return node.names.reduce((sum, name) => sum + blocksOf(node.get(name)!), nameBlocks(node.names.length))
    }
    let blocks = blocksOf(this.#root)
    for (const file of this.#open) blocks += blocksOf(file.inode)
    return blocks * BLOCK_SIZE
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
    const loss = new PowerLoss(seed, this.#atStake())
    return this.#derive(options, (node, mapped) =>
      node.kind === 'file' ? node.afterPowerLoss(loss) : node.afterPowerLoss(loss, mapped),
    )
  }

  /** A new, living disk as the next process finds it: everything as written, the unsynced still unsynced. */
  afterKill(options: MemoryFileSystemOptions = this.#options): MemoryFileSystem {
    return this.clone(options)
  }

  /**
   * As `afterKill`, where the system has also let go of the pages that failed syncs left clean: of each such change
   * `seed` decides whether the disk has it. Names stay.
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
   * Tells `observer` of every change and sync right before it happens (undefined: no longer). Copies of the disk
   * are not observed.
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
    return this.#file(path, 'read').toBytes()
  }

  /**
   * Changes one byte of a file behind everyone's back, written and durable alike; no counted operation.
   * @param change a mask to XOR with, or a function of the old byte.
   */
  corrupt(path: string, offset: number, change: number | ((byte: number) => number)): void {
    const inode = this.#file(path, 'corrupt')
    assert(offset >= 0 && offset < inode.size, 'what is to be corrupted lies inside the file')
    inode.corrupt(offset, typeof change === 'number' ? (byte) => byte ^ change : change)
  }

  /** Paths of all files, with a leading '/', sorted; no counted operation. */
  files(): string[] {
    const paths: string[] = []
    const visit = (directory: MemoryDirectory, prefix: string): void => {
      for (const name of directory.names) {
        const node = directory.get(name)
        if (node?.kind === 'file') paths.push(prefix + name)
        if (node?.kind === 'directory') visit(node, `${prefix}${name}/`)
      }
    }
    visit(this.#root, '/')
    return paths.sort()
  }

  /** As after a failed sync of a directory: its unsynced names stay visible, but no later sync keeps them. */
  markDirectoryClean(path: string): void {
    this.#directory(path, 'syncDirectory').markClean()
  }

  openNow(path: string, mode: OpenMode): MemoryFile {
    this.#process.operate(mode === 'create' ? 'create' : 'open', path)
    const inode = mode === 'create' ? this.#create(path) : this.#file(path, 'open')
    const file = new MemoryFile({
      path,
      mode,
      inode,
      process: this.#process,
      nextSequence: this.#nextSequence,
      roomFor: this.#roomFor,
      onClose: (closed) => this.#open.delete(closed),
      holes: this.#options.holes === true,
    })
    this.#open.add(file)
    return file
  }

  async list(path: string): Promise<string[]> {
    await this.#begin('list', path)
    return this.#directory(path, 'list').names.sort()
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.#begin('stat', path)
    const node = this.#find(path)
    if (node === undefined) return undefined
    return node.kind === 'file' ? { kind: 'file', size: node.size } : { kind: 'directory', size: 0 }
  }

  /** There are no links in it: the path itself, with a leading '/'. */
  async realPath(path: string): Promise<string> {
    await this.#begin('realPath', path)
    this.#node(path, 'realPath')
    return `/${partsOf(path).join('/')}`
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#begin('makeDirectory', path)
    const parts = partsOf(path)
    let parent = this.#root
    for (const [index, name] of parts.entries()) {
      let node = parent.get(name)
      if (node === undefined) {
        const made = new MemoryDirectory()
        const holder = parent
        this.#takeName(holder, 'makeDirectory', path)
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
    const node = this.#node(existing, 'link')
    if (node.kind === 'directory') throw systemError('EPERM', 'link', existing)
    const { directory, name } = this.#place(path, 'link')
    if (directory.get(name) !== undefined) throw systemError('EEXIST', 'link', path)
    this.#takeName(directory, 'link', path)
    this.#process.mutate('link', path, () => directory.set(this.#nextSequence(), name, node))
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path)
    this.#file(path, 'remove')
    const { directory, name } = this.#place(path, 'remove')
    this.#process.mutate('remove', path, () => directory.set(this.#nextSequence(), name, undefined))
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#begin('removeDirectory', path)
    const removed = this.#directory(path, 'removeDirectory')
    if (removed === this.#root) throw systemError('EBUSY', 'removeDirectory', path)
    if (!removed.isEmpty) throw systemError('ENOTEMPTY', 'removeDirectory', path)
    const { directory, name } = this.#place(path, 'removeDirectory')
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

  /** @throws SystemError ENOSPC where the directory needs a block for one more name and there is none */
  #takeName(directory: MemoryDirectory, syscall: string, path: string): void {
    if (this.capacity === Infinity) return
    const { length } = directory.names
    const more = nameBlocks(length + 1) - nameBlocks(length)
    if (more > 0 && this.used + more * BLOCK_SIZE > this.capacity) throw systemError('ENOSPC', syscall, path)
  }

  /** As many bytes of a write as find room: a whole number of blocks, as systems do, or all of them. */
  readonly #roomFor = (inode: MemoryInode, offset: number, length: number): number => {
    if (this.capacity === Infinity) return length
    const free = Math.floor((this.capacity - this.used) / BLOCK_SIZE)
    const before = inode.blocks(BLOCK_SIZE)
    const fits = (end: number): boolean => {
      const more = inode.blocks(BLOCK_SIZE, offset, end) - before
      return more === 0 || more <= free
    }
    const end = offset + length
    if (fits(end)) return length
    // Ends of blocks that the write would fill: the last one that fits.
    const firstBlock = Math.floor(offset / BLOCK_SIZE)
    let [least, most] = [0, Math.ceil(end / BLOCK_SIZE) - firstBlock]
    while (least < most - 1) {
      const middle = Math.floor((least + most) / 2)
      if (fits((firstBlock + middle) * BLOCK_SIZE)) least = middle
      else most = middle
    }
    return least === 0 ? 0 : (firstBlock + least) * BLOCK_SIZE - offset
  }

  async #begin(kind: OperationKind, path: string): Promise<void> {
    await this.#process.turn(kind, path)
    this.#process.operate(kind, path)
  }

  #syncDirectory(path: string, mark: number): void {
    this.#process.operate('syncDirectory', path)
    const directory = this.#directory(path, 'syncDirectory')
    this.#process.mutate('syncDirectory', path, () => directory.sync(mark))
  }

  #create(path: string): MemoryInode {
    const { directory, name } = this.#place(path, 'open')
    if (directory.get(name) !== undefined) throw systemError('EEXIST', 'open', path)
    this.#takeName(directory, 'open', path)
    const inode = new MemoryInode()
    this.#process.mutate('create', path, () => directory.set(this.#nextSequence(), name, inode))
    return inode
  }

  /** What is at `path`; undefined where nothing is, below a file too. */
  #find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#root
    for (const name of partsOf(path)) {
      if (node?.kind !== 'directory') return undefined
      node = node.get(name)
    }
    return node
  }

  #node(path: string, syscall: string): MemoryNode {
    const node = this.#find(path)
    if (node !== undefined) return node
    // The system tells a missing name from a file where a directory should be.
    const parts = partsOf(path)
    for (let count = 1; count < parts.length; count += 1) {
      const above = this.#find(parts.slice(0, count).join('/'))
      if (above?.kind === 'file') throw systemError('ENOTDIR', syscall, path)
    }
    throw systemError('ENOENT', syscall, path)
  }

  #file(path: string, syscall: string): MemoryInode {
    const node = this.#node(path, syscall)
    if (node.kind === 'directory') throw systemError('EISDIR', syscall, path)
    return node
  }

  #directory(path: string, syscall: string): MemoryDirectory {
    const node = this.#node(path, syscall)
    if (node.kind === 'file') throw systemError('ENOTDIR', syscall, path)
    return node
  }

  #place(path: string, syscall: string): Place {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) throw systemError('EEXIST', syscall, path)
    return { directory: this.#directory(parts.join('/'), syscall), name }
  }

  #atStake(): number[] {
    const sequences: number[] = []
    const seen = new Set<MemoryNode>()
    const visit = (node: MemoryNode): void => {
      if (seen.has(node)) return
      seen.add(node)
      for (const sequence of node.atStake()) sequences.push(sequence)
      if (node.kind === 'directory') node.reachable().forEach(visit)
    }
    visit(this.#root)
    return sequences.sort((a, b) => a - b)
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

  /** A disk of other nodes; `change` makes each once, so that hard links stay links to one file. */
  #derive(
    options: MemoryFileSystemOptions,
    change: (node: MemoryNode, mapped: (inner: MemoryNode) => MemoryNode) => MemoryNode,
  ): MemoryFileSystem {
    const done = new Map<MemoryNode, MemoryNode>()
    const mapped = (node: MemoryNode): MemoryNode => {
      const known = done.get(node)
      if (known !== undefined) return known
      const made = change(node, mapped)
      done.set(node, made)
      return made
    }
    const root = mapped(this.#root)
    assert(root.kind === 'directory', 'the root of a disk stays a directory')
    const derived = new MemoryFileSystem(options)
    derived.#root = root
    if (options === this.#options || options.capacity === undefined) derived.capacity = this.capacity
    derived.#sequence = this.#sequence
    return derived
  }
}

function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

function nameBlocks(names: number): number {
  return Math.ceil((names * NAME_SIZE) / BLOCK_SIZE)
}
