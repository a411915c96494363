// Judges a history: is there ONE order of all that took effect in which each call lies between its beginning and
// its end, commits of a writer follow one another, every read shows what is there at its instant, over all its
// channels, and every delete has removed what it says? That is: no half commit, no half delete, no commit without
// its predecessors, no overlap, no snapshot that changes. Knows nothing of the engine.
//
// How: just-in-time linearization (G. Lowe, Testing for linearizability, 2017). Instants of reads are known, so
// events are gone through in order; a write is put into the order only when it must be: because it has ended, or
// because a read shows it. Then what else was under way may come before it, as far as it matters (what commutes is
// not tried both ways). So the cost is linear in the length of a history; only what is truly under way at once and
// touches the same samples is tried in several orders. Nothing is given up: what it accepts has an order, what it
// refuses has none.

import { spanOf } from './history.ts'
import type { Commit, CommitPart, Delete, History, Read, Removal, Seen, Write } from './history.ts'
import { lowerBound, Order, SerialStore } from './serial-store.ts'
import type { Row } from './serial-store.ts'

/** More orders at once than this are not gone through: no history of ours comes near. */
const MOST_ORDERS = 20_000

/** What a check found. */
export interface Verdict {
  /** Why no order explains the history; undefined where one does. */
  readonly violation: string | undefined
  /** Most orders that were open at once: 1 where what was seen always decided. */
  readonly widest: number
}

/** Judges a history. */
export function check(history: History): Verdict {
  const fault = history.faults[0]
  if (fault !== undefined) return { violation: fault, widest: 0 }
  const rows = rowsOf(history)
  if (typeof rows === 'string') return { violation: rows, widest: 0 }
  for (const operation of history.operations) {
    const wrong = operation.kind === 'read' ? impossible(operation, history, rows) : undefined
    if (wrong !== undefined) return { violation: wrong, widest: 0 }
  }
  const search = new Search(history, rows)
  return { violation: search.run(), widest: search.widest }
}

/** Where every sample came from. Returns a word where a time was used twice. */
function rowsOf({ channels, operations }: History): Map<string, Map<number, Row>> | string {
  const rows = new Map([...channels].map(([, index]) => [index, new Map<number, Row>()]))
  for (const commit of operations) {
    if (commit.kind !== 'commit') continue
    for (const part of commit.parts) {
      const group = rows.get(part.index)!
      for (const [row, time] of part.times.entries()) {
        const other = group.get(time)
        // What was refused may be written again.
        if (other !== undefined && other.commit.outcome !== 'refused' && commit.outcome !== 'refused')
          return `the history uses ${time} of "${part.index}" twice: nothing can be said`
        if (other === undefined || other.commit.outcome === 'refused') group.set(time, { commit, part, row })
      }
    }
  }
  return rows
}

/** What can be said against a read by itself. */
function impossible(
  read: Read,
  { channels }: History,
  rows: ReadonlyMap<string, ReadonlyMap<number, Row>>,
): string | undefined {
  for (const seen of read.seen) {
    const { channel, times, values } = seen
    const of = `${describe(read)} shows of "${channel}"`
    if (values.length !== times.length) return `${of} ${values.length} samples and ${times.length} times`
    const group = rows.get(channels.get(channel)!)!
    for (const [i, time] of times.entries()) {
      if (i > 0 && time <= times[i - 1]!) return `${of} ${time} after ${times[i - 1]}`
      if (time < read.start || time >= read.end) return `${of} ${time}, out of the range`
      const from = group.get(time)
      const ordinal = from?.part.channels.indexOf(channel) ?? -1
      if (from === undefined || ordinal < 0) return `${of} ${time}, which nobody wrote`
      if (from.commit.outcome === 'refused')
        return `${of} ${time}, of ${describe(from.commit)}, which was refused`
      const value = from.part.values[ordinal]![from.row]
      if (values[i] !== value) return `${of} ${values[i]} at ${time}: ${describe(from.commit)} wrote ${value}`
    }
    const wrong = disagreement(seen)
    if (wrong !== undefined) return `${of} ${wrong}`
  }
  return undefined
}

/** Where count, bounds and latest, of the same instant, say something else than the samples. */
function disagreement(seen: Seen): string | undefined {
  const { times } = seen
  if (seen.count !== undefined && seen.count !== times.length)
    return `${times.length} samples where count says ${seen.count}`
  const [first, last] = [times[0], times.at(-1)]
  if ('bounds' in seen) {
    const wanted = first === undefined ? undefined : [first, last! + 1]
    if (String(seen.bounds) !== String(wanted))
      return `[${String(wanted)}] where bounds says [${String(seen.bounds)}]`
  }
  if ('latest' in seen && seen.latest !== last) return `${last} as the last where latest says ${seen.latest}`
  return undefined
}

