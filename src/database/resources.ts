// What users have open: writers, iterators, streamers, snapshots. Closing and removing respect these
// uses (architecture 5); a close by force ends them.

export type ResourceKind = 'writer' | 'iterator' | 'streamer' | 'snapshot'

/** Something open that a close must end first. */
export interface Resource {
  readonly kind: ResourceKind
  /** One line for messages. */
  describe(): string
  /** Whether it uses this channel (key). */
  uses(channel: number): boolean
  close(): Promise<void>
}

export class Resources {
  readonly #open = new Set<Resource>()

  add(resource: Resource): void {
    this.#open.add(resource)
  }

  delete(resource: Resource): void {
    this.#open.delete(resource)
  }

  list(): Resource[] {
    return [...this.#open]
  }

  count(kind: ResourceKind): number {
    let count = 0
    for (const resource of this.#open) if (resource.kind === kind) count++
    return count
  }
}
