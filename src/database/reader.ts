// What a read-only process has beside its engine: its registration, whose pin says what it still needs, and
// the way to a newer state. Old snapshots stay what they were: the pin is raised only once the newest state
// shows and nothing that runs needs an older one (0005-I9). Bytes that turn out bad may have been given
// back meanwhile: then the logs say so. Made by open-reader.ts.

import { ClosedError, CorruptionError, NotADatabaseError, SnapshotExpiredError } from '../errors.ts'
import { join, segmentFile } from '../fs/layout.ts'
import { storageError } from '../fs/storage-error.ts'
import { hasCode } from '../fs/system-error.ts'
import { OwnRegistration } from '../lease/registration.ts'
import { FIRST_EXTENT } from '../segment/segment-file.ts'
import type { SegmentPool } from '../segment/segment-pool.ts'
import { toISO } from '../telem/timestamp.ts'
import type { Pointer } from '../version/pointer.ts'
import { accountFor, accountsOf, neededSegments, sizesKept, tailPointers } from './opening/assemble.ts'
import type { Contents } from './opening/assemble.ts'
import type { Engine } from './engine.ts'
import type { Environment } from './environment.ts'
import { loadAnew } from './opening/load-anew.ts'
import type { LoadedBeside } from './opening/load-anew.ts'
import { isNewest, readOn } from './opening/read-on.ts'
import type { Seen, ShownState } from './opening/read-on.ts'
import type { LoadedState } from './opening/load.ts'
import { walkPointers } from './walk-pointers.ts'

/** What a refresh did: nothing was new, what was new was read, or all of it. */
export type Refreshed = 'same' | 'on' | 'anew'

export class Reader {
  readonly #engine: Engine
  #registration: OwnRegistration | undefined
  #refreshing: Promise<Refreshed> | undefined
  /** That one may have read already. */
  #hasLooked = false
  /** The one that begins when that has ended. */
  #next: Promise<Refreshed> | undefined
  /** Segments that only older states than the newest need: with the LSN of the first state that does not. */
  readonly #stale = new Map<number, number>()
  /** LSNs were given out again: they do not tell what a snapshot that is open needs. */
  #hasGoneBack = false
  /** It shows less than there is, since somebody takes over: what is gone may have been given back unseen. */
  #isPartial: boolean
  /** Undefined where the newest look failed: then all is read. */
  #seen: Seen | undefined

  constructor(
    engine: Engine,
    registration: OwnRegistration | undefined,
    { state, isPartial }: Pick<LoadedBeside, 'state' | 'isPartial'>,
  ) {
    this.#engine = engine
    this.#registration = registration
    this.#isPartial = isPartial
    this.#seen = seenOf(state)
    engine.pins.onRelease = () => this.#settle()
    this.#settle()
  }

  /** Its registration's file, relative to the database's folder; undefined where it could not register. */
  get registration(): string | undefined {
    return this.#registration?.name
  }