function describe(operation: Write | Read): string {
  const { kind, id } = operation
  if (kind === 'read') return `read ${id} (${operation.by}) at ${operation.at}`
  const when = `${operation.invoked} to ${operation.responded}`
  if (kind === 'commit') return `commit ${id} of writer ${operation.writer} (${when})`
  if (kind === 'remove') return `removal ${id} of ${operation.channels.join()} (${when})`
  return `delete ${id} of ${operation.channels.join()} [${operation.start}, ${operation.end}) (${when})`
}

type Event =
  | { readonly at: number; readonly what: 'begin' | 'end'; readonly write: Write }
  | { readonly at: number; readonly what: 'read'; readonly read: Read }

/** What a read shows of a channel and an order does not, or the other way round. */
interface Difference {
  readonly channel: string
  readonly time: number
  /** The read shows it. */
  readonly isSeen: boolean
}

class Search {
  widest = 1
  readonly #events: readonly Event[]
  readonly #store: SerialStore
  readonly #rows: ReadonlyMap<string, ReadonlyMap<number, Row>>
  /** By commit: the one of the same writer before it. */
  readonly #before = new Map<Write, Commit>()
  /** Commits between two neighbouring rows of another: whether they may come depends on deletes beside them. */
  readonly #inside = new Set<CommitPart>()
  /** Begun, and not settled in the store. */
  readonly #open = new Set<Write>()
  readonly #related = new Map<Write, Map<Write, boolean>>()
  readonly #touched = new Map<Write, Map<Write, boolean>>()
  /** By group. */
  readonly #parts = new Map<string, readonly SortedPart[]>()
  #orders: readonly Order[]
  /** The event that is gone through. */
  #at = -1
  /** Why the last order that was tried does not fit. */
  #reason = ''

  constructor(history: History, rows: ReadonlyMap<string, ReadonlyMap<number, Row>>) {
    this.#rows = rows
    this.#store = new SerialStore(history, rows)
    this.#orders = [new Order(this.#store, [])]
    const events: Event[] = []
    const last = new Map<number, Commit>()
    for (const operation of history.operations.toSorted((a, b) => beginOf(a) - beginOf(b))) {
      if (operation.kind === 'read') {
        events.push({ at: operation.at, what: 'read', read: operation })
        continue
      }
      if (operation.outcome === 'refused') continue
      events.push({ at: operation.invoked, what: 'begin', write: operation })
      if (operation.outcome === 'done')
        events.push({ at: operation.responded, what: 'end', write: operation })
      if (operation.kind !== 'commit') continue
      const before = last.get(operation.writer)
      if (before !== undefined) this.#before.set(operation, before)
      if (operation.outcome === 'done') last.set(operation.writer, operation)
      for (const part of operation.parts) if (this.#liesInside(operation, part)) this.#inside.add(part)
    }
    this.#events = events.sort((a, b) => a.at - b.at)
  }

  /** Goes through all events. Returns why there is no order; undefined where there is one. */
  run(): string | undefined {
    for (const event of this.#events) {
      this.#at = event.at
      if (event.what === 'begin') {
        this.#open.add(event.write)
        continue
      }
      if (event.what === 'end' && !this.#open.has(event.write)) continue
      const found = new Map<string, Order>()
      const asked = new Set<string>()
      for (const order of this.#orders) {
        const explained =
          event.what === 'read'
            ? this.#explain(order, event.read, asked)
            : order.has(event.write)
              ? [order]
              : this.#reach(order, event.write)
        for (const each of explained) found.set(this.#keyOf(each), each)
        if (found.size > MOST_ORDERS)
          return `the checker gives up: more than ${MOST_ORDERS} orders are possible`
      }
      if (found.size === 0) return this.#describeFailure(event)
      this.#orders = [...found.values()]
      this.widest = Math.max(this.widest, found.size)
      this.#settle()
    }
    return undefined
  }

  #describeFailure(event: Event): string {
    const what =
      event.what === 'read'
        ? describe(event.read)
        : `${describe((event as { write: Write }).write)}, which has ended,`
    return `no order explains ${what}: ${this.#reason}`
  }

  /** The orders that show what the read shows, with as little put behind `order` as that needs. */
  #explain(order: Order, read: Read, asked: Set<string>): Order[] {
    const gone = read.seen.find(({ channel }) => order.isRemoved(channel))
    if (gone !== undefined) {
      this.#reason = `"${gone.channel}" has been removed`
      return []
    }
    const wrong = differenceOf(order, read)
    if (wrong === undefined) return [order]
    const key = this.#keyOf(order)
    if (asked.has(key)) return []
    asked.add(key)
    const causes = this.#causesOf(wrong).filter((write) => !order.has(write))
    if (causes.length === 0) this.#reason = this.#describe(wrong)
    return causes.flatMap((write) =>
      this.#reach(order, write).flatMap((next) => this.#explain(next, read, asked)),
    )
  }

  /** The writes under way that can have brought a sample, or taken it. */
  #causesOf({ channel, time, isSeen }: Difference): Write[] {
    if (isSeen) {
      const { commit } = this.#rows.get(this.#store.groupOf(channel))!.get(time)!
      return this.#open.has(commit) ? [commit] : []
    }
    return [...this.#open].filter(
      (write) =>
        write.kind === 'delete' &&
        write.channels.includes(channel) &&
        time >= write.start &&
        time < write.end,
    )
  }

