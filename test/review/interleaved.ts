// Plays random operations against one another on a simulated disk whose operations wait as long as the
// seed says, and looks at what must hold whatever the order was: a snapshot reads the same until it is
// closed, the database is sound, and what a process that is killed left behind is what its head showed.

import { openEngine } from '../../src/database/opening/open.ts'
import { Database } from '../../src/index.ts'
import type { Snapshot, Writer } from '../../src/index.ts'
import { resolveOptions } from '../../src/database/options.ts'
import { checkpointNow } from '../../src/database/retire.ts'
import { RubidiumError } from '../../src/errors.ts'
import { FaultyFileSystem } from '../../src/fs/faulty-file-system.ts'
import type { FaultRule } from '../../src/fs/faulty-file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { SeededRandom } from '../../src/fs/seeded-random.ts'
import { assertGuards, guardCheck } from '../support/guard-check.ts'

const GROUPS = [
  { index: 't1', data: ['a', 'b'] },
  { index: 't2', data: ['c'] },
] as const

type Writable = Writer

interface Process {
  readonly db: Database
  readonly engine: Awaited<ReturnType<typeof openEngine>>['engine']
  readonly flusher: Awaited<ReturnType<typeof openEngine>>['flusher']
}

/** Runs one seed. @throws what does not hold */
export async function playInterleaved(seed: number, steps: number): Promise<void> {
  const random = new SeededRandom(seed)
  const slowness = random.below(4)
  const scheduler = async (): Promise<void> => {
    for (let turns = random.below(1 + slowness * 3); turns > 0; turns--) {
      if (random.chance(0.5)) await Promise.resolve()
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }
  let disk = new MemoryFileSystem({ scheduler, holes: seed % 2 === 1 })
  let elapsedMs = 0
  let pid = 1
  let boot = 1
  const options = {
    ...resolveOptions({ durability: random.chance(0.5) ? 'batched' : 'relaxed' }),
    segmentSize: 6000,
    memoryBudget: 32 * 1024,
  }
  const tuning = {
    journalFileSize: 1500,
    journalLimit: 5000,
    inlineLimit: 160,
    extentLimit: 400,
    manifestSlack: 600,
    tailExtents: 12,
    unprovenLimit: 2000,
    unmarkedLimit: 300,
    holeSize: 512,
    reserveSize: 1000,
  }

  // With some seeds the disk fails now and then.
  const isFaulty = random.chance(0.4)
  let faults = new FaultyFileSystem(disk)
  const open = async (): Promise<Process> => {
    faults = new FaultyFileSystem(disk)
    const environment = {
      files: faults,
      clock: { now: () => BigInt(elapsedMs) * 1_000_000n, monotonicMs: () => elapsedMs++ },
      identity: { host: 'h', bootId: `boot-${boot}`, pidNamespace: 'n', pid: ++pid, startTime: String(pid) },
      isAlive: () => 'dead' as const,
      newId: () => new Uint8Array(16).fill(9),
      check: guardCheck,
      tuning,
    }
    const { engine, flusher } = await openEngine(environment, '/data', options)
    return { db: new Database(engine, flusher), engine, flusher }
  }

  let now = await open()
  await now.db.channels.create(
    GROUPS.flatMap(({ index, data }) => [
      { name: index, kind: 'index' as const },
      ...data.map((name) => ({ name, kind: 'data' as const, type: 'float64' as const, index })),
    ]),
  )
  const names = (): string[] => now.db.channels.list().map(({ name }) => name)
  let writers: { writer: Writable; index: string; data: string[]; next: number }[] = []
  let snapshots: { snapshot: Snapshot; seen: string }[] = []
  let under: Promise<unknown>[] = []
  const unexpected: unknown[] = []
  const start = (work: Promise<unknown>): void => {
    const owner = disk
    under.push(
      work.catch((error: unknown) => {
        if (owner !== disk || owner.isDead) return
        const never = ['CORRUPTION', 'LOCK_ORDER', ...(isFaulty ? [] : ['STORAGE'])]
        if (!(error instanceof RubidiumError) || never.includes(error.code)) unexpected.push(error)
      }),
    )
  }
  const settle = async (): Promise<void> => {
    while (under.length > 0) {
      const waiting = under
      under = []
      await Promise.all(waiting)
    }
    if (unexpected.length > 0) throw unexpected[0]
  }

  const step = async (): Promise<void> => {
    const { db, engine, flusher } = now
    const owner = disk
    // What a process that died opened in its last moments is nobody's, also before the next one is open.
    const isOurs = (): boolean => now.db === db && disk === owner
    const dice = random.below(100)
    if (dice < 8) {
      const [group] = [GROUPS[random.below(GROUPS.length)]!]
      const list = db.channels.list()
      const index = list.find(({ name }) => name === group.index || name === `${group.index}x`)
      if (index === undefined) return
      const data = list
        .filter((channel) => channel.index === index.name && random.chance(0.8))
        .map(({ name }) => name)
      const at = random.below(2000)
      start(
        db
          .openWriter({
            channels: [index.name, ...data],
            autoCommit: random.chance(0.5),
            ...(random.chance(0.7) ? { start: BigInt(at) } : {}),
          })
          .then((writer) => {
            if (isOurs()) writers.push({ writer, index: index.name, data, next: at })
          }),
      )
    } else if (dice < 45 && writers.length > 0) {
      const each = writers[random.below(writers.length)]!
      const count = 1 + random.below(random.chance(0.2) ? 40 : 8)
      const times = BigInt64Array.from({ length: count }, (_, i) => BigInt(each.next + i * 3))
      const frame: Record<string, unknown> = { [each.index]: times }
      each.data.forEach(
        (name, i) => (frame[name] = Float64Array.from(times, (time) => Number(time) * 10 + i + name.length)),
      )
      each.next += count * 3 + random.below(4)
      start(each.writer.write(frame as never))
    } else if (dice < 52 && writers.length > 0) {
      start(writers[random.below(writers.length)]!.writer.commit())
    } else if (dice < 55 && writers.length > 0) {
      const [each] = writers.splice(random.below(writers.length), 1)
      start(each!.writer.close())
    } else if (dice < 66) {
      const chosen = names().filter(() => random.chance(0.6))
      const from = random.below(2500)
      if (chosen.length > 0)
        start(
          db.delete(chosen, {
            start: BigInt(from),
            end: BigInt(from + random.below(random.chance(0.2) ? 3000 : 60)),
          }),
        )
    } else if (dice < 72) {
      start(flusher.flushAll())
    } else if (dice < 78) {
      start(db.gc({ threshold: random.chance(0.5) ? 0 : 0.3 }))
    } else if (dice < 82) {
      const snapshot = db.snapshot()
      start(contents(snapshot).then((seen) => isOurs() && snapshots.push({ snapshot, seen })))
    } else if (dice < 88 && snapshots.length > 0) {
      const at = random.below(snapshots.length)
      const { snapshot, seen } = snapshots[at]!
      if (isFaulty) faults.clearRules()
      const again = await contents(snapshot)
      if (again !== seen) throw new Error(`a snapshot shows\n${again}\ninstead of\n${seen}`)
      if (random.chance(0.5)) {
        snapshots.splice(at, 1)
        await snapshot.close()
      }
    } else if (dice < 90) {
      const list = names()
      const name = list[random.below(list.length)]
      if (name !== undefined)
        start(db.channels.rename(name, name.endsWith('x') ? name.slice(0, -1) : `${name}x`))
    } else if (dice < 91) {
      const list = db.channels.list().filter(({ kind }) => kind === 'data')
      const channel = list[random.below(list.length + 2)]
      if (channel !== undefined) {
        const { name, index } = channel
        start(
          db.channels
            .remove(name)
            .then(() => db.channels.create({ name, kind: 'data', type: 'float64', index: index! })),
        )
      }
    } else if (dice < 93) {
      start(checkpointNow(engine))
    } else if (dice < 95) {
      start(db.sync())
      if (isFaulty) faults.addRule(faultOf(random))
    } else if (dice < 97) {
      await settle()
      faults.clearRules()
      const { problems } = await db.verify()
      if (problems.length > 0) throw new Error(`not sound: ${JSON.stringify(problems)}`)
    } else if (dice < 98) {
      await settle()
      for (const { snapshot, seen } of snapshots)
        if ((await contents(snapshot)) !== seen) throw new Error('a snapshot changed')
      const head = await contents(db)
      writers = []
      snapshots = []
      let hasLost = false
      let end = (['kill', 'power loss', 'close'] as const)[random.below(3)]!
      faults.clearRules()
      if (engine.failure !== undefined) end = 'kill'
      if (end !== 'close') {
        if (engine.failure === undefined) await db.sync()
        else if (engine.journal!.pending > 0) hasLost = true
        disk.killAt(1)
        engine.stopTimers()
        disk =
          end === 'kill'
            ? disk.afterKill({ scheduler })
            : disk.afterPowerLoss(random.below(1000), { scheduler })
        if (end === 'power loss') boot++
      } else {
        await db.close({ force: true })
        if (disk.openFiles.length > 0) throw new Error(`left open: ${disk.openFiles.join(', ')}`)
      }
      now = await open()
      const after = await contents(now.db)
      if (after !== head && !hasLost) throw new Error(`after a ${end}\n${after}\ninstead of\n${head}`)
      if (end === 'close' && now.engine.recovery?.crashed === true) throw new Error('a clean close was none')
    } else if (dice < 99) {
      // In the middle of everything: whatever is left of it must be sound.
      const isPower = random.chance(0.5)
      if (isPower) disk.cutPowerAt(1 + random.below(12), random.below(1000))
      else disk.killAt(1 + random.below(12), random.below(1000))
      for (let turn = 0; turn < 40 && !disk.isDead; turn++)
        await new Promise((resolve) => setImmediate(resolve))
      if (!disk.isDead) {
        disk.killAt(1_000_000)
        return
      }
      faults.clearRules()
      engine.stopTimers()
      under = []
      unexpected.length = 0
      writers = []
      snapshots = []
      disk = isPower ? disk.afterPowerLoss(random.below(1000), { scheduler }) : disk.afterKill({ scheduler })
      if (isPower) boot++
      now = await open()
      const { problems } = await now.db.verify()
      if (problems.length > 0) throw new Error(`not sound after a crash: ${JSON.stringify(problems)}`)
    } else if (writers.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (random.chance(0.3)) await scheduler()
  }

  for (let n = 0; n < steps; n++) await step()
  await settle()
  faults.clearRules()
  for (const { snapshot, seen } of snapshots)
    if ((await contents(snapshot)) !== seen) throw new Error('a snapshot changed')
  const { problems } = await now.db.verify()
  if (problems.length > 0) throw new Error(`not sound: ${JSON.stringify(problems)}`)
  await now.db.close({ force: true }).catch((error: unknown) => {
    if (now.engine.failure === undefined) throw error
  })
  if (disk.openFiles.length > 0) throw new Error(`left open: ${disk.openFiles.join(', ')}`)
  assertGuards()
}

/** Something of the disk that fails once or a few times. */
function faultOf(random: SeededRandom): FaultRule {
  const kind = (
    ['write', 'write', 'write', 'sync', 'syncDirectory', 'create', 'truncate', 'remove'] as const
  )[random.below(8)]!
  const path = [/journal/, /segments/, /manifest/][random.below(3)]!
  const codes = ['EIO', 'ENOSPC']
  const isShort = kind === 'write' && random.chance(0.3)
  const fault = isShort ? { short: random.below(30) } : { code: codes[random.below(2)]! }
  return { kind, path, nth: 1 + random.below(3), times: 1 + random.below(3), fault }
}

/** Everything that is to be read, as text. */
async function contents(from: {
  read: Database['read']
  channels: { list(): readonly { name: string; key: number }[] }
}): Promise<string> {
  const frame = from.channels.list()
  const read = await Promise.all(frame.map(({ name }) => from.read(name, {}, { timestamps: true })))
  return frame
    .map(({ name, key }, i) => {
      const series = read[i]!.series(name).map((each) => each.length)
      const values = [...read[i]!.column(name)].join(' ')
      return `${key}: [${series.join(' ')}] ${[...read[i]!.timestamps(name)].join(' ')} = ${values}`
    })
    .join('\n')
}
