// What a writer does while others read, and what may be seen of it meanwhile: each deed has the contents before and
// behind it, and whatever is read must be the one or the other. Called by readers.test.ts and readers-soak.ts.

import type { Database, Snapshot } from '../../src/index.ts'
import { neededSegments } from '../../src/database/opening/assemble.ts'
import type { Tuning } from '../../src/database/environment.ts'
import { checkpointNow, retireOldest } from '../../src/database/retire.ts'
import { segmentFile } from '../../src/fs/layout.ts'
import { createGroup, frameOf, timesFrom } from '../pitfalls/stage.ts'
import { DIRECTORY, Processes } from '../support/processes.ts'
import type { Process, ProcessSetting } from '../support/processes.ts'

/** Limits so small that few samples fill a segment and a journal file. */
export const TUNING: Partial<Tuning> = {
  journalFileSize: 600,
  journalLimit: 1500,
  inlineLimit: 160,
  extentLimit: 400,
  manifestSlack: 300,
}

export const LIMITS: NonNullable<ProcessSetting['limits']> = { segmentSize: 1500, memoryBudget: 32 * 1024 }

/** A database with flushed, deleted and unflushed samples, and the process that writes it. */
export class Scene {
  readonly processes: Processes
  /** The process that writes now; replaced by deeds that open again. */
  writer: Process
  readonly setting: ProcessSetting
  /** What there was to be read, state after state. */
  readonly states: string[] = []
  next = 1

  private constructor(processes: Processes, writer: Process, setting: ProcessSetting) {
    this.processes = processes
    this.writer = writer
    this.setting = setting
  }

  static async set(setting: ProcessSetting = {}): Promise<Scene> {
    const processes = new Processes(undefined, TUNING)
    const writer = await processes.open({}, { limits: LIMITS, ...setting })
    const scene = new Scene(processes, writer, { limits: LIMITS, ...setting })
    await createGroup(writer.db, 'time', ['a', 'b'])
    await scene.commit(40)
    await writer.flusher.flushAll()
    await scene.commit(60)
    await writer.flusher.flushAll()
    await scene.delete(31, 36)
    await scene.commit(5)
    // Large enough for an extent of its own.
    await scene.commit(30)
    await scene.commit(3)
    return scene
  }

  /** The next samples of all channels. */
  async commit(count: number): Promise<void> {
    const writer = await this.writer.db.openWriter(['time', 'a', 'b'])
    await writer.write(frameOf('time', ['a', 'b'], timesFrom(this.next, count)))
    await writer.close()
    this.next += count
    await this.#note()
  }

  async delete(start: number, end: number): Promise<void> {
    await this.writer.db.delete(['time', 'a', 'b'], { start: BigInt(start), end: BigInt(end) })
    await this.#note()
  }

  async #note(): Promise<void> {
    this.states.push(await contentsOf(this.writer.db))
  }

  /** Opens for writing again, after a close or a death. */
  async openAgain(): Promise<void> {
    this.writer = await this.processes.open({}, this.setting)
  }
}

/** Something that a writer does. */
export interface Deed {
  readonly name: string
  readonly run: (scene: Scene) => Promise<void>
}

export const DEEDS: readonly Deed[] = [
  { name: 'a commit', run: (scene) => scene.commit(4) },
  { name: 'a commit with extents of its own', run: (scene) => scene.commit(30) },
  { name: 'a flush', run: ({ writer }) => writer.flusher.flushAll() },
  {
    name: 'a delete, and a collection by dropping',
    run: async (scene) => {
      await scene.delete(0, 101)
      await scene.writer.db.gc({ threshold: 0 })
    },
  },
  {
    name: 'a delete, and a collection by rewriting',
    run: async (scene) => {
      await scene.delete(10, 95)
      await scene.writer.db.gc({ threshold: 0 })
    },
  },
  {
    name: 'a delete of everything, and a collection',
    run: async (scene) => {
      await scene.delete(0, 1000)
      await scene.writer.db.gc({ threshold: 0 })
    },
  },
  {
    name: 'a retirement',
    run: async ({ writer: { engine, flusher } }) => {
      await flusher.flushAll()
      while (await retireOldest(engine));
    },
  },
  { name: 'a checkpoint', run: ({ writer }) => checkpointNow(writer.engine) },
  { name: 'a close', run: ({ processes, writer }) => processes.close(writer) },
  {
    name: 'a close, an opening and a collection',
    run: async (scene) => {
      await scene.delete(0, 101)
      await scene.processes.close(scene.writer)
      await scene.openAgain()
      await scene.writer.db.gc({ threshold: 0 })
    },
  },
  {
    // As a collection that is killed between the drop and the removal.
    name: 'a drop that is synced, a death and an opening',
    run: async (scene) => {
      await scene.delete(0, 1000)
      const { engine, db, flusher } = scene.writer
      await flusher.flushAll()
      const dead = [...engine.version.segments.entries()].filter(([, { live }]) => live === 0)
      engine.publishEdit({ kind: 'drop', segments: dead.map(([id]) => id) })
      await db.sync()
      scene.processes.abandon(scene.writer)
      await scene.openAgain()
    },
  },
  {
    name: 'a collection, a death and a recovery that collects',
    run: async (scene) => {
      await scene.delete(0, 101)
      await scene.writer.db.gc({ threshold: 0 })
      scene.processes.abandon(scene.writer)
      await scene.openAgain()
      await scene.writer.db.gc({ threshold: 0 })
    },
  },
]

/** The segments that a reader needs for what it shows now are there: descriptors that it has open prove nothing. */
export function keptFor({ engine }: Process): (processes: Processes) => void {
  const needed = [...neededSegments(engine)].map((id) => `${DIRECTORY}/${segmentFile(id)}`)
  return (processes) => {
    const missing = needed.filter((path) => !processes.segments.includes(path))
    if (missing.length > 0) throw new Error(`a reader shows what is missing: ${missing.join(', ')}`)
  }
}

/** Everything that is to be read, as text; fails where channels of a group disagree or a value is not its time's. */
export async function contentsOf(db: Database | Snapshot): Promise<string> {
  const frame = await db.read(['time', 'a', 'b'])
  const times = [...(frame.column('time') as BigInt64Array)]
  for (const name of ['a', 'b']) {
    const values = [...(frame.column(name) as Float64Array)]
    if (values.length !== times.length || values.some((value, i) => value !== Number(times[i]) * 0.5))
      throw new Error(`channel "${name}" does not go with its times`)
  }
  return times.join(' ')
}
