// A directory of the simulated disk: the names that a process sees, those that are surely on disk,
// and the ordered changes between the two. Names are apart from contents: a synced file can lose its
// name, a name can survive with no contents. Invariant as for files: `entries` is `durable` with all
// changes applied. Called by MemoryFileSystem.

import { ChangeLog } from './change-log.ts'
import type { MemoryInode } from './memory-inode.ts'
import type { PowerLoss } from './power-loss.ts'

/** What a name can stand for. */
export type MemoryNode = MemoryInode | MemoryDirectory

interface EntryChange {
  readonly name: string
  /** What the name stands for from now on; undefined where it is removed. */
  readonly node: MemoryNode | undefined
}

type Entries = Map<string, MemoryNode>

/** One directory of the simulated disk. */
export class MemoryDirectory {
  readonly kind = 'directory'
  #entries: Entries = new Map()
  #durable: Entries = new Map()
  #changes = new ChangeLog<EntryChange>()

  /** The names now, unsorted. */
  get names(): string[] {
    return [...this.#entries.keys()]
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  /** What `name` stands for now. */
  get(name: string): MemoryNode | undefined {
    return this.#entries.get(name)
  }

  /** Gives `name` to a node, or takes it away (undefined); unsynced. */
  set(sequence: number, name: string, node: MemoryNode | undefined): void {
    setEntry(this.#entries, { name, node })
    this.#changes.add(sequence, { name, node })
  }

  /** Puts the changes with a sequence below `mark` on disk, but for those that `markClean` met. */
  sync(mark: number): void {
    for (const change of this.#changes.sync(mark)) setEntry(this.#durable, change)
  }

  /** As after a failed sync: what is unsynced stays visible, but no later sync puts it on disk. */
  markClean(): void {
    this.#changes.markClean()
  }

  /** Sequences of the changes that a power loss may take, ascending. */
  atStake(): number[] {
    return this.#changes.atStake()
  }

  /** Every node that a look now, or after some power loss, can find here. */
  reachable(): Set<MemoryNode> {
    const nodes = new Set([...this.#entries.values(), ...this.#durable.values()])
    this.#changes.replay(({ node }) => {
      if (node !== undefined) nodes.add(node)
    })
    return nodes
  }

  /** The directory as a power loss leaves it, all of it on disk; `mapped` gives the survivor of a node. */
  afterPowerLoss(loss: PowerLoss, mapped: (node: MemoryNode) => MemoryNode): MemoryDirectory {
    const survivors: Entries = new Map(this.#durable)
    this.#changes.replay((change, sequence, synced) => {
      if (synced || loss.keeps(sequence)) setEntry(survivors, change)
    })
    const left = new MemoryDirectory()
    left.#durable = mapEntries(survivors, mapped)
    left.#entries = new Map(left.#durable)
    return left
  }

  /** An independent directory with the same names and unsynced changes; `mapped` gives the copy of a node. */
  clone(mapped: (node: MemoryNode) => MemoryNode): MemoryDirectory {
    const copy = new MemoryDirectory()
    copy.#entries = mapEntries(this.#entries, mapped)
    copy.#durable = mapEntries(this.#durable, mapped)
    copy.#changes = this.#changes.clone(({ name, node }) => ({
      name,
      node: node === undefined ? undefined : mapped(node),
    }))
    return copy
  }
}

function setEntry(entries: Entries, { name, node }: EntryChange): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function mapEntries(entries: Entries, mapped: (node: MemoryNode) => MemoryNode): Entries {
  return new Map([...entries].map(([name, node]) => [name, mapped(node)]))
}
