// The port of the lease: the right of one process to write, with an epoch (fencing token) that only
// grows. local-lease.ts grants it through files of the database's folder; a directory of another kind
// could grant it too. Whoever acknowledges or destroys writes, syncs where promised, looks, and only
// then acts (S6): `look` is what makes a holder that was overtaken harmless.

/** The right to write, held until `release`, or until somebody takes it over. */
export interface Lease {
  /** Greater than that of every holder before; an integer >= 1. */
  readonly epoch: number
  /** The database's folder. */
  readonly directory: string
  /**
   * Shows that everything written before this call was written while the lease was in force. A look
   * covers calls for 50 ms, so that it usually costs no more than reading the clock.
   * @throws LeaseLostError (LEASE_LOST) once the lease was taken over or released, from then on always.
   * StorageError (STORAGE) once the disk did not say who holds it, until one finds that somebody else does.
   */
  look(): void
  /**
   * As `look`, reading the fence in any case. For what cannot be taken back: destroying, archiving. What it
   * allows may happen any time later, where the process is stopped in between: it must do no harm then
   * either.
   * @throws LeaseLostError (LEASE_LOST), StorageError (STORAGE), as `look`
   */
  lookNow(): void
  /**
   * Gives the lease back; looks fail from the moment of the call. Further calls return the first one's
   * promise.
   *
   * **Durable:** that nobody holds the lease. A lease that could not be given back is taken over once
   * this process has ended.
   * @throws StorageError (STORAGE) when the lease file cannot be written; what else is held is given back.
   */
  release(): Promise<void>
}

/** Who a process is, as far as another one can tell. Empty strings: not known on this platform. */
export interface Identity {
  /** The host's name. */
  readonly host: string
  /** Changes with every start of the machine. Beginning with `~`: derived from a clock, hence inexact. */
  readonly bootId: string
  /** Process ids mean something only within one namespace. */
  readonly pidNamespace: string
  readonly pid: number
  /** Tells a process from a later one with the same id: clock ticks from boot to its start. */
  readonly startTime: string
}

/** Whether a process runs. `unknown`: it cannot be told from here. */
export type Liveness = 'alive' | 'dead' | 'unknown'
