// A holder that stands still right before one of its file operations, is overtaken, and goes on: nothing that it
// does from then on is acknowledged, and nothing that was there is destroyed (S6). The taker is nothing but
// its epoch in the fence, put there in one step; that it stood still is a jump of its clock, longer than
// any look lasts. Called by attacks.ts.

import type { Environment, Tuning } from '../../src/database/environment.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { OperationKind } from '../../src/fs/operation-kind.ts'
import { DIRECTORY, Machine, rest } from '../crash/machine.ts'
import { History } from '../crash/model.ts'
import type { Promised } from '../crash/model.ts'
import { describe, Session } from '../crash/session.ts'
import type { Workload } from '../crash/workloads.ts'
import type { Finding } from './attacks.ts'

/** Longer than a look covers. */
const STALL_MS = 1000

const CHANGES: readonly OperationKind[] = [
  'create',
  'write',
  'truncate',
  'sync',
  'link',
  'remove',
  'syncDirectory',
]

/** Its processes may stand still. */
class StallingMachine extends Machine {
  #stalledMs = 0

  constructor() {
    super(new MemoryFileSystem(), 1, 100, true)
  }

  override environment(tuning: Partial<Tuning>): Environment {
    const environment = super.environment(tuning)
    const { clock } = environment
    return {
      ...environment,
      clock: { now: () => clock.now(), monotonicMs: () => clock.monotonicMs() + this.#stalledMs },
    }
  }

  /** Another holder puts its epoch in force while this one stands still. */
  overtake(epoch: number): void {
    this.#stalledMs += STALL_MS
    const fence = this.disk.openNow(`${DIRECTORY}/FENCE`, 'write')
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(epoch), true)
    fence.writeNow(bytes, 0)
    fence.closeNow()
  }
}

/** Notes what is acknowledged after it was told to. */
class WatchedHistory extends History {
  isOver = false
  acknowledgedAfter = 0

  override acknowledge(entry: number, promised: Promised): void {
    if (this.isOver && promised !== 'nothing') this.acknowledgedAfter++
    super.acknowledge(entry, promised)
  }
}

/** Overtakes the workload's process before each of its changes of the disk, one a run. */
export async function* overtaking(workload: Workload): AsyncGenerator<Finding> {
  for (let n = 1; ; n++) {
    const { isReached, failure } = await overtakeAt(workload, n)
    if (!isReached) return
    yield failure === undefined ? undefined : `${workload.name}: overtaken before change ${n}: ${failure}`
  }
}

async function overtakeAt(
  workload: Workload,
  n: number,
): Promise<{ readonly isReached: boolean; readonly failure?: string | undefined }> {
  const machine = new StallingMachine()
  const history = new WatchedHistory()
  const session = Session.on(machine, workload.options, history)
  const destroyed: string[] = []
  try {
    await workload.prepare(session)
    let left = n
    let there: readonly string[] = []
    machine.faults!.observer = (kind, path) => {
      if (history.isOver) {
        // What was called before may still happen: the taker reads only after it has waited for that.
        if (kind === 'remove' && there.includes(path)) destroyed.push(path)
        return
      }
      if (!CHANGES.includes(kind) || --left > 0) return
      history.isOver = true
      there = machine.disk.files()
      machine.overtake(session.engine.epoch + 1)
    }
    const refusal = await workload.run(session).then(
      () => undefined,
      (error: unknown) => error,
    )
    await rest()
    machine.faults!.observer = undefined
    if (!history.isOver) return { isReached: false }
    if (history.acknowledgedAfter > 0)
      return { isReached: true, failure: 'what it wrote afterwards was acknowledged' }
    if (destroyed.length > 0)
      return { isReached: true, failure: `it has removed ${destroyed.join(', ')} afterwards` }
    if (refusal !== undefined && !describe(refusal).includes('LeaseLostError'))
      return { isReached: true, failure: describe(refusal) }
    return { isReached: true }
  } finally {
    await session.abandon()
  }
}
