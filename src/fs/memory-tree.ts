// The names of the simulated disk: directories and files from the root on, hard links included, and what is
// to be known of all of them at once. It looks and copies; every change of a name is a mutation of the file
// system's. Called by memory-file-system.ts.

import { assert } from '../assert.ts'
import { MemoryDirectory, type MemoryNode } from './memory-directory.ts'
import type { MemoryInode } from './memory-inode.ts'
import { BLOCK_SIZE, nameBlocks } from './memory-room.ts'
import { systemError } from './system-error.ts'

/** A place for a name: the directory that is to hold it, and the name in it. */
export interface Place {
  readonly directory: MemoryDirectory
  readonly name: string
}

export class MemoryTree {
  readonly root: MemoryDirectory

  constructor(root: MemoryDirectory = new MemoryDirectory()) {
    this.root = root
  }

  /** Paths of all files, with a leading '/', sorted. */
  files(): string[] {
    const paths: string[] = []
    const visit = (directory: MemoryDirectory, prefix: string): void => {
      for (const name of directory.names) {
        const node = directory.get(name)
        if (node?.kind === 'file') paths.push(prefix + name)
        if (node?.kind === 'directory') visit(node, `${prefix}${name}/`)
      }
    }
    visit(this.root, '/')
    return paths.sort()
  }

  /** Blocks that files and directories take, and files that have no name any more and are `open`. */
  blocks(open: readonly MemoryInode[]): number {
    const seen = new Set<MemoryNode>()
    const blocksOf = (node: MemoryNode): number => {
      if (seen.has(node)) return 0
      seen.add(node)
      if (node.kind === 'file') return node.blocks(BLOCK_SIZE)
      return node.names.reduce((sum, name) => sum + blocksOf(node.get(name)!), nameBlocks(node.names.length))
    }
    return [this.root, ...open].reduce((sum, node) => sum + blocksOf(node), 0)
  }

  /** What is at `path`; undefined where nothing is, below a file too. */
  find(path: string): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root
    for (const name of partsOf(path)) {
      if (node?.kind !== 'directory') return undefined
      node = node.get(name)
    }
    return node
  }

  /** What is at `path`. @throws SystemError ENOENT, ENOTDIR */
  node(path: string, syscall: string): MemoryNode {
    const node = this.find(path)
    if (node !== undefined) return node
    // The system tells a missing name from a file where a directory should be.
    const parts = partsOf(path)
    for (let count = 1; count < parts.length; count += 1) {
      const above = this.find(parts.slice(0, count).join('/'))
      if (above?.kind === 'file') throw systemError('ENOTDIR', syscall, path)
    }
    throw systemError('ENOENT', syscall, path)
  }

  /** The file at `path`. @throws SystemError ENOENT, ENOTDIR, EISDIR */
  file(path: string, syscall: string): MemoryInode {
    const node = this.node(path, syscall)
    if (node.kind === 'directory') throw systemError('EISDIR', syscall, path)
    return node
  }

  /** The directory at `path`. @throws SystemError ENOENT, ENOTDIR */
  directory(path: string, syscall: string): MemoryDirectory {
    const node = this.node(path, syscall)
    if (node.kind === 'file') throw systemError('ENOTDIR', syscall, path)
    return node
  }

  /** Where a name is to go. @throws SystemError ENOENT, ENOTDIR, EEXIST for the root */
  place(path: string, syscall: string): Place {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) throw systemError('EEXIST', syscall, path)
    return { directory: this.directory(parts.join('/'), syscall), name }
  }

  /** Numbers of the changes that a power loss may take, in order. */
  atStake(): number[] {
    const sequences: number[] = []
    const seen = new Set<MemoryNode>()
    const visit = (node: MemoryNode): void => {
      if (seen.has(node)) return
      seen.add(node)
      for (const sequence of node.atStake()) sequences.push(sequence)
      if (node.kind === 'directory') node.reachable().forEach(visit)
    }
    visit(this.root)
    return sequences.sort((a, b) => a - b)
  }

  /** A tree of other nodes; `change` makes each once, so that hard links stay links to one file. */
  map(change: (node: MemoryNode, mapped: (inner: MemoryNode) => MemoryNode) => MemoryNode): MemoryTree {
    const done = new Map<MemoryNode, MemoryNode>()
    const mapped = (node: MemoryNode): MemoryNode => {
      const known = done.get(node)
      if (known !== undefined) return known
      const made = change(node, mapped)
      done.set(node, made)
      return made
    }
    const root = mapped(this.root)
    assert(root.kind === 'directory', 'the root of a disk stays a directory')
    return new MemoryTree(root)
  }
}

/** The names on the way to a path. */
export function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}
