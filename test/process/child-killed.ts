// A process that does everything that one can do to a database, for ever, until it is killed or the disk
// goes away. Its one argument is a plan in JSON. It says a line each, written at once, so that whoever
// kills it knows what must be there (all times in microseconds of the machine's monotonic clock):
//
//   o <phase>     what it is in the middle of now: open, append, sync, flush, roll, retire, checkpoint, collect, close
//   f <json>      what it found when it opened
//   > <json>      the step that it is about to make;   < <n> <time>   the nth one was acknowledged (and changed nothing: -)
//   s <time>, e <time>    a sync begins, has ended;   h <time>   it is alive
//   x <n>         the nth step was refused;   ! <json>   why, and that it gives up;   c   and has closed

import { setImmediate as turn } from 'node:timers/promises'
import type { Channel, Database, Writer } from '../../src/index.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import type { Environment } from '../../src/database/environment.ts'
import type { Durability } from '../../src/database/options.ts'
import { openIn } from '../../src/database/public.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { say, SMALL } from './child-work.ts'
import { apply, endOf, readState, stampedValue, textOf } from './kill-steps.ts'
import type { Deed, Definition, StampedState, StampedType } from './kill-steps.ts'
import type { Found, Plan } from './kill-plan.ts'
import { watch } from './kill-watch.ts'

const plan = JSON.parse(process.argv[2]!) as Plan
const random = new SeededRandom(plan.seed)

const tuning = { ...SMALL, unprovenLimit: 32_768, reserveSize: 16_384 }

const BASE: readonly Definition[] = [
  { name: 't0', kind: 'index' },
  { name: 'a0', kind: 'data', type: 'float64', index: 't0' },
  { name: 'b0', kind: 'data', type: 'int64', index: 't0' },
  { name: 't1', kind: 'index' },
  { name: 'a1', kind: 'data', type: 'uint64', index: 't1' },
]

function clock(): bigint {
  return process.hrtime.bigint() / 1000n
}

/** What the main line of work is at; decides what an operation belongs to. */
let life: 'open' | 'work' | 'collect' | 'close' = 'open'
let phase = ''
let checkpoint = ''
let until = plan.die?.nth ?? 0

function phaseOf(call: string, path: string): string {
  if (life !== 'work') return life
  if (path.includes('/segments')) return 'flush'
  if (path.includes('/manifest')) {
    if (call === 'create') checkpoint = path
    return path === checkpoint && call !== 'remove' ? 'checkpoint' : 'retire'
  }
  if (call === 'remove') return 'retire'
  if (call === 'create') return 'roll'
  return call.startsWith('sync') ? 'sync' : 'append'
}

function dieIfPlanned(at: 'before' | 'after'): void {
  if (plan.die === undefined || plan.die.at !== at || plan.die.phase !== phase) return
  if (--until === 0) process.kill(process.pid, 'SIGKILL')
}

const watcher = {
  before(call: string, path: string): void {
    const now = phaseOf(call, path)
    if (now !== phase) say(`o ${(phase = now)}`)
    if (call.startsWith('sync')) say(`s ${clock()}`)
    dieIfPlanned('before')
  },
  after(call: string): void {
    if (call.startsWith('sync')) say(`e ${clock()}`)
    dieIfPlanned('after')
  },
}

async function environment(): Promise<Environment> {
  const system = await systemEnvironment()
  const { identity } = system
  return {
    ...system,
    files: watch(system.files, watcher),
    identity: plan.bootId === undefined ? identity : { ...identity, bootId: plan.bootId },
    ...(plan.isCalm ? {} : { tuning }),
  }
}

/** How writes are made: each writer's own, or the database's. */
function durabilityOf(index: string): Durability {
  if (plan.durability !== 'mixed') return plan.durability
  return index === 't0' ? 'strict' : index === 't1' ? 'relaxed' : 'batched'
}

const editsBy: Durability = plan.durability === 'mixed' ? 'batched' : plan.durability

let count = 0
let { stamp } = plan
/** What is there, were everything done; kept to choose what to do next. */
let state: StampedState = []
const next = new Map<string, number>()

/** Announces a step, makes it, says that it was acknowledged. */
function step(deed: Deed, make: () => Promise<unknown>, by: Durability = editsBy): Promise<void> {
  const n = count++
  say(`> ${JSON.stringify({ ...deed, by })}`)
  return make().then(
    (result) => {
      say(`< ${n} ${clock()}${isEmptyDelete(result) ? ' -' : ''}`)
    },
    (error: unknown) => {
      say(`x ${n}`)
      throw error
    },
  )
}

/** A delete that found nothing writes nothing, and so hands over nothing that came before it. */
function isEmptyDelete(result: unknown): boolean {
  const { samples } = (result ?? {}) as { samples?: Record<string, number> }
  return samples !== undefined && Object.values(samples).every((removed) => removed === 0)
}

async function edit(deed: Deed, make: () => Promise<unknown>): Promise<void> {
  await step(deed, make)
  state = apply(state, deed)
}

class Session {
  readonly db: Database
  readonly writers: ReadonlyMap<string, Writer>

  private constructor(db: Database, writers: ReadonlyMap<string, Writer>) {
    this.db = db
    this.writers = writers
  }

  static async open(isFirst: boolean): Promise<Session> {
    life = 'open'
    say(`o ${(phase = 'open')}`)
    const db = await openIn(await environment(), plan.directory, {
      durability: editsBy,
      memoryBudget: plan.isCalm ? 1 << 26 : 1 << 20,
      segmentSize: 1 << 20,
      syncInterval: `${plan.intervalMs}ms`,
    })
    life = 'work'
    if (isFirst) await report(db)
    if (db.channels.find('t0') === undefined)
      await edit({ do: 'create', channels: BASE }, () => db.channels.create([...BASE]))
    const writers = new Map<string, Writer>()
    for (const index of ['t0', 't1']) writers.set(index, await openWriter(db, index))
    return new Session(db, writers)
  }