  #describe({ channel, time, isSeen }: Difference): string {
    const { commit } = this.#rows.get(this.#store.groupOf(channel))!.get(time)!
    if (!isSeen)
      return `it misses ${time} of "${channel}", of ${describe(commit)}, and nothing has taken that`
    if (commit.invoked > this.#at)
      return `it shows ${time} of "${channel}", which comes only with ${describe(commit)}`
    return `it shows ${time} of "${channel}", of ${describe(commit)}, which something has taken`
  }

  /** The orders that end with `write`, with what of the writes under way matters to it put before, or not. */
  #reach(order: Order, write: Write): Order[] {
    const mattering = this.#matteringTo(order, write)
    const found = new Map<string, Order>()
    const visited = new Set<string>()
    const waiting = [order]
    for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
      for (const each of mattering) {
        if (current.has(each) || !this.#isNext(current, each)) continue
        const refusal = current.refusal(each)
        if (refusal !== undefined) {
          if (each === write) this.#reason = refusal
          continue
        }
        const next = current.with(each)
        const key = this.#keyOf(next)
        if (each === write) {
          if (this.#isNeeded(next, order.writes.length)) found.set(key, next)
        } else if (!visited.has(key)) {
          visited.add(key)
          waiting.push(next)
        }
      }
    }
    return [...found.values()]
  }

  /** `write`, and what is under way and matters to it or to something that does. */
  #matteringTo(order: Order, write: Write): Set<Write> {
    const mattering = new Set([write])
    // A set goes on with what is added to it meanwhile.
    for (const each of mattering) {
      for (const other of this.#open) {
        if (mattering.has(other) || order.has(other)) continue
        if (this.#before.get(each) === other || this.#areRelated(other, each)) mattering.add(other)
      }
    }
    return mattering
  }

