// A client that writes: opens writers of some channels of some groups, writes small and large frames, awaited or not,
// commits or lets commit, now into what is newest, now into some hole; and notes for each commit which frames it
// brought. Its rows carry its own times and numbers, so that whoever reads them knows where they came from.

import type { Writer } from '../../src/index.ts'
import type { SeededRandom } from '../../src/fs/seeded-random.ts'
import type { CommitPart } from './history.ts'
import { timeOf, typeOf, valueOf } from './world.ts'
import type { World } from './world.ts'

/** A frame that was written and may still be committed. */
interface Pending {
  readonly parts: readonly CommitPart[]
  /** Whether it was recorded; settled before the commit that takes it. */
  readonly kept: Promise<boolean>
}

/** A group's channels that a session writes, the index channel first. */
interface Lane {
  readonly index: string
  readonly channels: readonly string[]
  readonly names: readonly string[]
}

/** Whose a session is, and where it begins. */
interface Place {
  /** The client's. */
  readonly number: number
  readonly slot: number
  /** Its first row's number, above all that this client has used. */
  readonly row: number
  readonly autoCommit: boolean
}

/** How large frames are. */
export interface FrameSizes {
  /** Most rows of a usual frame, and of the large one that comes now and then. */
  readonly most: number
  readonly large: number
}

const REFUSED = ['WRITE_CONFLICT']

/** One open writer and what it has written and not committed. */
export class Session {
  readonly #world: World
  /** The client's. */
  readonly #number: number
  readonly #session: number
  readonly #writer: Writer
  readonly #lanes: readonly Lane[]
  readonly #autoCommit: boolean
  #pending: Pending[] = []
  #slot: number
  #row: number

  constructor(
    world: World,
    { number, session, slot, row, autoCommit }: Place & { readonly session: number },
    writer: Writer,
    lanes: readonly Lane[],
  ) {
    this.#world = world
    this.#number = number
    this.#session = session
    this.#writer = writer
    this.#lanes = lanes
    this.#autoCommit = autoCommit
    this.#slot = slot
    this.#row = row
  }

  /** The number of its next row. */
  get row(): number {
    return this.#row
  }

