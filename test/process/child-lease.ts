// A process that takes the lease of a folder when told to. Arguments: the folder. Reads one command a line:
// `open` takes the lease and answers with a line of JSON, `look` looks at it, `close` releases it; the end
// of its input ends it. RUBIDIUM_NO_OS_LOCK=1 leaves the operating system's lock out.

import { createInterface } from 'node:readline'
import { DatabaseLockedError } from '../../src/errors.ts'
import { nodeFileSystem } from '../../src/fs/node-file-system.ts'
import { readIdentity } from '../../src/lease/identity.ts'
import { acquireLease } from '../../src/lease/local-lease.ts'
import type { Lease } from '../../src/lease/lease.ts'
import { loadOsLock } from '../../src/lease/os-lock.ts'

const directory = process.argv[2] ?? ''
let lease: Lease | undefined

async function answer(command: string): Promise<object> {
  switch (command) {
    case 'open':
      lease = await acquireLease({
        files: nodeFileSystem,
        directory,
        identity: readIdentity(Date.now()),
        clock: { now: () => BigInt(Date.now()) * 1_000_000n, monotonicMs: () => performance.now() },
        lock: await loadOsLock(),
        epochsSeen: [],
      })
      return { epoch: lease.epoch }
    case 'look':
      lease?.lookNow()
      return { looked: lease?.epoch }
    case 'close':
      await lease?.release()
      return { closed: true }
    default:
      return { unknown: command }
  }
}

console.log(JSON.stringify({ ready: true }))
for await (const command of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await answer(command)))
  } catch (error) {
    const { name, message } = error as Error
    console.log(
      JSON.stringify({ name, message, pid: error instanceof DatabaseLockedError ? error.pid : undefined }),
    )
  }
}