  /** Whether the writer's commit before it is there. */
  #isNext(order: Order, write: Write): boolean {
    const before = this.#before.get(write)
    return before === undefined || !this.#open.has(before) || order.has(before)
  }

  /** Whether nothing that was added from a position on could as well come after the last. */
  #isNeeded({ writes }: Order, from: number): boolean {
    for (let i = from; i < writes.length - 1; i++) {
      let isNeeded = false
      for (let j = i + 1; j < writes.length && !isNeeded; j++)
        isNeeded = this.#areRelated(writes[i]!, writes[j]!)
      if (!isNeeded) return false
    }
    return true
  }

  /** What comes first in every order, or could, goes into the store. */
  #settle(): void {
    let orders = this.#orders.map(({ writes }) => writes)
    for (;;) {
      const [first] = orders
      const write = first!.find((each) => orders.every((writes) => this.#canBeFirst(writes, each)))
      if (write === undefined) break
      this.#store.apply(write)
      this.#open.delete(write)
      orders = orders.map((writes) => writes.filter((each) => each !== write))
    }
    this.#orders = orders.map((writes) => new Order(this.#store, writes))
  }

  #canBeFirst(writes: readonly Write[], write: Write): boolean {
    for (const each of writes) {
      if (each === write) return true
      if (this.#touch(each, write)) return false
    }
    return false
  }

  /** The same for orders that show the same: of the same writes, with the same deletes behind the same commits. */
  #keyOf({ writes }: Order): string {
    if (writes.length < 2) return writes.length === 0 ? '' : String(writes[0]!.id)
    const ids = writes.map(({ id }) => id)
    const taken: string[] = []
    for (const [i, commit] of writes.entries()) {
      if (commit.kind !== 'commit') continue
      for (let j = i + 1; j < writes.length; j++)
        if (writes[j]!.kind !== 'commit' && this.#touch(commit, writes[j]!))
          taken.push(`${commit.id}<${ids[j]}`)
    }
    return `${ids.sort((a, b) => a - b).join()};${taken.sort().join()}`
  }

  /** Whether one of two takes samples that the other brings. */
  #touch(a: Write, b: Write): boolean {
    if (a.kind === b.kind) return false
    if (a.kind !== 'commit') return b.kind === 'commit' && this.#touch(b, a)
    const touched = this.#touched.get(a) ?? new Map<Write, boolean>()
    this.#touched.set(a, touched)
    let is = touched.get(b)
    if (is === undefined) touched.set(b, (is = takesOf(b as Delete | Removal, a)))
    return is
  }

  /** Whether it can matter which of two comes first. */
  #areRelated(a: Write, b: Write): boolean {
    const [one, other] = a.id < b.id ? [a, b] : [b, a]
    let known = this.#related.get(one)
    if (known === undefined) this.#related.set(one, (known = new Map<Write, boolean>()))
    let related = known.get(other)
    if (related === undefined) known.set(other, (related = this.#matters(one, other)))
    return related
  }

  #matters(a: Write, b: Write): boolean {
    if (a.kind === 'commit' && b.kind === 'commit') {
      return a.writer === b.writer || a.parts.some((part) => b.parts.some((other) => overlap(part, other)))
    }
    if (a.kind === 'commit') return this.#mattersToCommit(b as Delete | Removal, a)
    if (b.kind === 'commit') return this.#mattersToCommit(a, b)
    const groups = new Set(a.channels.map((channel) => this.#store.groupOf(channel)))
    if (!b.channels.some((channel) => groups.has(this.#store.groupOf(channel)))) return false
    return a.kind === 'remove' || b.kind === 'remove' || (a.start < b.end && b.start < a.end)
  }

  #mattersToCommit(write: Delete | Removal, { parts }: Commit): boolean {
    const groups = new Set(write.channels.map((channel) => this.#store.groupOf(channel)))
    return parts.some((part) => {
      if (!groups.has(part.index)) return false
      if (write.kind === 'remove' || this.#inside.has(part)) return true
      const { first, last } = spanOf(part)
      return first < write.end && write.start <= last
    })
  }

  /** Whether a part of a commit lies between two rows of another one. */
  #liesInside(commit: Commit, part: CommitPart): boolean {
    const { first } = spanOf(part)
    const parts = this.#partsOf(part.index)
    for (let i = lowerBoundOf(parts, first) - 1; i >= 0 && parts[i]!.furthest > first; i--) {
      const outer = parts[i]!
      if (outer.commit !== commit && spanOf(outer.part).last > first) return true
    }
    return false
  }

  #partsOf(index: string): readonly SortedPart[] {
    let parts = this.#parts.get(index)
    if (parts === undefined) {
      const all = new Map<CommitPart, Commit>()
      for (const { commit, part } of this.#rows.get(index)!.values())
        if (commit.outcome !== 'refused') all.set(part, commit)
      let furthest = -Infinity
      parts = [...all]
        .toSorted(([a], [b]) => spanOf(a).first - spanOf(b).first)
        .map(([part, commit]) => ({
          part,
          commit,
          furthest: (furthest = Math.max(furthest, spanOf(part).last)),
        }))
      this.#parts.set(index, parts)
    }
    return parts
  }
}

/** A part of a commit among those of its group, in the order of their first times. */
interface SortedPart {
  readonly commit: Commit
  readonly part: CommitPart
  /** The last time of it and all before it. */
  readonly furthest: number
}

/** How many of the parts begin before a time. */
function lowerBoundOf(parts: readonly SortedPart[], time: number): number {
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (spanOf(parts[middle]!.part).first < time) low = middle + 1
    else high = middle
  }
  return low
}

function beginOf(operation: Write | Read): number {
  return operation.kind === 'read' ? operation.at : operation.invoked
}

/** Whether a delete or removal takes a sample of a commit that is there before it. */
function takesOf(write: Delete | Removal, { parts }: Commit): boolean {
  return parts.some(({ channels, times }) => {
    if (!channels.some((channel) => write.channels.includes(channel))) return false
    if (write.kind === 'remove') return true
    const from = lowerBound(times, write.start)
    return from < times.length && times[from]! < write.end
  })
}

function overlap(a: CommitPart, b: CommitPart): boolean {
  if (a.index !== b.index) return false
  const [one, other] = [spanOf(a), spanOf(b)]
  return one.first <= other.last && other.first <= one.last
}

function differenceOf(order: Order, { seen, start, end }: Read): Difference | undefined {
  for (const { channel, times } of seen) {
    const there = order.times(channel)
    let at = lowerBound(there, start)
    for (const time of times) {
      const next = there[at]
      if (next === time) at++
      else if (next !== undefined && next < time) return { channel, time: next, isSeen: false }
      else return { channel, time, isSeen: true }
    }
    const more = there[at]
    if (more !== undefined && more < end) return { channel, time: more, isSeen: false }
  }
  return undefined
}