  /** Writes `count` rows to some of its groups. Resolves to whether they were recorded. */
  async write(count: number, step: number, isWanted: (lane: number) => boolean): Promise<boolean> {
    const slots = Array.from({ length: count }, (_, i) => this.#slot + i * step)
    this.#slot += count * step
    this.#world.end = Math.max(this.#world.end, this.#slot)
    const row = this.#row
    this.#row += count
    const times = slots.map((slot) => timeOf(this.#session, slot))
    const frame: Record<string, unknown> = {}
    const parts: CommitPart[] = []
    for (const [i, { index, channels, names }] of this.#lanes.entries()) {
      if (!isWanted(i)) continue
      const values = channels.map((channel) =>
        channel === index ? times : times.map((_, k) => valueOf(channel, this.#number, row + k)),
      )
      parts.push({ index, channels, times, values })
      for (const [k, name] of names.entries())
        frame[name] = arrayOf(channels[k]!, channels[k] === index, values[k]!)
    }
    const { recorder } = this.#world
    const call = recorder.begin()
    const written = recorder.attempt(
      `write of writer ${this.#number}`,
      this.#writer.write(frame as never),
      REFUSED,
    )
    if (!this.#autoCommit) {
      const kept = written.then((result) => result?.is === true)
      this.#pending.push({ parts, kept })
      return kept
    }
    const result = await written
    recorder.end(call, result?.is === true ? 'done' : this.#failed(), {
      kind: 'commit',
      writer: this.#number,
      parts,
    })
    return result?.is === true
  }

  /** Commits what is pending. Resolves to whether it was committed. */
  async commit(): Promise<boolean> {
    const taken = this.#pending
    this.#pending = []
    const { recorder } = this.#world
    const call = recorder.begin()
    let code: unknown
    const committing = this.#writer.commit().catch((error: unknown) => {
      ;({ code } = error as { code?: unknown })
      throw error
    })
    const result = await recorder.attempt(`commit of writer ${this.#number}`, committing, REFUSED)
    // The call ended before the frames are looked at.
    const end = recorder.tick()
    const parts: CommitPart[] = []
    for (const { parts: each, kept } of taken) if (await kept) parts.push(...each)
    const outcome = result === undefined ? this.#failed() : 'done'
    if (parts.length > 0)
      recorder.end(call, outcome, { kind: 'commit', writer: this.#number, parts: joined(parts) }, end)
    // Nothing has changed: what was pending still is.
    if (code === 'STORAGE') this.#pending = [...taken, ...this.#pending]
    return result !== undefined
  }

  async close(): Promise<void> {
    await this.#world.recorder.attempt(`close of writer ${this.#number}`, this.#writer.close(), [])
  }

  /** A later row leaves everything behind that is there. */
  skipTo(slot: number): void {
    this.#slot = Math.max(this.#slot, slot)
  }

  /** A strict commit that a close overtakes may be there all the same. */
  #failed(): 'refused' | 'unknown' {
    return this.#world.isClosing ? 'unknown' : 'refused'
  }
}

/** Parts of one group become one. */
function joined(parts: readonly CommitPart[]): CommitPart[] {
  const byIndex = new Map<string, CommitPart>()
  for (const part of parts) {
    const { index, channels } = part
    const before = byIndex.get(index)
    byIndex.set(
      index,
      before === undefined
        ? part
        : {
            index,
            channels,
            times: [...before.times, ...part.times],
            values: before.values.map((values, i) => [...values, ...part.values[i]!]),
          },
    )
  }
  return [...byIndex.values()]
}

function arrayOf(channel: string, isIndex: boolean, values: readonly number[]): unknown {
  if (isIndex) return BigInt64Array.from(values, BigInt)
  return typeOf(channel) === 'int32' ? Int32Array.from(values) : Float64Array.from(values)
}

/** Opens a writer; undefined where that was refused. */
export async function openSession(
  world: World,
  choice: Place & {
    readonly channels: readonly (readonly string[])[]
    readonly durability: 'relaxed' | 'batched' | 'strict'
    readonly hasStart: boolean
  },
): Promise<Session | undefined> {
  const lanes = choice.channels.map((channels) => {
    const there = channels.filter((each) => world.nameOf(each) !== undefined)
    return { index: channels[0]!, channels: there, names: there.map((each) => world.nameOf(each)!) }
  })
  const { autoCommit, durability, slot } = choice
  const session = world.sessions++
  const start = choice.hasStart ? { start: BigInt(timeOf(session, slot)) } : {}
  const opening = world.db.openWriter({
    channels: lanes.flatMap(({ names }) => names),
    autoCommit,
    durability,
    ...start,
  })
  const codes = ['WRITE_CONFLICT', 'CHANNEL_NOT_FOUND']
  const opened = await world.recorder.attempt('openWriter', opening, codes)
  return opened === undefined ? undefined : new Session(world, { ...choice, session }, opened.is, lanes)
}

/** Opens writers and writes for some time. */
export async function writeAlong(
  world: World,
  number: number,
  random: SeededRandom,
  steps: number,
  sizes: FrameSizes,
): Promise<void> {
  let row = 0
  for (let left = steps; left > 0;) {
    await world.schedule.turn('writer open')
    const groups = world.groups.filter((_, i) =>
      random.chance(i === number % world.groups.length ? 0.9 : 0.3),
    )
    const channels = groups.map(({ index, data }) => [index, ...data.filter(() => random.chance(0.85))])
    left--
    if (channels.length === 0 || world.isOver) continue
    const session = await openSession(world, {
      number,
      channels,
      autoCommit: random.chance(0.6),
      durability: (['strict', 'batched', 'relaxed'] as const)[random.below(3)]!,
      slot: random.chance(0.65) ? world.end + 1 + random.below(3) : random.below(world.end + 3),
      row,
      hasStart: random.chance(0.4),
    })
    if (session === undefined) continue
    left -= await useSession(
      world,
      session,
      random,
      Math.min(left, 1 + random.below(14)),
      groups.length,
      sizes,
    )
    await session.close()
    row = session.row
  }
}

/** Writes and commits `steps` times, or until too much is refused. Returns how many steps it took. */
async function useSession(
  world: World,
  session: Session,
  random: SeededRandom,
  steps: number,
  groups: number,
  sizes: FrameSizes,
): Promise<number> {
  let refused = 0
  let done = 0
  let under: Promise<void>[] = []
  for (; done < steps && refused < 3 && !world.isOver; done++) {
    if (random.chance(0.8)) await world.schedule.turn('writer next')
    const count = 1 + random.below(random.chance(0.12) ? sizes.large : sizes.most)
    const all = random.chance(0.6)
    const only = random.below(groups)
    const step = 1 + random.below(2)
    const work = random.chance(0.3)
      ? session.commit()
      : session.write(count, step, (lane) => all || lane === only)
    under.push(
      work.then((isDone) => {
        if (isDone) return
        refused++
        session.skipTo(world.end + 1)
      }),
    )
    // Calls on one writer take effect in their order, awaited or not; what fails stays pending only for the next.
    if (world.mayFail || random.chance(0.7) || under.length > 3) {
      await Promise.all(under)
      under = []
    }
  }
  await Promise.all(under)
  if (random.chance(0.7)) await session.commit()
  return done
}
