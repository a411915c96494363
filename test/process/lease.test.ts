// The lease between real processes, with and without the operating system's lock: nothing here is
// simulated, and nothing waits for time to pass.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFileSystem } from '../../src/fs/node-file-system.ts'
import { readIdentity } from '../../src/lease/identity.ts'
import { acquireLease } from '../../src/lease/local-lease.ts'
import type { Identity, Lease } from '../../src/lease/lease.ts'
import { loadOsLock } from '../../src/lease/os-lock.ts'
import type { OsLock, OsLockAttempt } from '../../src/lease/os-lock.ts'
import { propertyOptions } from '../support/seeds.ts'

interface Answer {
  readonly ready?: true
  readonly epoch?: number
  readonly looked?: number
  readonly closed?: true
  readonly name?: string
  readonly message?: string
  readonly pid?: number
}

const script = fileURLToPath(new URL('child-lease.ts', import.meta.url))
const osLock = await loadOsLock()
/** Process id of a process that has ended. */
let ended: number | undefined
let directory: string
let children: Child[] = []

/** A process that opens on command. */
class Child {
  readonly pid: number
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor(withLock: boolean) {
    const env = { ...process.env, RUBIDIUM_NO_OS_LOCK: withLock ? '' : '1' }
    this.#process = spawn(process.execPath, ['--import', 'tsx', script, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
    })
    this.pid = this.#process.pid ?? 0
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
    children.push(this)
  }

  async answer(): Promise<Answer> {
    const { value } = (await this.#lines.next()) as { value?: string }
    if (value === undefined) throw new Error(`process ${this.pid} ended without an answer`)
    return JSON.parse(value) as Answer
  }

  ask(command: 'open' | 'look' | 'close'): Promise<Answer> {
    this.#process.stdin.write(`${command}\n`)
    return this.answer()
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}

async function start(count: number, withLock: boolean): Promise<Child[]> {
  const started = Array.from({ length: count }, () => new Child(withLock))
  for (const child of started) expect(await child.answer()).toEqual({ ready: true })
  return started
}

function open(
  withLock: boolean,
  identity: Identity = readIdentity(Date.now()),
  lock: OsLock | undefined = osLock,
): Promise<Lease> {
  return acquireLease({
    files: nodeFileSystem,
    directory,
    identity,
    clock: { now: () => BigInt(Date.now()) * 1_000_000n, monotonicMs: () => performance.now() },
    lock: withLock ? lock : undefined,
    epochsSeen: [],
  })
}

/** Takes the lease as a process that has ended, and leaves it as its death does: held, with nobody's lock. */
async function leaveBehind(withLock: boolean): Promise<Lease> {
  ended ??= spawnSync(process.execPath, ['--version']).pid
  const held: { release(): void }[] = []
  const lock = {
    tryLock: (path: string): OsLockAttempt => {
      const attempt = osLock!.tryLock(path)
      if (attempt.outcome === 'held') held.push(attempt.lock)
      return attempt
    },
  }
  const lease = await open(withLock, { ...readIdentity(Date.now()), pid: ended, startTime: '1' }, lock)
  for (const each of held) each.release()
  return lease
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rubidium-'))
})

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()))
  children = []
  rmSync(directory, { recursive: true })
})

