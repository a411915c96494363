// A holder that stands still right before one of its file operations, is overtaken, and goes on: nothing that it
// does from then on is acknowledged, and nothing that was there is destroyed (S6). The taker is nothing but
// its epoch in the fence, put there in one step; that it stood still is a jump of its clock, longer than
// any look lasts. Called by attacks.ts.

import type { Environment, Tuning } from '../../src/database/environment.ts'
import { MemoryFileSystem } from '../../src/fs/memory-file-system.ts'
import type { OperationKind } from '../../src/fs/operation-kind.ts'
import { DIRECTORY, Machine, rest } from '../crash/machine.ts'
import { History } from '../crash/model.ts'
import type { CrashKind, Promised } from '../crash/model.ts'
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

  constructor(disk: MemoryFileSystem = new MemoryFileSystem(), boot = 1, pid = 100) {
    super(disk, boot, pid, true)
  }

  override after(kind: CrashKind, seed: number): StallingMachine {
    return kind === 'kill'
      ? new StallingMachine(this.disk.afterKill(), 1, 200)
      : new StallingMachine(this.disk.afterPowerLoss(seed), 2, 200)
  }

  override environment(tuning: Partial<Tuning>): Environment {
    const environment = super.environment(tuning)
    const { clock } = environment
    return {
      ...environment,
      clock: { now: () => clock.now(), monotonicMs: () => clock.monotonicMs() + this.#stalledMs },
    }
  }

  /**
   * Another holder puts its epoch in force while this process stands still. Returns the epoch that is in force no more;
   * undefined: it cannot be overtaken, its lease is not in force yet, or was given back.
   */
  overtake(): number | undefined {
    const { disk } = this
    const lease = disk.files().findLast((path) => path.startsWith(`${DIRECTORY}/LEASE-`))
    if (lease === undefined) return undefined
    const text = Buffer.from(disk.snapshotBytes(lease)).toString()
    if (!text.includes('"held') || !text.includes(`"pid":${this.environment({}).identity.pid},`))
      return undefined
    const bytes = disk.snapshotBytes(`${DIRECTORY}/FENCE`).slice()
    const data = new DataView(bytes.buffer)
    const epoch = data.getBigUint64(0, true)
    if (epoch !== BigInt(lease.slice(lease.lastIndexOf('-') + 1))) return undefined
    this.#stalledMs += STALL_MS
    data.setBigUint64(0, epoch + 1n, true)
    const fence = disk.openNow(`${DIRECTORY}/FENCE`, 'write')
    fence.writeNow(bytes, 0)
    fence.closeNow()
    return Number(epoch)
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

/** What an opening that fails may remove: nobody ever names it. */
function segmentsOf(epoch: number): string {
  return `${DIRECTORY}/segments/${String(epoch).padStart(6, '0')}-`
}

/** Overtakes the workload's process before each of its changes of the disk from the `from`th on, one a run. */
export async function* overtaking(workload: Workload, from: number = 1): AsyncGenerator<Finding> {
  for (let n = from; ; n++) {
    const { isReached, failure } = await overtakeAt(workload, n)
    if (!isReached) return
    yield failure === undefined ? undefined : `${workload.name}: overtaken before change ${n}: ${failure}`
  }
}

async function overtakeAt(
  workload: Workload,
  n: number,
): Promise<{ readonly isReached: boolean; readonly failure?: string | undefined }> {
  const history = new WatchedHistory()
  const session = Session.on(new StallingMachine(), workload.options, history)
  const destroyed: string[] = []
  const archived: string[] = []
  try {
    await workload.prepare(session)
    // Another one, if a crash was part of it.
    const machine = session.machine as StallingMachine
    let left = n
    let there: readonly string[] = []
    let isSkipped = false
    machine.faults!.observer = (kind, path) => {
      if (history.isOver) {
        // What was called before may still happen: the taker reads only after it has waited for that.
        if (!there.includes(path)) return
        // A file under construction was its own.
        if (kind === 'remove' && !path.includes('/.tmp-')) destroyed.push(path)
        if (kind === 'write' && path.includes('/manifest/')) archived.push(path)
        return
      }
      if (!CHANGES.includes(kind) || --left !== 0) return
      there = machine.disk.files()
      // Who gives the lease back has nothing left to lose.
      const epoch = path.includes('LEASE-') ? undefined : machine.overtake()
      history.isOver = epoch !== undefined
      if (epoch !== undefined && !session.isOpen)
        there = there.filter((each) => !each.startsWith(segmentsOf(epoch)))
      isSkipped = !history.isOver
    }
    const refusal = await workload.run(session).then(
      () => undefined,
      (error: unknown) => error,
    )
    await rest()
    machine.faults!.observer = undefined
    if (!history.isOver) return { isReached: isSkipped }
    if (history.acknowledgedAfter > 0)
      return { isReached: true, failure: 'what it wrote afterwards was acknowledged' }
    if (destroyed.length > 0)
      return { isReached: true, failure: `it has removed ${destroyed.join(', ')} afterwards` }
    if (archived.length > 0)
      return { isReached: true, failure: `it has written to ${archived.join(', ')} afterwards` }
    if (refusal !== undefined && !describe(refusal).includes('LeaseLostError'))
      return { isReached: true, failure: describe(refusal) }
    return { isReached: true }
  } finally {
    await session.abandon()
  }
}
