// Stores for tests: a database on a simulated disk, or in a temporary directory on request, that is
// verified, closed and read by the second reader too when its test ends. A store can be closed and opened again, killed, or lose its
// power; the process that comes next has another id, after a power loss another boot too. Called
// inside tests only, since it registers for their end.

import { expect, onTestFinished } from 'vitest'
import type { Schema } from '../../src/channel/schema.ts'
import { systemClock } from '../../src/clock.ts'
import type { Clock } from '../../src/clock.ts'
import type { Channels, Database } from '../../src/index.ts'
import type { Environment, Tuning } from '../../src/database/environment.ts'
import { systemEnvironment } from '../../src/database/environment.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { openIn } from '../../src/database/public.ts'
import type { FileSystem } from '../../src/fs/file-system.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import { assertGuards, guardCheck } from './guard-check.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { assertSame, filesIn, readByEngine, readBySecondReader, simulatedFiles } from '../format/agreement.ts'

/** What a store stands on. */
export interface StoreSetting {
  /** A temporary directory of this machine instead of the simulated disk. */
  readonly onDisk?: boolean
  /** Goes on with this simulated disk. */
  readonly disk?: MemoryFileSystem
  /** What the engine sees of the disk: something that fails or waits around it. */
  readonly wrap?: (disk: FileSystem) => FileSystem
  readonly clock?: Clock
  readonly tuning?: Partial<Tuning>
  /** Whether the database must be sound at the end of the test. Default `true`. */
  readonly verify?: boolean
}

/** An open database and the disk under it. */
export interface Store<S extends Schema = Schema> {
  /** The database that was opened last. */
  readonly db: Database<S>
  readonly directory: string
  /** The disk as it is now; throws where the store is in a real directory. */
  readonly disk: MemoryFileSystem
  /** Closes the database, by force, and opens it again. */
  readonly reopen: (options?: OpenOptions<S>) => Promise<Database<S>>
  /** The process dies without a word; the next one opens what it has written. */
  readonly kill: (options?: OpenOptions<S>) => Promise<Database<S>>
  /** The machine loses its power; `seed` says what of the unsynced is left (0: nothing, 1: all). */
  readonly losePower: (seed: number, options?: OpenOptions<S>) => Promise<Database<S>>
  /** Opens the directory once more, as another process would, while the store's own is open. */
  readonly openAlso: (options?: OpenOptions<S>) => Promise<Database<S>>
}

const DIRECTORY = '/data'

let nextPid = 1000

/** Opens a new store; verified and closed when the test ends. */
export async function openStore<const S extends Schema = Schema>(
  options: OpenOptions<S> = {},
  setting: StoreSetting = {},
): Promise<Store<S>> {
  const directory = setting.onDisk === true ? temporaryDirectory() : DIRECTORY
  let disk = setting.onDisk === true ? undefined : (setting.disk ?? new MemoryFileSystem())
  let boot = 1
  const alive = new Set<number>()
  const opened = new Set<Database<S>>()

  async function openWith(given: OpenOptions<S> = options): Promise<Database<S>> {
    const pid = nextPid++
    const environment = disk === undefined ? await real(setting) : simulated(disk, setting, pid, boot, alive)
    const db = await openIn<S>(environment, directory, given)
    alive.add(pid)
    opened.add(db)
    return db
  }

  async function after(end: () => void, given: OpenOptions<S>): Promise<Database<S>> {
    opened.clear()
    alive.clear()
    end()
    current = await openWith(given)
    return current
  }

  onTestFinished(async () => {
    for (const db of opened) {
      if (setting.verify !== false && isOpen(db)) expect((await db.verify()).problems).toEqual([])
    }
    const shown = setting.verify !== false && isOpen(current) ? await shownBy(current) : undefined
    for (const db of opened) await db.close({ force: true }).catch(() => {})
    assertGuards()
    if (shown === undefined) return
    const files = disk === undefined ? filesIn(directory) : simulatedFiles(disk, directory)
    assertSame(shown, readBySecondReader(files))
  })

  let current = await openWith(options)
  return {
    get db() {
      return current
    },
    directory,
    get disk() {
      if (disk === undefined) throw new Error('The store is in a real directory')
      return disk
    },
    async reopen(given = options) {
      await current.close({ force: true })
      opened.delete(current)
      current = await openWith(given)
      return current
    },
    kill(given = options) {
      return after(() => (disk = disk!.afterKill()), given)
    },
    losePower(seed, given = options) {
      return after(() => {
        disk = disk!.afterPowerLoss(seed)
        boot++
      }, given)
    },
    openAlso: openWith,
  }
}

function isOpen(db: { readonly channels: Channels }): boolean {
  try {
    db.channels.list()
    return true
  } catch {
    return false
  }
}

/** Samples of a store that the second reader is asked for: it is slow. */
const SECOND_READER_LIMIT = 5_000

/** What the second reader must find once the database is closed; undefined where that is too much. */
async function shownBy(db: Pick<Database, 'channels' | 'read' | 'stats'>): Promise<string | undefined> {
  const { channels } = await db.stats()
  const samples = Object.values(channels).reduce((sum, each) => sum + each.samples, 0)
  return samples > SECOND_READER_LIMIT ? undefined : readByEngine(db)
}

async function real(setting: StoreSetting): Promise<Environment> {
  const environment = await systemEnvironment()
  const { wrap, clock, tuning } = setting
  return {
    ...environment,
    files: wrap === undefined ? environment.files : wrap(environment.files),
    clock: clock ?? environment.clock,
    check: guardCheck,
    tuning,
  }
}

function simulated(
  disk: MemoryFileSystem,
  { wrap, clock, tuning }: StoreSetting,
  pid: number,
  boot: number,
  alive: ReadonlySet<number>,
): Environment {
  return {
    files: wrap === undefined ? disk : wrap(disk),
    clock: clock ?? systemClock,
    identity: {
      host: 'simulated',
      bootId: `boot-${boot}`,
      pidNamespace: 'pid:[1]',
      pid,
      startTime: String(pid),
    },
    isAlive: (holder) => (alive.has(holder.pid) ? 'alive' : 'dead'),
    newId: () => new Uint8Array(16).fill(7),
    check: guardCheck,
    // A mebibyte would be most of what a small store has.
    tuning: { reserveSize: 4096, ...tuning },
  }
}