describe.each([
  { how: 'with the lock of the operating system', withLock: true },
  { how: 'by lease files alone', withLock: false },
])('the lease between processes, $how', ({ withLock }) => {
  it.skipIf(withLock && osLock === undefined)(
    'is refused to a second process, naming the first',
    async () => {
      const [holder] = await start(1, withLock)
      expect(await holder?.ask('open')).toEqual({ epoch: 1 })
      await expect(open(withLock)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: holder?.pid })
      expect(await holder?.ask('look')).toEqual({ looked: 1 })
      expect(await holder?.ask('close')).toEqual({ closed: true })
      const lease = await open(withLock)
      expect(lease.epoch).toBe(2)
      await lease.release()
    },
  )

  it.skipIf(withLock && osLock === undefined)(
    'is refused to a second opener in the same process',
    async () => {
      const lease = await open(withLock)
      await expect(open(withLock)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: process.pid })
      await lease.release()
      await (await open(withLock)).release()
    },
  )

  it.skipIf(withLock && osLock === undefined)('of a killed process is taken over at once', async () => {
    const [holder] = await start(1, withLock)
    await holder?.ask('open')
    await holder?.kill()
    const lease = await open(withLock)
    expect(lease.epoch).toBe(2)
    await lease.release()
  })

  it.skipIf(withLock && osLock === undefined)(
    'of a dead process is won by exactly one of eight that race for it, round after round',
    async () => {
      const rounds = propertyOptions(4).numRuns
      let racers = await start(9, withLock)
      const [first] = racers
      expect(await first?.ask('open')).toEqual({ epoch: 1 })
      let holder = first
      for (let round = 0; round < rounds; round++) {
        await holder?.kill()
        racers = racers.filter((racer) => racer !== holder)
        const answers = await Promise.all(racers.map((racer) => racer.ask('open')))
        const winners = racers.filter((_, position) => answers[position]?.epoch !== undefined)
        expect(winners).toHaveLength(1)
        holder = winners[0]
        for (const answer of answers) {
          if (answer.epoch === undefined) expect(answer.name).toBe('DatabaseLockedError')
          else expect(answer.epoch).toBe(round + 2)
        }
        expect(await holder?.ask('look')).toEqual({ looked: round + 2 })
        await expect(open(withLock)).rejects.toMatchObject({ pid: holder?.pid })
        racers = [...racers, ...(await start(1, withLock))]
      }
    },
    600_000,
  )

  it.skipIf(withLock && osLock === undefined)(
    'that a dead process has left is won by exactly one, however often they race for it',
    async () => {
      const rounds = propertyOptions(20).numRuns
      const racers = await start(4, withLock)
      for (let round = 0; round < rounds; round++) {
        const { epoch } = await leaveBehind(withLock)
        const answers = await Promise.all(racers.map((racer) => racer.ask('open')))
        const winners = racers.filter((_, position) => answers[position]?.epoch !== undefined)
        expect(winners).toHaveLength(1)
        for (const answer of answers) {
          if (answer.epoch === undefined) expect(answer.name).toBe('DatabaseLockedError')
          else expect(answer.epoch).toBeGreaterThan(epoch)
        }
        const [winner] = winners
        expect(await winner?.ask('look')).toHaveProperty('looked')
        expect(await winner?.ask('close')).toEqual({ closed: true })
      }
    },
    600_000,
  )
})

describe('a holder that cannot be seen from here', () => {
  it.runIf(process.platform === 'linux')(
    'is dead when its process id was given to another process',
    async () => {
      const self = readIdentity(Date.now())
      await open(false, { ...self, startTime: '1' })
      const lease = await open(false)
      expect(lease.epoch).toBe(2)
      await lease.release()
    },
  )

  it('is not taken over on another host or in another namespace', async () => {
    const self = readIdentity(Date.now())
    for (const elsewhere of [
      { ...self, host: 'elsewhere' },
      { ...self, pidNamespace: 'pid:[1]' },
    ]) {
      const lease = await open(false, elsewhere)
      await expect(open(false)).rejects.toThrow('cannot be known from here')
      await lease.release()
    }
  })

  it.skipIf(osLock === undefined)(
    'is dead in another namespace of this host when its lock is gone',
    async () => {
      const elsewhere = { ...readIdentity(Date.now()), pidNamespace: 'pid:[1]' }
      const [holder] = await start(1, true)
      await holder?.ask('open')
      await expect(open(true, elsewhere)).rejects.toMatchObject({ code: 'DATABASE_LOCKED', pid: holder?.pid })
      await holder?.kill()
      await expect(open(false, elsewhere)).rejects.toThrow('cannot be known from here')
      const lease = await open(true, elsewhere)
      expect(lease.epoch).toBe(2)
      await lease.release()
    },
  )
})