  async close(): Promise<void> {
    for (const writer of this.writers.values()) await writer.close()
    await step({ do: 'close' }, async () => {
      life = 'close'
      await this.db.close({ force: true })
    })
  }
}

async function report(db: Database): Promise<void> {
  const read = await readState(db)
  ;({ state } = read)
  const { problems } = await db.verify()
  for (const { name, kind } of state) if (kind === 'index') next.set(name, endOf(state, name))
  const found: Found = { text: textOf(state), problems: [...read.wrong, ...problems], state }
  say(`f ${JSON.stringify(found)}`)
}

function dataOf(index: string): StampedState {
  return state.filter((channel) => channel.index === index)
}

function openWriter(db: Database, index: string): Promise<Writer> {
  return db.openWriter({
    channels: [index, ...dataOf(index).map(({ name }) => name)],
    durability: durabilityOf(index),
  })
}

/** A burst of frames that are not awaited one by one: small ones, and some that go to a segment. */
async function write(writer: Writer, index: string, most: number): Promise<void> {
  const made: Promise<void>[] = []
  for (let left = 1 + random.below(most); left > 0; left--) {
    const samples = random.below(8) === 0 ? 200 + random.below(400) : 1 + random.below(20)
    const from = next.get(index) ?? 1
    const deed: Deed = { do: 'write', index, from, to: from + samples, stamp: stamp++ }
    next.set(index, from + samples)
    const times = Array.from({ length: samples }, (_, i) => from + i)
    const frame = Object.fromEntries([
      [index, times.map(BigInt)],
      ...dataOf(index).map(({ name, type }) => [
        name,
        times.map((time) => stampedValue(type as StampedType, time, deed.stamp)),
      ]),
    ]) as Parameters<Writer['write']>[0]
    made.push(step(deed, () => writer.write(frame), durabilityOf(index)))
    state = apply(state, deed)
  }
  const results = await Promise.allSettled(made)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  if (random.below(4) === 0) await turn()
}

async function remove(db: Database): Promise<void> {
  const indexes = state.filter(({ kind }) => kind === 'index')
  const { name } = indexes[random.below(indexes.length)]!
  const data = dataOf(name).map((channel) => channel.name)
  const names =
    random.below(3) === 0 && data.length > 0 ? [data[random.below(data.length)]!] : [name, ...data]
  const end = next.get(name) ?? 1
  const width = random.below(4) === 0 ? end : 1 + random.below(400)
  const from = Math.max(0, end - random.below(3000) - width)
  const deed = { do: 'delete', names, from, to: from + width } as const
  await edit(deed, () => db.delete([...names], { start: BigInt(from), end: BigInt(from + width) }))
}

/** Channels that come, change, are written to and go, besides those that stay. */
async function editChannels(db: Database): Promise<void> {
  const passing = state.filter(({ name, kind }) => kind === 'index' && name.startsWith('x'))
  const index = passing[random.below(Math.max(1, passing.length))]?.name
  const choice = random.below(6)
  if (index === undefined || (choice === 0 && passing.length < 4)) {
    const name = `x${stamp++}`
    const type = (['float64', 'int64', 'uint64'] as const)[random.below(3)]!
    const channels: Definition[] = [
      { name, kind: 'index' },
      { name: `d${name}`, kind: 'data', type, index: name },
    ]
    await edit({ do: 'create', channels }, () => db.channels.create([...channels]))
  } else if (choice === 1) {
    const to = `x${stamp++}`
    next.set(to, next.get(index) ?? 1)
    await edit({ do: 'rename', name: index, to }, () => db.channels.rename(index, to))
  } else if (choice === 2) {
    const { name } = dataOf(index)[0]!
    const unit = `u${stamp++}`
    await edit({ do: 'update', name, unit }, (): Promise<Channel> => db.channels.update(name, { unit }))
  } else if (choice === 3) {
    const names = [index, ...dataOf(index).map(({ name }) => name)]
    await edit({ do: 'remove', names }, () => db.channels.remove([...names]))
  } else {
    const writer = await openWriter(db, index)
    await write(writer, index, 6)
    await writer.close()
  }
}

let session: Session | undefined

async function work(): Promise<void> {
  session = await Session.open(true)
  for (;;) {
    const { db, writers } = session
    const choice = random.below(plan.isCalm ? 88 : 100)
    if (choice < 66) {
      const index = random.below(3) === 0 ? 't1' : 't0'
      await write(writers.get(index)!, index, 20)
    } else if (choice < 78) await remove(db)
    else if (choice < 88) await editChannels(db)
    else if (choice < 90) await step({ do: 'sync' }, () => db.sync())
    else if (choice < 97) {
      life = 'collect'
      say(`o ${(phase = 'collect')}`)
      await db.gc({ threshold: 0 })
      life = 'work'
    } else {
      await session.close()
      session = await Session.open(false)
    }
  }
}

setInterval(() => say(`h ${clock()}`), 5)
try {
  await work()
} catch (error) {
  const { name, code, message, stack } = error as Error & { code?: string }
  say(`! ${JSON.stringify({ name, code, message, stack })}`)
  // Also where nothing can be written any more, a close must come to its end.
  await session?.db.close({ force: true }).catch(() => {})
  say('c')
  process.exit(0)
}