  /**
   * Shows the newest state from now on: no older one than was there when this was called. Who calls while one
   * is under way, which may have read already, waits for the next; all who do share that.
   * @throws what a read-only opening throws; then everything is as before
   */
  refresh(): Promise<Refreshed> {
    if (this.#next === undefined) {
      if (this.#refreshing === undefined) return this.#begin()
      if (!this.#hasLooked) return this.#refreshing
    }
    this.#next ??= this.#engine.letEnd(this.#afterThis())
    return this.#next
  }

  async #afterThis(): Promise<Refreshed> {
    await this.#refreshing?.catch(() => {})
    this.#next = undefined
    this.#engine.assertOpen()
    return this.#begin()
  }

  #begin(): Promise<Refreshed> {
    this.#hasLooked = false
    this.#refreshing = this.#engine.letEnd(this.#refreshOrTell()).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** What to tell of an error that a read met: bytes that nobody needs any more are no damage. */
  async judge(error: unknown): Promise<unknown> {
    if (!(error instanceof CorruptionError)) return error
    const { environment, directory, segments } = this.#engine
    const segment = segments.all().find(({ id }) => join(directory, segmentFile(id)) === error.file)
    if (segment === undefined) return error
    let isNeeded: boolean
    try {
      isNeeded = await loadAnew(
        environment,
        directory,
        async ({ state, isPartial }) =>
          !(isPartial && this.#isPartial) && reaches(this.#engine, state, segment.id, error.offset),
      )
    } catch {
      // What is needed now cannot be told: damage is what was seen.
      return error
    }
    if (isNeeded) return error
    return new SnapshotExpiredError(
      `The writing process has given back bytes of "${error.file}" that this state of "${directory}" needs: call ` +
        'refresh() and read again. Where a read-only process can write to the folder "readers" what it sees is kept',
      { cause: error },
    )
  }

  /** Nothing is kept for this process any more. */
  async close(): Promise<void> {
    this.#engine.pins.onRelease = () => {}
    await this.#registration?.remove()
  }

  async #refreshOrTell(): Promise<Refreshed> {
    try {
      return await this.#refresh()
    } catch (cause) {
      throw storageError('Cannot read the newest state', this.#engine.directory, cause)
    }
  }

  async #refresh(): Promise<Refreshed> {
    const { environment, directory } = this.#engine
    const isAnew = await this.#registerAgain()
    this.#hasLooked = true
    const seen = isAnew || this.#isPartial ? undefined : this.#seen
    if (seen !== undefined) {
      if (await isNewest(environment, directory, seen)) return 'same'
      if (await this.#readOn(seen)) return 'on'
    }
    this.#seen = undefined
    const show = ({ state, ...rest }: LoadedBeside, mayRetry: boolean): Promise<'shown' | 'unpinned'> =>
      this.#show(state, rest, mayRetry)
    while ((await loadAnew(environment, directory, show)) === 'unpinned') await this.#registerAnew(false)
    return 'anew'
  }

  /**
   * Shows what stands behind what is shown; false where all must be read, and nothing has changed.
   * @throws ClosedError
   */
  async #readOn(seen: Seen): Promise<boolean> {
    const { environment, directory, turns, version, lastLsn } = this.#engine
    const state = await readOn(environment, directory, turns, { ...seen, version, lastLsn })
    if (state === undefined) return false
    try {
      const rest = { isAtRest: false, isPartial: false, sizes: sizesKept(this.#engine, state) }
      return (await this.#show(state, rest, true)) === 'shown'
    } catch (error) {
      if (error instanceof ClosedError) throw error
      return false
    }
  }

  /** Puts a newer state in place, in one step: all before it only looks. */
  async #show(
    state: ShownState & Partial<Pick<LoadedState, 'report'>>,
    {
      isAtRest,
      isPartial,
      sizes: known,
    }: Pick<LoadedBeside, 'isAtRest' | 'isPartial'> & { readonly sizes?: ReadonlyMap<number, number> },
    mayRetry: boolean,
  ): Promise<'shown' | 'unpinned'> {
    const engine = this.#engine
    const { directory, segments } = engine
    if (Buffer.compare(state.databaseId, engine.databaseId) !== 0)
      throw new NotADatabaseError(directory, 'another database has taken its place: open it again')
    const accounts = await accountsOf(engine, state, known)
    if (this.#registration === undefined) openDescriptors(segments, state, mayRetry)
    engine.assertOpen()
    if (isPartial && state.epoch === engine.epochShown && state.lastLsn < engine.lastLsn) return 'shown'
    // The disk has lost records that were shown, and their numbers are given out again.
    if (this.#registration !== undefined && this.#registration.pin > state.lastLsn) return 'unpinned'
    if (state.lastLsn < engine.lastLsn) this.#hasGoneBack = true
    const since = state.lastLsn > engine.lastLsn ? state.lastLsn : Infinity
    for (const segment of segments.all()) {
      segment.tailLive = 0
      if (accounts.sizes.has(segment.id)) this.#stale.delete(segment.id)
      else if (!this.#stale.has(segment.id)) this.#stale.set(segment.id, since)
    }
    this.#isPartial = isPartial
    this.#seen = seenOf(state)
    engine.show(state, isAtRest ? state.report : undefined)
    accountFor(engine, accounts)
    this.#settle()
    return 'shown'
  }

  /**
   * A writer that took this process for dead has removed its registration; where there was none, there may be
   * one now. Returns whether there is another: it keeps everything until all was read again.
   */
  async #registerAgain(): Promise<boolean> {
    const before = this.#registration
    const isThere = before === undefined ? false : await before.isThere().catch(() => undefined)
    if (isThere === true) return false
    return this.#registerAnew(isThere === undefined)
  }

  /** @param keepsOld where no other can be made: the one that there is may keep something still */
  async #registerAnew(keepsOld: boolean): Promise<boolean> {
    const { environment, directory } = this.#engine
    const before = this.#registration
    const anew = await register(environment, directory)
    if (anew === undefined && keepsOld) return false
    this.#registration = anew
    await before?.remove()
    return anew !== before
  }

  /** Gives up what nothing that runs here needs any more. */
  #settle(): void {
    const { pins, lastLsn, segments } = this.#engine
    this.#registration?.raise(Math.min(pins.own, lastLsn))
    const { own } = pins
    if (own === Infinity) {
      this.#hasGoneBack = false
      // A registration keeps what descriptors were to keep.
      segments.keepsOpen = this.#registration === undefined
    }
    if (this.#hasGoneBack) return
    for (const [id, since] of this.#stale) {
      if (own < since) continue
      segments.forget(id)
      this.#stale.delete(id)
    }
  }
}

/** Not all of the state: its version is the engine's, and let go of with the next one. */
function seenOf({ names, end, epoch, databaseId, manifest, last, tails, sizes }: ShownState): Seen {
  return { names, end, epoch, databaseId, manifest, last, tails, sizes }
}

/** Registers with pin 0; undefined where nothing can be written: reading goes on as long as it can. */
export async function register(
  environment: Environment,
  directory: string,
): Promise<OwnRegistration | undefined> {
  const { files, identity, clock, readerLocks } = environment
  try {
    const since = toISO(clock.now())
    return await OwnRegistration.create({ files, directory, identity, since, locks: readerLocks })
  } catch (error) {
    // Whatever the file system says; not what is wrong here.
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/**
 * Opens every segment that a state needs: descriptors keep the bytes of files that are removed from now on.
 * @throws CorruptionError for one that is gone already, if `mayRetry`; else the read that needs it tells
 */
export function openDescriptors(segments: SegmentPool, state: Contents, mayRetry: boolean): void {
  segments.keepsOpen = true
  for (const id of neededSegments(state)) {
    try {
      segments.reader(id)
    } catch (error) {
      if (mayRetry && hasCode((error as Error).cause, 'ENOENT')) throw error
    }
  }
}

/** Whether a state needs what lies at an offset of a segment; in its header: anything of it. */
async function reaches(
  { turns }: Engine,
  { version, groups }: Contents,
  segment: number,
  offset: number,
): Promise<boolean> {
  let isReached = false
  const look = (pointer: Pointer): void => {
    if (pointer.segment !== segment) return
    const isAt = offset >= pointer.offset && offset < pointer.offset + pointer.length
    if (offset < FIRST_EXTENT || isAt) isReached = true
  }
  for (const pointer of tailPointers(groups)) look(pointer)
  for (const [, table] of version.pointers.entries()) {
    if (isReached) return true
    await walkPointers(turns, table, look)
  }
  return isReached
}
